"""What is wrong with a machine at this moment, for the screens that show it live.

A verdict (see `sparktop.model.validity`) is about a whole run; an alert is about the last ten seconds, and goes away by
itself. Both have the same codes and rest on the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sparktop.model import channels
from sparktop.model.channels import indexed, things
from sparktop.model.clock_events import HARDWARE_SLOWDOWN
from sparktop.model.gpu_checks import CAUSES, HEAT, is_gb10
from sparktop.model.live_findings import slower_so_far
from sparktop.model.low_clock import LASTS_S, THROTTLED_PERCENT
from sparktop.model.machine_checks import SWAP_GROWTH, unified_gpu
from sparktop.model.pressure import GIB, LAST_SHARE, MIB, Level, floor_bytes, read_pressure
from sparktop.model.roce_checks import (
    BROKEN,
    CONGESTED,
    RESENT,
    busiest,
    fallback_evidence,
    growth,
    ports,
    split_contenders,
    split_nodes,
)
from sparktop.model.state import ContenderState, Phase, RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.transport_checks import proven
from sparktop.model.verdicts import LINE_CELLS, Alert, Code, Severity
from sparktop.model.watch import Load, Watch, hidden

__all__ = ["LINE_CELLS", "RECENT_S", "Alert", "alerts", "suspicions"]

RECENT_S: Final = 10.0
"""What was read longer ago than this is not "now"."""


def alerts(state: RunState, now: float) -> tuple[Alert, ...]:
    """Returns what is wrong now, faults first; works without a run too.

    Args:
        state: The run so far, or what was read of machines without one.
        now: Seconds on the clock of the events.
    """
    found = [alert for name in state.watches for alert in _Machine(state, name, now).alerts()]
    found += [*_fallbacks(state, now), *slower_so_far(state)]
    return tuple(sorted(found, key=lambda alert: tuple(Severity).index(alert.severity)))


def suspicions(state: RunState, now: float) -> Iterator[tuple[str, str]]:
    """Yields what may become an alert and has not lasted long enough: the machine, and what is seen of it.

    Args:
        state: As for `alerts`.
        now: Seconds on the clock of the events.
    """
    for name, watch in state.watches.items():
        gauges = state.gauges.get(name, {})
        for gpu, clock in watch.clocks.items():
            share = gauges.get(indexed("gpu", gpu, "sm_clock_share"))
            if clock.suspected is None or share is None or share.last is None or share.times[-1] < now - RECENT_S:
                continue
            for_s = share.times[-1] - clock.suspected
            yield name, f"GPU {gpu} busy at {share.last:.0f} % clock for {for_s:.0f} s, judged after {LASTS_S:.0f}"


def _fallbacks(state: RunState, now: float) -> Iterator[Alert]:
    """Split contenders whose traffic goes past RDMA, told of the machine that sees most of it."""
    for contender in split_contenders(state):
        name = contender.contender.name
        if contender.links:
            yield from _proven_fallbacks(state, contender)
            continue
        seen = {node: split for node, watch in state.watches.items() if (split := watch.splits.get(name)) is not None}
        recent = {node: split.recent(now) for node, split in seen.items()}
        most = busiest(recent.values())
        if not most.fell_back or not any(split.linked for split in seen.values()):
            continue
        over = "the RDMA ports" if most.tcp >= most.other else "another interface"
        text = f"no RDMA: {most.past_rdma / most.tokens / 1024:,.1f} KiB a token go by TCP over {over}"
        yield Alert(
            code=Code.ROCE_FALLBACK,
            severity=Severity.NOTE,
            node=next(node for node, traffic in recent.items() if traffic is most),
            text=text,
            evidence={"contender": name, **fallback_evidence(most)},
        )


def _proven_fallbacks(state: RunState, contender: ContenderState) -> Iterator[Alert]:
    for link in proven(state, contender):
        if not link.fell_back or contender.phase is not Phase.READY:
            continue
        per_token = link.use.bytes_per_token
        size = "what is sent goes" if per_token is None else f"{per_token / 1024:,.1f} KiB a token go"
        yield Alert(
            code=Code.ROCE_FALLBACK,
            severity=Severity.NOTE,
            node=link.first,
            text=f"no RDMA: {size} by TCP to {link.use.node}"[:LINE_CELLS],
            evidence={"contender": contender.contender.name, "node": link.use.node, "tokens": link.use.decode_tokens},
        )


class _Machine:
    """One machine at one moment."""

    def __init__(self, state: RunState, name: str, now: float) -> None:
        self._state = state
        self._name = name
        self._now = now
        self._gauges: dict[str, Gauge] = state.gauges.get(name, {})
        self._watch: Watch = state.watches[name]
        self._node = state.nodes.get(name)
        self._gpus = things(self._gauges, "gpu")

    def alerts(self) -> Iterator[Alert]:
        yield from self._memory()
        yield from self._swap()
        yield from self._page_cache()
        for gpu in self._gpus:
            yield from self._clock(gpu)
            yield from self._throttling(gpu)
            yield from self._others(gpu)
        yield from self._links()

    def _read(self, channel: str) -> float | None:
        gauge = self._gauges.get(channel)
        if gauge is None or not gauge.times or gauge.times[-1] < self._now - RECENT_S:
            return None
        return gauge.last

    def _gpu(self, gpu: str, quantity: str) -> float | None:
        return self._read(indexed("gpu", gpu, quantity))

    def _alert(self, code: Code, severity: Severity, text: str, **evidence: float | str) -> Alert:
        return Alert(code=code, severity=severity, node=self._name, text=text, evidence=evidence)

    def _memory(self) -> Iterator[Alert]:
        found = read_pressure(self._read)
        if found.level in (Level.TIGHT, Level.CRITICAL):
            severity = Severity.FAULT if found.level is Level.CRITICAL else Severity.NOTE
            yield self._alert(Code.MEMORY_PRESSURE, severity, f"memory {found.level}: {found.brief}", **found.evidence)

    def _swap(self) -> Iterator[Alert]:
        gauge = self._gauges.get(channels.SWAP_USED)
        recent = gauge.since(self._now - RECENT_S)[1] if gauge is not None else []
        known = [value for value in recent if value is not None]
        if known and (growth := known[-1] - known[0]) > SWAP_GROWTH:
            severity = Severity.FAULT if self._state.started is not None else Severity.NOTE
            text = f"swap grew by {growth / MIB:,.0f} MiB in {RECENT_S:.0f} s, to {known[-1] / GIB:,.1f} GiB"
            yield self._alert(Code.SWAP_GROWTH, severity, text, bytes=growth, used=known[-1])

    def _page_cache(self) -> Iterator[Alert]:
        if self._node is None or not unified_gpu(self._state, self._node):
            return
        names = (channels.MEMORY_FREE, channels.MEMORY_CACHE, channels.MEMORY_AVAILABLE)
        free, cache, available = (self._read(name) for name in names)
        if free is None or cache is None or available is None:
            return
        load = self._squeezed_load()
        need = load.need if load is not None else 0.0
        unseen = hidden(free, cache, available)
        floor = floor_bytes(self._read(channels.MEMORY_TOTAL))
        # Without a run nothing says what is needed: then what the next load would see, where the GPU is made use of.
        watching = self._state.started is None and self._gpu_in_use()
        if load is None and not (watching and free < LAST_SHARE * floor and unseen > floor):
            return
        needed = f", {need / GIB:,.1f} needed" if need else ""
        text = f"CUDA sees {free / GIB:,.1f} GiB free{needed}; {unseen / GIB:,.1f} GiB are page cache"
        evidence = {"free": free, "cache": cache, "available": available} | ({"need": need} if need else {})
        yield self._alert(Code.PAGE_CACHE, Severity.NOTE, text, **evidence)

    def _squeezed_load(self) -> Load | None:
        for name, contender in self._state.contenders.items():
            if contender.phase is Phase.LOADING and (load := self._watch.loads.get(name)) is not None:
                return load if load.squeezed else None
        return None

    def _gpu_in_use(self) -> bool:
        return any((self._gpu(gpu, "held") or 0) > 0 or (self._gpu(gpu, "utilization") or 0) > 0 for gpu in self._gpus)

    def _clock(self, gpu: str) -> Iterator[Alert]:
        seen = self._watch.clocks.get(gpu)
        if seen is None or not seen.stuck or seen.last is None or seen.last < self._now - RECENT_S:
            return
        clock, power = self._gpu(gpu, "sm_clock"), self._gpu(gpu, "power")
        at = f"{clock:.0f} MHz" if clock is not None else f"{seen.worst['sm_clock_share']:.0f} % clock"
        evidence: dict[str, float | str] = {"gpu": gpu, "seconds": round(seen.seconds, 3)}
        evidence |= seen.worst
        if is_gb10(self._node):
            watts = f", {power:.0f} W" if power is not None and clock is not None else ""
            text = f"GPU {gpu} stuck at {at}{watts}: power-delivery fault; unplug for 60 s"
            yield self._alert(Code.LOW_CLOCK, Severity.FAULT, text, **evidence)
        else:
            text = f"GPU {gpu} busy, and stuck at {at} with no reason declared"
            yield self._alert(Code.LOW_CLOCK, Severity.NOTE, text, **evidence)

    def _throttling(self, gpu: str) -> Iterator[Alert]:
        causes = [(cause, self._gpu(gpu, cause) or 0.0) for cause in CAUSES]
        causes = [(cause, percent) for cause, percent in causes if percent > THROTTLED_PERCENT]
        for cause, percent in causes:
            text = f"GPU {gpu} held back by {CAUSES[cause]}, {percent:.0f} % of the time"
            severity = Severity.FAULT if cause in HEAT else Severity.NOTE
            yield self._alert(Code.THROTTLING, severity, text, gpu=gpu, cause=cause, percent=percent)
        slow = int(self._gpu(gpu, "event_reasons") or 0) & HARDWARE_SLOWDOWN
        if slow and not HEAT.keys() & dict(causes).keys():
            text = f"GPU {gpu} slowed down by its hardware, for heat or power"
            yield self._alert(Code.THROTTLING, Severity.FAULT, text, gpu=gpu, cause="hw_slowdown")

    def _others(self, gpu: str) -> Iterator[Alert]:
        # Without a run nobody is disturbed: then they are what the person came to see.
        count = self._gpu(gpu, "processes_other")
        if self._state.started is None or not count:
            return
        held = self._gpu(gpu, "held_other") or 0.0
        who = "1 other process" if count == 1 else f"{count:.0f} other processes"
        text = f"{who} on GPU {gpu}, holding {held / GIB:,.1f} GiB"
        yield self._alert(Code.OTHER_GPU_WORK, Severity.NOTE, text, gpu=gpu, processes=count, bytes=held)

    def _links(self) -> Iterator[Alert]:
        devices = things(self._gauges, "roce")
        used = [c for c in split_contenders(self._state) if c.phase in (Phase.LOADING, Phase.READY)]
        split = any(self._node in split_nodes(self._state, contender) for contender in used)
        for port, members in ports(self._gauges, devices).items() if devices else ():
            if lost := [t for device, t in self._watch.lost.items() if device in members]:
                severity = Severity.FAULT if split else Severity.NOTE
                text = f"{port} went down {self._now - min(lost):,.0f} s ago, and is down"
                yield self._alert(Code.ROCE_ERRORS, severity, text, port=port, since=min(lost))
            for counters, severity in (
                (BROKEN, Severity.FAULT if split else Severity.NOTE),
                *(((RESENT, Severity.NOTE), (CONGESTED, Severity.NOTE)) if split else ()),
            ):
                if grown := growth(self._gauges, members, counters, self._now - RECENT_S):
                    first, count = next(iter(grown.items()))
                    more = f", and {len(grown) - 1} more" if len(grown) > 1 else ""
                    yield self._alert(Code.ROCE_ERRORS, severity, f"{port}: {first} {count:,.0f}{more}", **grown)
