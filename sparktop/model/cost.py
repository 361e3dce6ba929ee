"""What a token costs: energy, and bytes over the link between the nodes of a split model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sparktop.model.channels import indexed, things
from sparktop.model.during import Curve, Curves, Kind, Work, tally
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
                indexed("gpu", gpu, "energy"): Kind.TOTAL,
                indexed("gpu", gpu, "energy_integrated"): Kind.TOTAL,
                indexed("gpu", gpu, "power"): Kind.LEVEL,
            }
            sums.append(_first(place, node, names, work, doing))
    return _together(sums, "GPU only")


def _machines(place: Place, work: Sequence[Work], doing: str) -> _Sum:
    _alone(place)
    names = {
        indexed("rail", MACHINE_RAIL, "energy"): Kind.TOTAL,
        indexed("rail", MACHINE_RAIL, "power"): Kind.LEVEL,
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
        _first(place, node, {indexed("port", port, f"{direction}_{what}"): Kind.RATE}, work, doing, least=0.0)
        for port in things(place.node(node), "port")
        for direction in ("rx", "tx")
    ]
    return _together(sums, "both directions")


def _alone(place: Place) -> None:
    if place.contended:
        raise _Unknown("several contenders ran at once")


def _first(
    place: Place, node: str, names: Mapping[str, Kind], work: Sequence[Work], doing: str, least: float | None = None
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
        found = tally(curve, kind, work)
        if found.seconds < LEAST_S or found.tokens <= 0:
            reason = f"readings cover {found.seconds:.1f} s of {doing}, and it takes {LEAST_S:.0f} s"
        elif found.total <= 0 if least is None else found.total < least:
            reason = f"{name} of {node} does not move"
        else:
            return _Sum(found.total / found.tokens, f"{name} of {node} over {found.seconds:.1f} s")
    raise _Unknown(reason)


def _together(sums: Sequence[_Sum], what: str) -> _Sum:
    more = f" and {len(sums) - 1} more series" if len(sums) > 1 else ""
    return _Sum(sum(one.per_token for one in sums), f"{what}: {sums[0].source}{more}")
