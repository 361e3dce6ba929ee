"""How long the rest of a run will take, judged by what has ended, and whether that is more than a guess."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from sparktop.model import metrics
from sparktop.model.state import RequestState, RunState

Group: TypeAlias = tuple[str, int]
"""A contender and a batch size: requests of one group take about as long as each other."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """An estimate of what is left.

    Attributes:
        seconds: Until the end.
        unseen: Contenders that have not ended a request yet, and are taken to be as fast as the others.
        rough: Whether some of what is left has not been seen at all, so that it is a guess.
    """

    seconds: float
    unseen: tuple[str, ...]
    rough: bool


def remaining(state: RunState, now: float) -> Remaining | None:
    """Returns how long the run will still take; None before there is anything to judge by."""
    groups: defaultdict[Group, list[RequestState]] = defaultdict(list)
    for request in state.requests.values():
        groups[request.queued.contender, request.queued.batch].append(request)
    paces = {group: pace for group, requests in groups.items() if (pace := _pace(requests)) is not None}
    if state.started is None or not paces:
        return None
    by_contender: defaultdict[str, float] = defaultdict(float)
    rough = False
    for group, requests in groups.items():
        left = [request for request in requests if request.ended is None]
        if left:
            rough = rough or group not in paces
            running = [now - request.sent for request in left if request.sent is not None]
            by_contender[group[0]] += max(0.0, _guess(group, paces) * len(left) - max(running, default=0.0))
    seen = {name for name, _ in paces}
    unseen = tuple(name for name in by_contender if name not in seen)
    parallel = state.started.options.together
    seconds = max(by_contender.values(), default=0.0) if parallel else sum(by_contender.values())
    return Remaining(seconds, unseen, rough)


def _pace(requests: list[RequestState]) -> float | None:
    """Seconds per request, over the waves of requests sent together that have ended whole."""
    waves: defaultdict[float, list[RequestState]] = defaultdict(list)
    for request in requests:
        if request.sent is not None:
            waves[request.sent].append(request)
    whole = {sent: wave for sent, wave in waves.items() if all(r.ended is not None for r in wave)}
    if not whole:
        return None
    spans = [max(r.ended or sent for r in wave) - sent for sent, wave in whole.items()]
    return sum(spans) / sum(len(wave) for wave in whole.values())


def _guess(group: Group, paces: Mapping[Group, float]) -> float:
    """The pace of a group; of one not seen yet, that of what is most like it."""
    if group in paces:
        return paces[group]
    own = {batch: pace for (name, batch), pace in paces.items() if name == group[0]}
    if own:
        return own[min(own, key=lambda batch: abs(batch - group[1]))]
    same = [pace for (_, batch), pace in paces.items() if batch == group[1]]
    return metrics.mean(same or list(paces.values())) or 0.0
