"""Checks of what holds each contender back: memory bandwidth while it decodes, arithmetic while it reads prompts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sparktop.model import metrics
from sparktop.model.bottleneck import Judgement, judge_decode, judge_prefill
from sparktop.model.channels import indexed, things
from sparktop.model.cost import LEAST_S, Place, place_of
from sparktop.model.decoding import prefill_stretches, row_roofline
from sparktop.model.during import Kind, Work, tally
from sparktop.model.roofline import Ceilings, prefill_bytes_per_token
from sparktop.model.shape import Footprint
from sparktop.model.state import ContenderState, RunState
from sparktop.model.summary import Measured, Summary, measured, summarise
from sparktop.model.verdicts import Code, Findings, Unjudged, finding

UBATCH: Final = 2048
SPLIT_UBATCH: Final = 512
"""Tokens of a prompt that llama.cpp reads together: on a GPU, and where a model is split over machines (n_ubatch, as
engines/llama sets it)."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A contender that answered something.

    Attributes:
        name: Its name.
        state: Its state.
        model: What it reads for each token.
        ceilings: How fast that can be read.
        rows: Its rows, the smallest batch first.
        requests: Its requests.
    """

    name: str
    state: ContenderState
    model: Footprint
    ceilings: Ceilings
    rows: tuple[Summary, ...]
    requests: tuple[Measured, ...]


def bandwidth_bound(state: RunState) -> Findings:
    """Whether decoding waits for memory."""
    unjudged: list[tuple[str, str]] = []
    for asked in _asked(state, unjudged):
        judged = {row.batch: _decode(asked, row) for row in asked.rows}
        for why in dict.fromkeys(judgement.text for judgement in judged.values() if judgement.reached is None):
            unjudged.append((_where(asked, [batch for batch, one in judged.items() if one.text == why]), why))
        reached = [batch for batch, judgement in judged.items() if judgement.reached]
        if not reached:
            continue
        best = max((judged[batch] for batch in reached), key=lambda judgement: judgement.evidence["share"])
        text = f"{_where(asked, reached)}: {best.text}: the memory's bandwidth holds it back"
        batches = ", ".join(map(str, reached))
        yield finding(Code.BANDWIDTH_BOUND, text, contender=asked.name, batches=batches, **best.evidence)
    yield from _unjudged(Code.BANDWIDTH_BOUND, unjudged)


def compute_bound(state: RunState) -> Findings:
    """Whether reading prompts waits for arithmetic; judged where one prompt is read at a time."""
    unjudged: list[tuple[str, str]] = []
    for asked in _asked(state, unjudged):
        judged = _prefill(state, asked)
        if judged.reached is None:
            unjudged.append((asked.name, judged.text))
        elif judged.reached:
            text = f"{asked.name}: {judged.text}: arithmetic holds it back"
            yield finding(Code.COMPUTE_BOUND, text, contender=asked.name, **judged.evidence)
    yield from _unjudged(Code.COMPUTE_BOUND, unjudged)


def _asked(state: RunState, unjudged: list[tuple[str, str]]) -> Iterator[_Asked]:
    """Yields the contenders that can be judged, and adds the others to `unjudged`."""
    requests = [measured(request) for request in state.measured()]
    together = state.started is not None and state.started.options.together and len(state.contenders) > 1
    for name, contender in state.contenders.items():
        own = tuple(request for request in requests if request.contender == name)
        if not any(request.completed for request in own):
            continue  # that it failed, or has not answered yet, is said elsewhere
        if together:
            unjudged.append((name, "several contenders ran at once"))
        elif contender.footprint is None or contender.ceilings is None:
            unjudged.append((name, "what it reads for each token is not known"))
        else:
            done = tuple(row for row in sorted(summarise(own), key=lambda row: row.batch) if row.completed)
            yield _Asked(name, contender, contender.footprint, contender.ceilings, done, own)


def _decode(asked: _Asked, row: Summary) -> Judgement:
    found = row_roofline(row, asked.requests, asked.model, asked.ceilings)
    return (
        judge_decode(found)
        if found is not None
        else _not_judged(Code.BANDWIDTH_BOUND, "the length of its prompts is not known")
    )


def _prefill(state: RunState, asked: _Asked) -> Judgement:
    single = next((row for row in asked.rows if row.batch == 1), None)
    if single is None:
        return _not_judged(Code.COMPUTE_BOUND, "prompts were read several at a time")
    own = [request for request in asked.requests if request.batch == 1]
    prompt = metrics.percentile([r.prompt_tokens for r in own if r.completed and r.prompt_tokens is not None], 50)
    speed = single.prefill_tok_s.median
    read = None
    if speed is not None and prompt:
        together = SPLIT_UBATCH if asked.state.parts else UBATCH
        read = prefill_bytes_per_token(asked.model, min(together, round(prompt))) * speed
    busy, why = _busy(state, asked, own)
    judged = judge_prefill(read, asked.ceilings.theoretical or asked.ceilings.measured, busy)
    if judged.reached is None and busy is None:
        return _not_judged(Code.COMPUTE_BOUND, f"{judged.text} ({why})")
    return judged


def _busy(state: RunState, asked: _Asked, requests: list[Measured]) -> tuple[float | None, str]:
    """Returns how busy the busiest GPU was while prompts were read, in percent, or why that is not known."""
    place = place_of(state, asked.state)
    if not place.on_gpu:
        return None, "it runs on the processor"
    work = prefill_stretches(requests)
    return (None, "the length of a prompt is not known") if work is None else busiest_gpu(place, work)


def busiest_gpu(place: Place, work: Sequence[Work]) -> tuple[float | None, str]:
    """Returns how busy the busiest GPU of a place was in some stretches, in percent, or why that is not known."""
    found: list[float] = []
    why = ""
    for node in place.nodes:
        for gpu in things(place.node(node), "gpu"):
            curve = place.node(node).get(name := indexed("gpu", gpu, "utilization"))
            read = tally(curve, Kind.RATE, work) if curve is not None else None
            if read is None:
                why = place.why(node, name)
            elif read.seconds < LEAST_S:
                why = f"readings cover {read.seconds:.1f} s of it, and it takes {LEAST_S:.0f} s"
            else:
                found.append(read.total / read.seconds)
    return max(found, default=None), why or place.why(place.nodes[0], "gpu")


def _not_judged(code: Code, why: str) -> Judgement:
    return Judgement(code=code, reached=None, text=why, evidence={})


def _where(asked: _Asked, batches: list[int]) -> str:
    if len(batches) == len(asked.rows):
        return asked.name
    return f"{asked.name} at batch {_listed(map(str, batches))}"


def _unjudged(code: Code, reasons: list[tuple[str, str]]) -> Findings:
    """Says once what several contenders lack."""
    lacking: dict[str, list[str]] = {}
    for who, why in reasons:
        lacking.setdefault(why, []).append(who)
    for why, names in lacking.items():
        yield Unjudged(code=code, reason=f"{_listed(names)}: {why}")


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
