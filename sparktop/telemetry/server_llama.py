"""What llama-server tells of itself: /metrics and /slots, llama.cpp tools/server/README.md.

/metrics counts the tokens of an answer when it ends, so those of answers under way are taken from
/slots. The averages on the page (predicted_tokens_seconds and the like) are of the time since anybody
last asked for it, and begin again each time: they are not read here, and reading the page disturbs
whoever else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sparktop.model.servers import ServerKind
from sparktop.telemetry.prometheus import Page
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.server_dialect import Gauges, PageDialect
from sparktop.telemetry.server_history import MINUTE_S, History, Speculation
from sparktop.telemetry.server_http import Get

_GENERATED: Final = "llamacpp:tokens_predicted_total"
_PROMPT: Final = "llamacpp:prompt_tokens_total"
_CACHED: Final = "llamacpp:prompt_tokens_cached_total"
_RUNNING: Final = "llamacpp:requests_processing"
_WAITING: Final = "llamacpp:requests_deferred"
_KV: Final = "llamacpp:kv_cache_usage_ratio"
_STEPS: Final = "llamacpp:spec_decode_num_drafts_total"
_DRAFTED: Final = "llamacpp:spec_decode_num_draft_tokens_total"
_ACCEPTED: Final = "llamacpp:spec_decode_num_accepted_tokens_total"
_OLDER: Final = "llama-server tells it from August 2026 on"


class LlamaServerDialect(PageDialect):
    """llama-server's page of metrics and its slots."""

    kind = ServerKind.LLAMA_SERVER
    needed = "--metrics"
    wanted = frozenset((_GENERATED, _PROMPT, _CACHED, _RUNNING, _WAITING, _KV, _STEPS, _DRAFTED, _ACCEPTED))

    def __init__(self) -> None:
        self._generated = History()
        self._prompt = History()
        self._prefix = History(MINUTE_S)
        self._speculation = Speculation()

    def forget(self) -> None:
        """Drops what rates are counted from."""
        self._generated.forget()
        self._prompt.forget()

    def read(self, get: Get, clock: Callable[[], float], gauges: Gauges) -> None:
        """Asks for the page, the slots, and the page again: an answer that ended in between is in neither."""
        before = self.page(get)
        under_way: int | Unreadable
        try:
            under_way = _under_way(get)
        except Unreadable as reason:
            under_way = reason
        now = clock()
        page = before if isinstance(under_way, Unreadable) else self.page(get)
        self.take(page, now, gauges)
        gauges.put("generated", lambda: self._rate(now, before, page, under_way))

    def take(self, page: Page, now: float, gauges: Gauges) -> None:
        """Takes a page; the tokens generated need the slots too."""
        gauges.put("prefilled", lambda: self._prompt.rate(now, page.total(_PROMPT)))
        gauges.put("running", lambda: page.total(_RUNNING))
        gauges.put("waiting", lambda: page.total(_WAITING))
        gauges.put("kv_cache", lambda: 100 * _kv(page))
        gauges.put("prefix_hits", lambda: self._hits(page, now))
        if page.has(_DRAFTED):
            self._speculation.add(now, *(page.total(name) for name in (_STEPS, _DRAFTED, _ACCEPTED)))
        else:
            self._speculation.fail(Unreadable(_OLDER))
        gauges.put("accepted", self._speculation.percent)
        gauges.put("accepted_length", self._speculation.length)

    def _rate(self, now: float, before: Page, after: Page, under_way: int | Unreadable) -> float:
        if isinstance(under_way, Unreadable):
            raise Unreadable(str(under_way))
        ended = after.total(_GENERATED)
        if before.total(_GENERATED) != ended:
            raise Unreadable("an answer ended while it was read")
        return self._generated.rate(now, ended + under_way)

    def _hits(self, page: Page, now: float) -> float:
        if not page.has(_CACHED):
            raise Unreadable(_OLDER)
        cached = page.total(_CACHED)
        whole = cached + page.total(_PROMPT)
        return 100 * self._prefix.share(now, cached, whole, "no prompt was read in the last minute")


def _kv(page: Page) -> float:
    if not page.has(_KV):
        raise Unreadable("llama-server does not tell how full its KV cache is")
    return page.total(_KV)


def _under_way(get: Get) -> int:
    """Returns the tokens of the answers under way, counted as the page does: without each one's first."""
    answer = get("/slots")
    if answer.status != 200:
        raise Unreadable("answers under way are told only by a server started with --slots")
    slots = answer.json()
    busy = [slot for slot in slots if isinstance(slot, dict) and slot.get("is_processing") is True]
    return sum(max(0, _decoded(slot) - 1) for slot in busy)


def _decoded(slot: dict[str, Any]) -> int:
    told = slot.get("next_token")
    # An array of one since 2025, the object itself before.
    token = told[0] if isinstance(told, list) and told else told
    decoded = token.get("n_decoded") if isinstance(token, dict) else None
    return decoded if isinstance(decoded, int) else 0
