"""What a chart shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.ui.widgets.raster import LineMark


@dataclass(frozen=True, slots=True)
class Series:
    """One curve.

    Attributes:
        name: What the legend calls it.
        times: When each sample was taken, ascending, on the clock that `now` is read from. Between calls samples may be
            added at the end and dropped at the beginning.
        values: The samples; None or NaN is a break in the line, never a zero.
        style_class: `series-1` to `series-4`, `good`, `warn`, `bad` or `label`.
        facts: Texts for the legend, the most important first: the current value, the mean, the peak.
        mark: `area` fills what is below the curve, `line` draws it, `dots` draws every other dot, so that curves differ
            without colour. Lines are in front of areas, and then the curve named first is in front.
        tag: A character that tells the curve from others without colour, at its end and in the legend.
        over: Whether no more samples come, for the time being: the last one is marked then.
    """

    name: str
    times: Sequence[float]
    values: Sequence[float | None]
    style_class: str = "series-1"
    facts: tuple[str, ...] = ()
    mark: LineMark = "line"
    tag: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A horizontal line, such as a ceiling.

    Attributes:
        value: Where it lies.
        label: What it is, with its value and unit.
        style_class: The style of line and label.
        in_scale: Whether the axis must reach it; if not, it is named at the top while it is out of sight.
    """

    value: float
    label: str
    style_class: str = "reference"
    in_scale: bool = True


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time with a name, shown in a ribbon above the curves.

    Attributes:
        start: When it began.
        end: When it ended; None if it goes on.
        label: What it is.
        style_class: The style of the ribbon.
    """

    start: float
    end: float | None
    label: str
    style_class: str = "phase"
