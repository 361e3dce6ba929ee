"""Checks of what was timed here against what a server says of itself."""

from __future__ import annotations

from typing import Final

from sparktop.model import metrics
from sparktop.model.state import RequestState, RunState
from sparktop.model.verdicts import Code, Findings, note

TOLERANCE: Final = 0.05

LATE_MS: Final = 10.0
"""Chunks that lie unread for less are few."""

_LEAST_TOKENS: Final = 20
"""In fewer, the token that a server counts and we don't (the first, or the end) is worth more than the tolerance."""


def server_timings(state: RunState) -> Findings:
    """What arrived came slower or faster than the server says that it made it."""
    groups: dict[tuple[str, int], list[RequestState]] = {}
    for request in state.measured():
        if request.ok:
            groups.setdefault((request.queued.contender, request.queued.batch), []).append(request)
    for (contender, batch), group in groups.items():
        pairs = [pair for request in group if (pair := _decoding(request)) is not None]
        off = metrics.percentile([ours / theirs - 1 for ours, theirs in pairs], 50)
        if off is not None and abs(off) > TOLERANCE:
            ours, theirs = (metrics.percentile(values, 50) or 0.0 for values in zip(*pairs, strict=True))
            text = (
                f"{contender} at batch {batch}: by what arrived a token took {ours:.3g} ms, by the server's own timing"
                f" {theirs:.3g} ms: something in between holds chunks up, or one of them is not what it is taken for"
            )
            yield note(Code.SERVER_TIMINGS, text, contender=contender, batch=batch, client_ms=ours, server_ms=theirs)
        early = [
            (ttft, request.prefill_ms)
            for request in group
            if request.prefill_ms is not None
            and (ttft := metrics.ttft_ms(request.stream)) is not None
            and ttft < (1 - TOLERANCE) * request.prefill_ms
        ]
        if early:
            ttft, prefill = min(early, key=lambda pair: pair[0] / pair[1])
            text = (
                f"{contender} at batch {batch}: {len(early)} first tokens came before the server had read the prompt,"
                f" by its own timing: one after {ttft:.3g} ms of {prefill:.3g} ms"
            )
            yield note(Code.SERVER_TIMINGS, text, contender=contender, batch=batch, client_ms=ttft, server_ms=prefill)


def read_late(state: RunState) -> Findings:
    """What several chunks brought while nobody read is one chunk afterwards."""
    done = [request for request in state.measured() if request.ok]
    late = [r for r in done if r.unread_ms is not None and r.unread_ms > max(LATE_MS, metrics.tpot_ms(r.stream) or 0.0)]
    if late:
        longest = max(request.unread_ms or 0.0 for request in late)
        text = (
            f"in {len(late)} of {len(done)} requests chunks may have lain unread for up to {longest:.0f} ms, as this"
            " machine was busy: the last token's time is the kernel's and right, but several chunks count as one,"
            " gaps look longer, and a first token may be that much late"
        )
        yield note(Code.READ_LATE, text, requests=len(late), completed=len(done), longest_ms=longest)


def _decoding(request: RequestState) -> tuple[float, float] | None:
    """Milliseconds a token, by what arrived and by the server; None where the server does not say.

    Servers differ in whether the time of n tokens holds n or n - 1 steps: theirs is taken as what is nearer.
    """
    ours, tokens, took = metrics.tpot_ms(request.stream), request.decode_tokens, request.decode_ms
    if ours is None or tokens is None or took is None or tokens < _LEAST_TOKENS:
        return None
    return ours, min(max(ours, took / tokens), took / (tokens - 1))
