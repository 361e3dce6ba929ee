"""What a token costs: energy, and bytes over the link between the nodes of a split model.

Machines are read twice a second and phases begin and end in between. So only what lies between two
readings of the same stretch is counted, and divided by the tokens of just that time: no reading is
shared out between prefill and decode by guess.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol

from sparktop.model.channels import indexed, things
from sparktop.model.metrics import Stream
from sparktop.model.phases import RunPhase, stretches
from sparktop.model.state import ContenderState, RunState

LEAST_S: Final = 1.0
"""Seconds of readings below which nothing is said: counters of energy move in steps of up to a tenth of a second."""

MACHINE_RAIL: Final = "sys_total"
"""Label of the rail that feeds the whole machine (the spbm driver's on a DGX Spark)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCost:
    """What each token cost in one phase, of decoding or of reading prompts.

    Attributes:
        gpu_j: Joules of the GPUs alone for each token, all GPUs of the nodes; null if that is not known.
        machine_j: Joules of the whole machines for each token; null if that is not known.
        rdma_bytes: Bytes that crossed the ports of one node by RDMA for each token, both directions; null where the
            model is not split over nodes.
        tcp_bytes: The same for what was not RDMA.
        notes: For each of these fields where it is from, or why it is null.
    """

    gpu_j: float | None = None
    machine_j: float | None = None
    rdma_bytes: float | None = None
    tcp_bytes: float | None = None
    notes: dict[str, str] = field(default_factory=dict)


class Curve(Protocol):
    """Readings of one quantity; None is a gap."""

    @property
    def times(self) -> Sequence[float]:
        """When, ascending, in seconds."""

    @property
    def values(self) -> Sequence[float | None]:
        """What."""


Curves = Mapping[str, Mapping[str, Curve]]
"""Readings by node, then by channel name."""


@dataclass(frozen=True, slots=True)
class Work:
    """A stretch of time in which tokens were worked on.

    Attributes:
        start: Seconds.
        end: Seconds.
        tokens: Tells how many of them fall to the time from one moment to another of this stretch.
    """

    start: float
    end: float
    tokens: Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender ran, and what was read there.

    Attributes:
        nodes: Names of its machines.
        on_gpu: False where it is known to have run on the processor.
        contended: Others ran at the same time.
        curves: What was read.
        missing: Why a channel was not read, by node, then by channel name.
    """

    nodes: tuple[str, ...]
    on_gpu: bool
    contended: bool
    curves: Curves
    missing: Mapping[str, Mapping[str, str]]

    def node(self, name: str) -> Mapping[str, Curve]:
        """Returns what was read of a machine."""
        return self.curves.get(name, {})

    def why(self, node: str, *channels: str) -> str:
        """Returns why channels of a machine, or else of their source, were not read."""
        reasons = self.missing.get(node, {})
        for name in (*channels, *(channel.partition(".")[0] for channel in channels)):
            if name in reasons:
                return f"{node}: {reasons[name]}"
        return f"{node}: no reading of {channels[0]} was taken"


def place_of(state: RunState, contender: ContenderState, curves: Curves | None = None) -> Place:
    """Returns where a contender ran.

    Args:
        state: The run.
        contender: One of its contenders.
        curves: What was read; None for the state's own series.
    """
    devices = contender.info.devices if contender.info is not None else ()
    return Place(
        nodes=tuple(contender.contender.node.split("+")),
        on_gpu=set(devices) != {"CPU"},
        contended=state.started is not None and state.started.options.together and len(state.contenders) > 1,
        curves=state.gauges if curves is None else curves,
        missing=state.missing,
    )


def decode_work(streams: Sequence[Stream]) -> list[Work]:
    """Returns the stretches in which streams of one cell decoded and none read its prompt.

    A stream without a token is reading its prompt still.
    """

    def decoded(start: float, end: float) -> float:
        return sum(
            sum(stream.counts[bisect_right(stream.times, start) : bisect_right(stream.times, end)])
            for stream in streams
        )

    lives = (
        (stream.sent, stream.times[0], stream.times[-1]) if stream.times else (stream.sent, math.inf, math.inf)
        for stream in streams
    )
    return [Work(one.start, one.end, decoded) for one in stretches(lives) if one.phase is RunPhase.DECODE]


def prefill_work(cell: Sequence[tuple[Stream, int]]) -> list[Work]:
    """Returns the stretches in which whole prompts of one cell were read and nothing was decoded.

    Args:
        cell: Each stream, which must have a token, with the tokens of its prompt that had to be read.
    """
    found = []
    lives = ((stream.sent, stream.times[0], stream.times[-1]) for stream, _ in cell)
    for one in stretches(lives):
        if one.phase is not RunPhase.PREFILL:
            continue
        read = [(stream, n) for stream, n in cell if stream.sent < one.end and stream.times[0] > one.start]
        if all(one.start <= stream.sent and stream.times[0] <= one.end for stream, _ in read):
            found.append(Work(one.start, one.end, _evenly(sum(n for _, n in read) / (one.end - one.start))))
    return found


def _evenly(rate: float) -> Callable[[float, float], float]:
    return lambda start, end: rate * (end - start)


def token_cost(place: Place, work: Sequence[Work], doing: str) -> TokenCost:
    """Returns what each token of some work cost.

    Args:
        place: Where it was done.
        work: Stretches of one contender's time.
        doing: What was done in them, in words ("decoding").
    """
    sums: dict[str, Callable[[], _Sum]] = {
        "gpu_j": lambda: _gpus(place, work, doing),
        "machine_j": lambda: _machines(place, work, doing),
        "rdma_bytes": lambda: _traffic(place, work, doing, "rdma"),
        "tcp_bytes": lambda: _traffic(place, work, doing, "tcp"),
    }
    figures: dict[str, float | None] = {}
    notes: dict[str, str] = {}
    for name, count in sums.items():
        try:
            found = count()
        except _Unknown as reason:
            figures[name], notes[name] = None, str(reason)
        else:
            figures[name], notes[name] = found.per_token, found.source
    return TokenCost(**figures, notes=notes)


def unknown_cost(reason: str) -> TokenCost:
    """Returns that nothing is known, and why."""
    return TokenCost(notes=dict.fromkeys(("gpu_j", "machine_j", "rdma_bytes", "tcp_bytes"), reason))


class _Unknown(Exception):
    """A figure that can't be given; the message says why."""


class _Kind(Enum):
    """What a series counts."""

    TOTAL = auto()
    """Something since some moment: what came in between is the difference."""
    LEVEL = auto()
    """Something for each second, at the moment of the reading."""
    RATE = auto()
    """Something for each second, over the time since the reading before."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """Something for each token.

    Attributes:
        per_token: How much.
        source: Which series it is from, and over how many seconds.
    """

    per_token: float
    source: str


def _gpus(place: Place, work: Sequence[Work], doing: str) -> _Sum:
    _alone(place)
    if not place.on_gpu:
        raise _Unknown("the model runs on the processor")
    sums = []
    for node in place.nodes:
        gpus = things(place.node(node), "gpu")
        if not gpus:
            raise _Unknown(place.why(node, "gpu"))
        for gpu in gpus:
            names = {
                indexed("gpu", gpu, "energy"): _Kind.TOTAL,
                indexed("gpu", gpu, "energy_integrated"): _Kind.TOTAL,
                indexed("gpu", gpu, "power"): _Kind.LEVEL,
            }
            sums.append(_first(place, node, names, work, doing))
    return _together(sums, "GPU only")


def _machines(place: Place, work: Sequence[Work], doing: str) -> _Sum:
    _alone(place)
    names = {
        indexed("rail", MACHINE_RAIL, "energy"): _Kind.TOTAL,
        indexed("rail", MACHINE_RAIL, "power"): _Kind.LEVEL,
    }
    return _together([_first(place, node, names, work, doing) for node in place.nodes], "whole machine")


def _traffic(place: Place, work: Sequence[Work], doing: str, what: str) -> _Sum:
    if len(place.nodes) < 2:
        raise _Unknown("the model is not split over nodes")
    _alone(place)
    # What one node sends another receives: counted at one of them.
    node = next((node for node in place.nodes if things(place.node(node), "port")), None)
    if node is None:
        raise _Unknown(place.why(place.nodes[0], "roce"))
    sums = [
        _first(place, node, {indexed("port", port, f"{direction}_{what}"): _Kind.RATE}, work, doing, least=0.0)
        for port in things(place.node(node), "port")
        for direction in ("rx", "tx")
    ]
    return _together(sums, "both directions")


def _alone(place: Place) -> None:
    if place.contended:
        raise _Unknown("several contenders ran at once")


def _first(
    place: Place, node: str, names: Mapping[str, _Kind], work: Sequence[Work], doing: str, least: float | None = None
) -> _Sum:
    """Returns the sum by the first of several series that tells enough.

    Args:
        place: Where the work was done.
        node: The machine.
        names: The channels, the best first.
        work: When it was done.
        doing: What, in words.
        least: The least that is believed; None for more than nothing, as of energy.
    """
    reason = place.why(node, *names)
    for name, kind in names.items():
        curve = place.node(node).get(name)
        if curve is None or all(value is None for value in curve.values):
            continue
        total, tokens, seconds = _count(curve, kind, work)
        if seconds < LEAST_S or tokens <= 0:
            reason = f"readings cover {seconds:.1f} s of {doing}, and it takes {LEAST_S:.0f} s"
        elif total <= 0 if least is None else total < least:
            reason = f"{name} of {node} does not move"
        else:
            return _Sum(total / tokens, f"{name} of {node} over {seconds:.1f} s")
    raise _Unknown(reason)


def _together(sums: Sequence[_Sum], what: str) -> _Sum:
    more = f" and {len(sums) - 1} more series" if len(sums) > 1 else ""
    return _Sum(sum(one.per_token for one in sums), f"{what}: {sums[0].source}{more}")


def _count(curve: Curve, kind: _Kind, work: Iterable[Work]) -> tuple[float, float, float]:
    """Returns what a series counts in stretches, the tokens of that time, and its seconds."""
    total = tokens = seconds = 0.0
    times, values = curve.times, curve.values
    for one in work:
        begun: float | None = None
        first = bisect_left(times, one.start)
        end = bisect_right(times, one.end)
        for index in range(first + 1, end):
            step = _step(kind, values[index - 1], values[index], times[index] - times[index - 1])
            if step is None:
                if begun is not None:
                    tokens += one.tokens(begun, times[index - 1])
                begun = None
                continue
            begun = times[index - 1] if begun is None else begun
            total += step
            seconds += times[index] - times[index - 1]
        if begun is not None:
            tokens += one.tokens(begun, times[end - 1])
    return total, tokens, seconds


def _step(kind: _Kind, before: float | None, now: float | None, seconds: float) -> float | None:
    """What came between two readings; None where that is not known."""
    if now is None or (before is None and kind is not _Kind.RATE):
        return None
    if kind is _Kind.RATE or before is None:
        return now * seconds
    if kind is _Kind.LEVEL:
        return (before + now) / 2 * seconds
    return now - before if now >= before else None
