"""Charts of a run: tokens per second with what went on meanwhile, TPOT, memory, GPU, links."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sparktop.model import metrics
from sparktop.model.channels import MEMORY_USED, indexed, things
from sparktop.model.document import Series, Snapshot
from sparktop.model.phases import PhaseSpan, RunPhase
from sparktop.report.document import Axis, Block, Curves, Lane, Line, Section, Strip, Strips, Text
from sparktop.report.figures import Measurement
from sparktop.report.language import Language
from sparktop.report.runs import Part, Run

POINTS: Final = 120
"""Points of a curve at most: more can't be told apart on a phone."""

SAMPLES: Final = 200
"""Samples of a strip that are drawn at most; the range and the median are over all."""

LINES: Final = 8
"""Curves of a chart at most."""

_LANES: Final = (RunPhase.LOAD, RunPhase.WARM_UP, RunPhase.PREFILL, RunPhase.MIXED, RunPhase.DECODE)
_GIB: Final = 2.0**30


def charts(part: Part, measured: list[list[Measurement]], language: Language) -> Section | None:
    """Returns the charts of a part; None where nothing was asked."""
    blocks: list[Block] = []
    flat = [cell for cells in measured for cell in cells]
    blocks += _tpot(part, flat, language)
    for run in part.runs:
        remark = run.label if len(part.runs) > 1 else ""
        blocks += _throughput(part, run, remark, language)
        blocks += _machine(part, run, remark, language)
    if not blocks:
        return None
    return Section(id=f"{part.id}.charts", title=language.say("charts"), blocks=tuple(blocks))


def _tpot(part: Part, cells: Sequence[Measurement], language: Language) -> Iterator[Block]:
    several = any(cell.batch > 1 for cell in cells)
    strips = []
    for cell in cells:
        samples = sorted(cell.tpots_ms)
        if not samples:
            continue
        spread = metrics.spread(samples)
        assert spread.median is not None
        assert spread.low is not None
        assert spread.high is not None
        step = max(1, math.ceil(len(samples) / SAMPLES))
        batch = language.say("at-batch", batch=cell.batch) if several else ""
        strips.append(
            Strip(
                label=language.with_remark(cell.entrant.label, batch),
                samples=tuple(_nice(sample) for sample in samples[::step]),
                low=_nice(spread.low),
                median=_nice(spread.median),
                high=_nice(spread.high),
            )
        )
    if strips:
        top = max(max(strip.samples) for strip in strips)
        yield Strips(
            id=f"{part.id}.chart.tpot",
            title=language.say("chart.tpot"),
            description=language.together(
                [
                    language.say("chart.tpot.description"),
                    *(
                        language.say(
                            "chart.strip",
                            name=strip.label,
                            low=language.short(strip.low),
                            median=language.short(strip.median),
                            high=language.short(strip.high),
                        )
                        for strip in strips
                    ),
                ]
            ),
            x=Axis(title="ms", low=0.0, high=top * 1.05 or 1.0),
            strips=tuple(strips),
        )


def _throughput(part: Part, run: Run, remark: str, language: Language) -> Iterator[Block]:
    one = run.snapshot
    end = max([one.duration_s, *(request.ended_s or 0.0 for request in one.requests)])
    lines = []
    for entrant in part.entrants:
        if entrant.run is not run:
            continue
        arrived = [
            (request.sent_s + t / 1e3, n)
            for request in entrant.requests
            if request.sent_s is not None
            for t, n in zip(request.chunks.t_ms, request.chunks.n, strict=True)
        ]
        begun = min((request.sent_s for request in entrant.requests if request.sent_s is not None), default=None)
        if begun is None or not arrived or end <= 0:
            continue
        x, y = _rates(arrived, begun, end)
        lines.append(Line(label=entrant.label, x=x, y=y))
    if not lines:
        return
    top = max((value for line in lines for value in line.y if value is not None), default=0.0)
    yield Curves(
        id=f"{part.id}.chart.throughput.{run.label}",
        title=language.with_remark(language.say("chart.throughput"), remark),
        description=language.together(
            [
                language.say("chart.throughput.description", end=language.duration(end)),
                *(language.say("chart.peak", name=line.label, peak=language.short(_peak(line))) for line in lines),
                language.say("chart.more", count=len(lines) - LINES) if len(lines) > LINES else "",
            ]
        ),
        x=Axis(title=language.say("axis.seconds"), low=0.0, high=end),
        y=Axis(title="tok/s", low=0.0, high=top * 1.05 or 1.0),
        lines=tuple(lines[:LINES]),
        lanes=tuple(_lanes(one.phases, end, language)),
    )


def _peak(line: Line) -> float:
    return max((value for value in line.y if value is not None), default=0.0)


def _rates(
    arrived: Sequence[tuple[float, int]], begun: float, end: float
) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
    """Returns tokens per second in equal steps of a run; gaps before a contender's first request and after its last."""
    last = max(t for t, _ in arrived)
    width = max(end / POINTS, 10 * (last - begun) / max(1, sum(n for _, n in arrived)))
    steps = max(1, math.ceil(end / width))
    counts = [0.0] * steps
    for t, n in arrived:
        counts[min(steps - 1, max(0, int(t / width)))] += n
    alive = range(int(begun / width), min(steps, int(last / width) + 1))
    return (
        tuple(_nice((step + 0.5) * width) for step in range(steps)),
        tuple(_nice(counts[step] / width) if step in alive else None for step in range(steps)),
    )


def _lanes(phases: Iterable[PhaseSpan], end: float, language: Language) -> Iterator[Lane]:
    """Yields when a run loaded, read and decoded, as fine as it can be drawn."""
    finest = end / 400
    for phase in _LANES:
        spans: list[tuple[float, float]] = []
        for span in sorted((one.start_s, one.end_s) for one in phases if one.phase is phase):
            start, stop = max(0.0, span[0]), min(end, span[1])
            if stop <= start:
                continue
            if spans and start - spans[-1][1] < finest:
                spans[-1] = (spans[-1][0], _nice(max(stop, spans[-1][1])))
            else:
                spans.append((_nice(start), _nice(stop)))
        if spans:
            yield Lane(label=language.say(f"phase.{phase.value}"), spans=tuple(spans))


def _machine(part: Part, run: Run, remark: str, language: Language) -> Iterator[Block]:
    one = run.snapshot
    found = {(series.node, series.channel): series for series in one.telemetry}
    nodes = list(dict.fromkeys(series.node for series in one.telemetry))
    gpus = [(node, gpu) for node in nodes for gpu in things((c for n, c in found if n == node), "gpu")]
    several = len(nodes) > 1

    def gpu_lines(quantity: str) -> list[tuple[str, Series, float]]:
        return [
            (f"{node} GPU {gpu}" if several or len(gpus) > 1 else f"GPU {gpu}", series, 1.0)
            for node, gpu in gpus
            if (series := found.get((node, indexed("gpu", gpu, quantity)))) is not None
        ]

    memory = [(node, found[node, MEMORY_USED], 1 / _GIB) for node in nodes if (node, MEMORY_USED) in found]
    total = max((node.memory for node in one.nodes), default=0) / _GIB
    charted: tuple[tuple[str, str, str, list[tuple[str, Series, float]], float], ...] = (
        ("memory", "memory", "GiB", memory, total),
        ("power", "gpu", "W", gpu_lines("power"), 0.0),
        ("clock", "gpu", "MHz", gpu_lines("sm_clock"), 0.0),
        ("roce", "roce", "Gb/s", _links(found, nodes, language), 0.0),
    )
    for name, source, unit, lines, top in charted:
        chart = _chart(f"{part.id}.chart.{name}.{run.label}", name, unit, lines, top, one, remark, language)
        if chart is not None:
            yield chart
        elif name != "clock":
            why = _why(one, source, language)
            yield Text(text=language.labelled(language.with_remark(language.say(f"chart.{name}"), remark), why))


def _links(
    found: dict[tuple[str, str], Series], nodes: Sequence[str], language: Language
) -> list[tuple[str, Series, float]]:
    """Received and sent at each RDMA port; a port's two directions are two curves."""
    lines = []
    for node in nodes:
        ports = things((channel for owner, channel in found if owner == node), "port")
        for port in ports:
            for way in ("rx_rdma", "tx_rdma", "rx_tcp", "tx_tcp"):
                series = found.get((node, indexed("port", port, way)))
                if series is not None and any(value for value in series.values):
                    where = f"{node} {port}" if len(nodes) > 1 or len(ports) > 1 else port
                    lines.append((f"{where} {language.say(f'way.{way}')}", series, 8e-9))
    return lines


def _chart(
    identity: str,
    name: str,
    unit: str,
    read: Sequence[tuple[str, Series, float]],
    top: float,
    run: Snapshot,
    remark: str,
    language: Language,
) -> Curves | None:
    lines = [line for label, series, factor in read if (line := _line(label, series, factor)) is not None]
    if not lines:
        return None
    highest = max(_peak(line) for line in lines)
    end = max(run.duration_s, *(line.x[-1] for line in lines))
    said = [
        language.say(
            "chart.range",
            name=line.label,
            low=language.short(_least(line)),
            high=language.short(_peak(line)),
            unit=unit,
        )
        for line in lines[:LINES]
    ]
    if len(lines) > LINES:
        said.append(language.say("chart.more", count=len(lines) - LINES))
    return Curves(
        id=identity,
        title=language.with_remark(language.say(f"chart.{name}"), remark),
        description=language.together(said),
        x=Axis(title=language.say("axis.seconds"), low=0.0, high=end if end > 0 else 1.0),
        y=Axis(title=unit, low=0.0, high=max(top, highest) * 1.05 or 1.0),
        lines=tuple(lines[:LINES]),
    )


def _least(line: Line) -> float:
    return min((value for value in line.y if value is not None), default=0.0)


def _line(label: str, series: Series, factor: float) -> Line | None:
    points = [(t, None if v is None else v * factor) for t, v in zip(series.t_s, series.values, strict=True)]
    if all(value is None for _, value in points):
        return None
    kept = thinned(points, POINTS)
    return Line(
        label=label,
        x=tuple(t for t, _ in kept),
        y=tuple(None if value is None else _nice(value) for _, value in kept),
    )


def thinned(points: Sequence[tuple[float, float | None]], most: int) -> list[tuple[float, float | None]]:
    """Returns at most `most` readings: of neighbours the lowest and the highest stay, and a gap stays a gap."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) / (most // 2))
    kept: list[tuple[float, float | None]] = []
    for at in range(0, len(points), size):
        group = points[at : at + size]
        known = [(t, value) for t, value in group if value is not None]
        if not known:
            kept.append(group[0])
            continue
        low, high = min(known, key=lambda point: point[1]), max(known, key=lambda point: point[1])
        kept += sorted({low, high})
    return kept


def _why(run: Snapshot, source: str, language: Language) -> str:
    reasons = [
        language.labelled(reading.node, language.sentence(reading.reason))
        for reading in run.missing
        if reading.channel.partition(".")[0] == source
    ]
    return language.listed(dict.fromkeys(reasons)) if reasons else language.say("why.not-read")


def _nice(value: float) -> float:
    """Cuts a number to five digits: a chart shows no more."""
    return float(f"{value:.5g}")
