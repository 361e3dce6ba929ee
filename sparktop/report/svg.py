"""Charts as inline SVG: drawn 400 units wide, so that their texts can be read on a phone; styled by report.css."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from sparktop.report.document import Axis, Chart, Curves, Line, Strips
from sparktop.report.markup import Markup, element

WIDTH: Final = 400.0
LEFT: Final = 54.0
RIGHT: Final = 8.0
TOP: Final = 8.0
PLOT: Final = 150.0
LANE: Final = 13.0
LANE_GAP: Final = 7.0
LEGEND: Final = 16.0
STRIP: Final = 40.0
STYLES: Final = 8
"""Ways in which lines differ, in colour and in dashes."""

_LABEL_CELLS: Final = 42


def draw(chart: Chart, identity: str) -> Markup:
    """Returns a chart with its title and description for those who can't see it.

    Args:
        chart: The chart.
        identity: Unique in the page.
    """
    body, height = _curves(chart) if isinstance(chart, Curves) else _strips(chart)
    return element(
        "svg",
        element("title", chart.title, id=f"{identity}-title"),
        element("desc", chart.description, id=f"{identity}-desc"),
        *body,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
        class_="chart",
    )


def ticks(axis: Axis, most: int) -> list[float]:
    """Returns round numbers on an axis: steps of 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10((axis.high - axis.low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (axis.high - axis.low) / (step * factor) <= most)
    first = math.ceil(axis.low / step - 1e-9)
    return [(first + n) * step for n in range(most + 1) if (first + n) * step <= axis.high + 1e-9 * step]


def _x(axis: Axis, value: float) -> float:
    share = (value - axis.low) / (axis.high - axis.low)
    return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    share = (value - axis.low) / (axis.high - axis.low)
    return TOP + (1 - min(1.0, max(0.0, share))) * PLOT


def _curves(chart: Curves) -> tuple[list[Markup], float]:
    bottom = TOP + PLOT
    body = [
        element("line", x1=LEFT, y1=at, x2=WIDTH - RIGHT, y2=at, class_="grid")
        for value in ticks(chart.y, 4)
        for at in (_r(_y(chart.y, value)),)
    ]
    body += [_text(_number(value), LEFT - 4, _y(chart.y, value) + 4, "end") for value in ticks(chart.y, 4)]
    body += [_curve(chart, line, at) for at, line in enumerate(chart.lines)]
    at = bottom + (LANE_GAP if chart.lanes else 0)
    for lane in chart.lanes:
        at += LANE
        body.append(_text(_cut(lane.label, 8), LEFT - 4, at - 2, "end", small=True))
        body += [
            element(
                "rect",
                x=_r(_x(chart.x, start)),
                y=_r(at - LANE + 3),
                width=_r(max(0.6, _x(chart.x, end) - _x(chart.x, start))),
                height=LANE - 4,
                class_="lane",
            )
            for start, end in lane.spans
        ]
    return [*body, *_x_axis(chart.x, at), *_legend(chart.lines, at + 32)], at + 36 + LEGEND * len(chart.lines)


def _x_axis(axis: Axis, at: float) -> Iterator[Markup]:
    yield element("line", x1=LEFT, y1=_r(at + 2), x2=WIDTH - RIGHT, y2=_r(at + 2), class_="axis")
    for value in ticks(axis, 6):
        x = _x(axis, value)
        yield element("line", x1=_r(x), y1=_r(at + 2), x2=_r(x), y2=_r(at + 6), class_="axis")
        yield _text(_number(value), x, at + 17, "middle")
    yield _text(axis.title, WIDTH - RIGHT, at + 30, "end", small=True)


def _curve(chart: Curves, line: Line, number: int) -> Markup:
    """A path that is broken where there is a gap; a reading between two gaps is a dot."""
    path: list[str] = []
    pen = False
    for at, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
        if y is None:
            pen = False
            continue
        point = f"{_r(_x(chart.x, x)):g} {_r(_y(chart.y, y)):g}"
        alone = not pen and (at + 1 == len(line.y) or line.y[at + 1] is None)
        path.append(f"M{point}h0.1" if alone else f"{'L' if pen else 'M'}{point}")
        pen = not alone
    return element("path", d="".join(path), class_=f"curve c{number % STYLES}")


def _legend(lines: Sequence[Line], top: float) -> Iterator[Markup]:
    for number, line in enumerate(lines):
        at = top + LEGEND * (number + 1)
        yield element("line", x1=LEFT, y1=at - 4, x2=LEFT + 26, y2=at - 4, class_=f"curve c{number % STYLES}")
        yield _text(_cut(line.label, _LABEL_CELLS), LEFT + 32, at, "start")


def _strips(chart: Strips) -> tuple[list[Markup], float]:
    body: list[Markup] = []
    for number, strip in enumerate(chart.strips):
        top = TOP + STRIP * number
        middle = top + 26
        body.append(_text(_cut(strip.label, _LABEL_CELLS + 6), 8, top + 12, "start"))
        body.append(element("line", x1=8, y1=middle, x2=WIDTH - RIGHT, y2=middle, class_="grid"))
        low, high = _wide(chart.x, strip.low), _wide(chart.x, strip.high)
        body.append(element("rect", x=_r(low), y=middle - 6, width=_r(max(1.0, high - low)), height=12, class_="range"))
        body += [
            element("circle", cx=_r(_wide(chart.x, sample)), cy=middle, r=2.5, class_=f"dot c{number % STYLES}")
            for sample in strip.samples
        ]
        median = _r(_wide(chart.x, strip.median))
        body.append(element("line", x1=median, y1=middle - 9, x2=median, y2=middle + 9, class_="median"))
    bottom = TOP + STRIP * len(chart.strips)
    body.append(element("line", x1=8, y1=bottom + 2, x2=WIDTH - RIGHT, y2=bottom + 2, class_="axis"))
    for value in ticks(chart.x, 6):
        x = _wide(chart.x, value)
        body.append(element("line", x1=_r(x), y1=bottom + 2, x2=_r(x), y2=bottom + 6, class_="axis"))
        body.append(_text(_number(value), max(x, 12), bottom + 17, "middle"))
    body.append(_text(chart.x.title, WIDTH - RIGHT, bottom + 30, "end", small=True))
    return body, bottom + 34


def _wide(axis: Axis, value: float) -> float:
    """The place of a value in a chart without labels at its left."""
    share = (value - axis.low) / (axis.high - axis.low)
    return 8 + min(1.0, max(0.0, share)) * (WIDTH - 8 - RIGHT)


def _text(text: str, x: float, y: float, anchor: str, *, small: bool = False) -> Markup:
    return element("text", text, x=_r(x), y=_r(y), text_anchor=anchor, class_="small" if small else None)


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _cut(text: str, cells: int) -> str:
    """As much of a label as has room; Chinese takes two cells."""
    room = cells
    for at, character in enumerate(text):
        room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if room < 0:
            return text[:at].rstrip() + "…"
    return text


def _r(value: float) -> float:
    return round(value, 1)
