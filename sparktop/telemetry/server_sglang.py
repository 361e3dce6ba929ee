"""What SGLang tells of itself: https://docs.sglang.ai/references/production_metrics.html.

Every scheduler of a data-parallel server has series of its own (dp_rank). Others may tell the same again:
those of further tensor- or pipeline-parallel ranks, and the parts by priority of a series whose
priority is "".
"""

from __future__ import annotations

from typing import Final

from sparktop.model.servers import ServerKind
from sparktop.telemetry.prometheus import Page
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.server_dialect import Gauges, PageDialect
from sparktop.telemetry.server_history import MINUTE_S, History

_THROUGHPUT: Final = "sglang:gen_throughput"
_TOKENS: Final = "sglang:realtime_tokens_total"
_PROMPT: Final = "sglang:prompt_tokens_total"
_CACHED: Final = "sglang:cached_tokens_total"
_RUNNING: Final = "sglang:num_running_reqs"
_WAITING: Final = "sglang:num_queue_reqs"
_KV: Final = "sglang:token_usage"
_RATE: Final = "sglang:spec_accept_rate"
_LENGTH: Final = "sglang:spec_accept_length"
_RANKS: Final = frozenset(("tp_rank", "pp_rank", "moe_ep_rank"))
_SMOOTH_S: Final = 10.0
"""Its counters go on only when it logs, every 40 steps of decoding; between two readings often by nothing."""


class SglangDialect(PageDialect):
    """SGLang's page of metrics."""

    kind = ServerKind.SGLANG
    needed = "--enable-metrics"
    wanted = frozenset((_THROUGHPUT, _TOKENS, _PROMPT, _CACHED, _RUNNING, _WAITING, _KV, _RATE, _LENGTH))

    def __init__(self) -> None:
        self._prompt = History(_SMOOTH_S)
        self._prefix = History(MINUTE_S)

    def forget(self) -> None:
        """Drops what rates are counted from."""
        self._prompt.forget()

    def take(self, page: Page, now: float, gauges: Gauges) -> None:
        """Takes a page."""
        gauges.put("generated", lambda: _throughput(page))
        gauges.put("prefilled", lambda: self._prompt.rate(now, _computed(page)))
        gauges.put("running", lambda: sum(_engines(page, _RUNNING)))
        gauges.put("waiting", lambda: sum(_engines(page, _WAITING)))
        gauges.put("kv_cache", lambda: 100 * max(_engines(page, _KV)))
        gauges.put("prefix_hits", lambda: self._hits(page, now))
        gauges.put("accepted", lambda: 100 * _speculative(page, _RATE))
        gauges.put("accepted_length", lambda: _speculative(page, _LENGTH))

    def _hits(self, page: Page, now: float) -> float:
        computed, cached = _computed(page), _cached(page)
        return 100 * self._prefix.share(now, cached, computed + cached, "no prompt was read in the last minute")


def _engines(page: Page, name: str, **labels: str) -> list[float]:
    """Returns one value for each engine, or each other thing that has one."""
    found: dict[frozenset[tuple[str, str]], float] = {}
    for sample in page.samples(name):
        if sample.labels.get("priority") or not labels.items() <= sample.labels.items():
            continue
        key = frozenset(item for item in sample.labels.items() if item[0] not in _RANKS)
        found[key] = max(found.get(key, sample.value), sample.value)
    if not found:
        raise Unreadable(f"the server does not tell {name} of {', '.join(labels.values()) or 'any engine'}")
    return list(found.values())


def _throughput(page: Page) -> float:
    # What it was when the server last logged stays when the last request ends.
    return sum(_engines(page, _THROUGHPUT)) if sum(_engines(page, _RUNNING)) else 0.0


def _computed(page: Page) -> float:
    if page.has(_TOKENS):
        return sum(_engines(page, _TOKENS, mode="prefill_compute"))
    # Older versions tell of prompts when their requests end, and count what came from the cache too.
    return max(0.0, sum(_engines(page, _PROMPT)) - _cached(page))


def _cached(page: Page) -> float:
    if page.has(_TOKENS):
        return sum(_engines(page, _TOKENS, mode="prefill_cache"))
    return sum(_engines(page, _CACHED))


def _speculative(page: Page, name: str) -> float:
    # Without a draft model both are there and 0; with one, a step makes 1 token at least.
    if not any(_engines(page, _LENGTH)):
        raise Unreadable("no speculative decoding")
    if not sum(_engines(page, _RUNNING)):
        raise Unreadable("no request is running")
    values = _engines(page, name)
    return sum(values) / len(values)
