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
        busy: list[dict[str, Any]] | Unreadable
        try:
            busy = _busy_slots(get)
        except Unreadable as reason:
            busy = reason
        now = clock()
        page = before if isinstance(busy, Unreadable) else self.page(get)
        self.take(page, now, gauges)
        gauges.put("generated", lambda: self._rate(now, before, page, busy))
        gauges.put("kv_cache", lambda: 100 * _kv(page, busy))

    def take(self, page: Page, now: float, gauges: Gauges) -> None:
        """Takes a page; the tokens generated and the KV cache need the slots too."""
        gauges.put("prefilled", lambda: self._prompt.rate(now, page.total(_PROMPT)))
        gauges.put("running", lambda: page.total(_RUNNING))
        gauges.put("waiting", lambda: page.total(_WAITING))
        gauges.put("prefix_hits", lambda: self._hits(page, now))
        if page.has(_DRAFTED):
            self._speculation.add(now, *(page.total(name) for name in (_STEPS, _DRAFTED, _ACCEPTED)))
        else:
            self._speculation.fail(Unreadable(_OLDER))
        gauges.put("accepted", self._speculation.percent)
        gauges.put("accepted_length", self._speculation.length)

    def _rate(self, now: float, before: Page, after: Page, busy: list[dict[str, Any]] | Unreadable) -> float:
        if isinstance(busy, Unreadable):
            raise Unreadable(str(busy))
        ended = after.total(_GENERATED)
        if before.total(_GENERATED) != ended:
            raise Unreadable("an answer ended while it was read")
        # Counted as the page does: without each answer's first token.
        return self._generated.rate(now, ended + sum(max(0, _decoded(slot) - 1) for slot in busy))

    def _hits(self, page: Page, now: float) -> float:
        if not page.has(_CACHED):
            raise Unreadable(_OLDER)
        cached = page.total(_CACHED)
        whole = cached + page.total(_PROMPT)
        return 100 * self._prefix.share(now, cached, whole, "no prompt was read in the last minute")


def _kv(page: Page, busy: list[dict[str, Any]] | Unreadable) -> float:
    """Returns how full the KV cache is: of the answers under way that of the fullest slot, each has its own part."""
    if page.has(_KV):
        return page.total(_KV)
    if isinstance(busy, Unreadable):
        raise Unreadable(str(busy))
    shares = [_count(slot, "n_prompt_tokens") / context for slot in busy if (context := _count(slot, "n_ctx"))]
    if len(shares) < len(busy) or not all("n_prompt_tokens" in slot for slot in busy):
        raise Unreadable("the server does not tell how many tokens its slots hold")
    return min(1.0, max(shares, default=0.0))


def _busy_slots(get: Get) -> list[dict[str, Any]]:
    """Returns the slots that are at work."""
    answer = get("/slots")
    if answer.status != 200:
        raise Unreadable("answers under way are told only by a server started with --slots")
    slots = answer.json()
    return [slot for slot in slots if isinstance(slot, dict) and slot.get("is_processing") is True]


def _count(slot: dict[str, Any], key: str) -> int:
    """Tokens that a slot tells; by n_prompt_tokens, despite its name, all that it holds, those decoded included."""
    value = slot.get(key)
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else 0


def _decoded(slot: dict[str, Any]) -> int:
    told = slot.get("next_token")
    # An array of one since 2025, the object itself before.
    token = told[0] if isinstance(told, list) and told else told
    decoded = token.get("n_decoded") if isinstance(token, dict) else None
    return decoded if isinstance(decoded, int) else 0
