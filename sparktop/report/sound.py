"""Whether a run's document holds together: a file that somebody edited may not, and no figure would follow from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

from sparktop.model.document import RequestRecord, Snapshot
from sparktop.model.events import Finish


class Unsound(ValueError):
    """A run contradicts itself; the message is one sentence that names what is wrong."""


def check(run: Snapshot) -> None:
    """Checks what the format alone does not tell.

    Raises:
        Unsound: The run contradicts itself.
    """
    for problem in _problems(run):
        raise Unsound(f"run {run.id} is damaged or was edited: {problem}")


def _problems(run: Snapshot) -> Iterator[str]:
    names = [record.contender.name for record in run.contenders]
    if len(set(names)) < len(names):
        yield "two contenders have the same name"
    items = [item.id for item in run.scenario.items]
    if len(set(items)) < len(items):
        yield "two questions have the same id"
    numbers = [request.request for request in run.requests]
    if len(set(numbers)) < len(numbers):
        yield "two requests have the same number"
    if not _usable([run.duration_s]):
        yield f"it took {run.duration_s} seconds"
    known = set(names)
    for request in run.requests:
        if request.contender not in known:
            yield f"request {request.request} is of a contender that did not take part"
        for problem in _request(request):
            yield f"request {request.request} {problem}"
    for series in run.telemetry:
        if len(series.t_s) != len(series.values):
            yield f"{series.channel} of {series.node} has {len(series.t_s)} times and {len(series.values)} values"
        elif not _usable(series.t_s) or not all(value is None or math.isfinite(value) for value in series.values):
            yield f"{series.channel} of {series.node} has times or values that can't be"
    for span in run.phases:
        if not _usable((span.start_s, span.end_s)) or span.end_s < span.start_s:
            yield f"a phase lasts from {span.start_s} to {span.end_s} s"


def _request(request: RequestRecord) -> Iterator[str]:
    times, counts = request.chunks.t_ms, request.chunks.n
    if len(times) != len(counts):
        yield f"has {len(times)} times and {len(counts)} counts of chunks"
    if not _usable(times) or any(late < early for early, late in itertools.pairwise(times)):
        yield "has chunks whose times do not ascend"
    if any(count < 0 for count in counts) or request.tokens.output < 0:
        yield "has fewer than no tokens"
    if any(not 0 <= first <= end <= len(times) for first, end in request.chunks.reasoning):
        yield "has reasoning outside of its chunks"
    if request.batch < 1 or request.repetition < 0:
        yield f"is of batch {request.batch}, repetition {request.repetition}"
    if not _usable(t for t in (request.sent_s, request.ended_s, request.prefill_ms) if t is not None):
        yield "has times that can't be"
    if request.sent_s is None and (times or request.finish in (Finish.STOP, Finish.LENGTH)):
        yield "was answered and never sent"
    known = (count for count in (request.tokens.prompt, request.tokens.cached) if count is not None)
    if any(count < 0 for count in known):
        yield "has a prompt of fewer than no tokens"


def _usable(times: Iterable[float]) -> bool:
    """Whether numbers are times: finite, not negative, and within a century."""
    return all(math.isfinite(t) and 0 <= t < 4e12 for t in times)
