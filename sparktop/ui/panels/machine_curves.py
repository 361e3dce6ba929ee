"""Curves of machines: several readings as one, and a look that tells machines apart in every panel."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App

from sparktop.ui.panels.base import series_mark, series_style
from sparktop.ui.panels.machine import Machine
from sparktop.ui.widgets.names import tags
from sparktop.ui.widgets.series import Series

Curve = tuple[Sequence[float], Sequence[float | None]]
"""Times, and what was read at them."""


def added(machine: Machine, channels: Sequence[str], start: float, factor: float = 1.0) -> Curve:
    """Adds up readings that are taken together.

    Args:
        machine: The machine.
        channels: Which readings; those that it has none of are left out.
        start: Seconds; earlier readings are left out.
        factor: What the sum is multiplied with.

    Returns:
        The sums; a gap in one reading is a gap.
    """
    series = [gauge.since(start) for name in channels if (gauge := machine.gauges.get(name))]
    if not series:
        return (), ()
    length = min(len(times) for times, _ in series)
    columns = [values[len(values) - length :] for _, values in series]
    total = [None if None in moment else sum(filter(None, moment)) * factor for moment in zip(*columns, strict=True)]
    return series[0][0][len(series[0][0]) - length :], total


def machine_line(found: Sequence[Machine], machine: Machine, name: str, curve: Curve, app: App[object]) -> Series:
    """Makes the curve of one of several machines.

    Args:
        found: All machines: by its place among them each has its colour and its tag, in every panel the same.
        machine: Whose it is.
        name: What the legend calls it.
        curve: Times and values.
        app: Whose terminal it is drawn on.
    """
    at = found.index(machine)
    return Series(
        name,
        *curve,
        series_style(at),
        mark=series_mark(at, app),
        tag=tags([one.name for one in found])[at] if len(found) > 1 else "",
        over=bool(machine.silent),
    )
