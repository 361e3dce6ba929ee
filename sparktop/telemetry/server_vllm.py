"""What vLLM tells of itself: https://docs.vllm.ai/en/latest/usage/metrics/.

All of its counters go on with every step of the engine. Each engine of a data-parallel server has
series of its own.
"""

from __future__ import annotations

from typing import Final

from sparktop.model.servers import ServerKind
from sparktop.telemetry.prometheus import Page
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.server_dialect import Gauges, PageDialect
from sparktop.telemetry.server_history import MINUTE_S, History, Speculation

_GENERATED: Final = "vllm:generation_tokens_total"
_PROMPT: Final = "vllm:prompt_tokens_total"
_BY_SOURCE: Final = "vllm:prompt_tokens_by_source_total"
_HITS: Final = ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total")
_QUERIES: Final = ("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total")
_KV: Final = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_RUNNING: Final = "vllm:num_requests_running"
_WAITING: Final = "vllm:num_requests_waiting"
_STEPS: Final = "vllm:spec_decode_num_drafts_total"
_DRAFTED: Final = "vllm:spec_decode_num_draft_tokens_total"
_ACCEPTED: Final = "vllm:spec_decode_num_accepted_tokens_total"


class VllmDialect(PageDialect):
    """vLLM's page of metrics, of versions from 0.8 on."""

    kind = ServerKind.VLLM
    wanted = frozenset(
        (_GENERATED, _PROMPT, _BY_SOURCE, *_HITS, *_QUERIES, *_KV, _RUNNING, _WAITING, _STEPS, _DRAFTED, _ACCEPTED)
    )

    def __init__(self) -> None:
        self._generated = History()
        self._prompt = History()
        self._prefix = History(MINUTE_S)
        self._speculation = Speculation()

    def forget(self) -> None:
        """Drops what rates are counted from."""
        self._generated.forget()
        self._prompt.forget()

    def take(self, page: Page, now: float, gauges: Gauges) -> None:
        """Takes a page."""
        gauges.put("generated", lambda: self._generated.rate(now, page.total(_GENERATED)))
        gauges.put("prefilled", lambda: self._prefilled(page, now))
        gauges.put("running", lambda: page.total(_RUNNING))
        gauges.put("waiting", lambda: page.total(_WAITING))
        gauges.put("kv_cache", lambda: 100 * page.first(_KV, page.highest))
        gauges.put("prefix_hits", lambda: self._hits(page, now))
        try:
            counts = [page.total(name) if page.has(_DRAFTED) else 0.0 for name in (_STEPS, _DRAFTED, _ACCEPTED)]
            self._speculation.add(now, *counts)
        except Unreadable as reason:
            self._speculation.fail(reason)
        gauges.put("accepted", self._speculation.percent)
        gauges.put("accepted_length", self._speculation.length)

    def _prefilled(self, page: Page, now: float) -> float:
        # The sum holds the tokens that came from the cache.
        if page.has(_BY_SOURCE):
            return self._prompt.rate(now, page.total(_BY_SOURCE, source="local_compute"))
        seconds, (prompt, hits) = self._prompt.growth(now, page.total(_PROMPT), page.first(_HITS, page.total))
        # A hit is counted when its request is let in, the prompt when it has been read.
        return max(0.0, prompt - hits) / seconds

    def _hits(self, page: Page, now: float) -> float:
        hits, queries = page.first(_HITS, page.total), page.first(_QUERIES, page.total)
        return 100 * self._prefix.share(now, hits, queries, "no prompt was looked up in the last minute")
