"""What the unified memory is used for, and whether tasks wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from textual.app import ComposeResult

from sparktop.model import channels
from sparktop.model.state import RunState
from sparktop.ui.chrome import Chrome, cut, safe, whole
from sparktop.ui.format import NA, percent, size
from sparktop.ui.panels.base import Panel
from sparktop.ui.run import Run
from sparktop.ui.widgets.gauge import Part, StackedBar
from sparktop.ui.widgets.line_widget import Span, SpanRow

Formatter: TypeAlias = Callable[[float | None], str]

FLOOR = 8 * 1024**3
"""Bytes available below which a Spark may stand still without the kernel ending anything."""

LABEL_CELLS = 11

STALE_S = 3.0
"""A reading older than this is said to be old."""


@dataclass(frozen=True, slots=True)
class MemoryView:
    """What is known of a machine's memory.

    Attributes:
        node: The machine.
        values: The newest readings by channel; None where there is none.
        missing: Why a channel is not read.
        low: Least memory available so far.
        age_s: How old the readings are.
    """

    node: str
    values: Mapping[str, float | None]
    missing: Mapping[str, str]
    low: float | None
    age_s: float

    def get(self, channel: str) -> float | None:
        """The newest reading of a channel."""
        return self.values.get(channel)

    def why(self, channel: str) -> str:
        """Why a channel has no reading."""
        return self.missing.get(channel, "no reading yet")

    @property
    def tight(self) -> bool:
        """Whether memory is short and tasks feel it; a machine that rests near its floor is well."""
        available = self.get(channels.MEMORY_AVAILABLE)
        waits = (self.get(channels.PSI_FULL) or 0) > 1 or (self.get(channels.SWAP_IN) or 0) > 0
        return available is not None and available < FLOOR and waits


def memory_view(state: RunState, now: float) -> MemoryView | None:
    """Returns the view of the machine that was read last; None before the first reading."""
    if not state.gauges:
        return None
    node = next(iter(state.gauges))
    gauges = state.gauges[node]
    total = gauges.get(channels.MEMORY_TOTAL)
    available = gauges.get(channels.MEMORY_AVAILABLE)
    return MemoryView(
        node=node,
        values={name: gauge.last for name, gauge in gauges.items()},
        missing=state.missing.get(node, {}),
        low=available.low if available else None,
        age_s=now - total.times[-1] if total and total.times else 0.0,
    )


class MemoryPanel(Panel):
    """A bar of the memory, and figures of its pressure."""

    def __init__(self) -> None:
        super().__init__("memory", "Unified memory")
        self._view: MemoryView | None = None

    def compose(self) -> ComposeResult:
        """Makes the bar and the figures."""
        yield StackedBar(ascii_only=self.chart_glyphs == "ascii")
        yield Chrome(self._rows, id="pressure")

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        self._view = view = memory_view(run.state, run.now)
        bar = self.query_one(StackedBar)
        if view is None:
            bar.show_unavailable("waiting for the first reading")
        else:
            self._show_bar(bar, view)
            old = view.age_s > STALE_S and run.active
            self.subtitle(f"{safe(view.node)}, {view.age_s:.0f} s old" if old else safe(view.node))
        self.query_one("#pressure", Chrome).repaint()

    def _show_bar(self, bar: StackedBar, view: MemoryView) -> None:
        total, used = view.get(channels.MEMORY_TOTAL), view.get(channels.MEMORY_USED)
        if not total or used is None:
            bar.show_unavailable(view.why(channels.MEMORY_TOTAL))
            return
        free, cache = view.get(channels.MEMORY_FREE), view.get(channels.MEMORY_CACHE)
        # Part of the page cache can't be given back and counts as used: the bar shows each byte once.
        rest = max(0.0, total - used - (free or 0.0))
        shown = None if cache is None else min(cache, rest)
        style = "bad" if view.tight else "part-1"
        parts = [
            Part("used", used, f"{size(used)} {percent(used / total * 100)}", style),
            Part("cache", shown, size(cache), "part-2"),
            Part("free", free, size(free), "free"),
        ]
        bar.show(parts, total, size(total))

    def _rows(self, width: int, height: int) -> list[SpanRow]:
        view = self._view
        if view is None:
            return []
        rows: list[list[Span]] = [
            self._figures("available", [("", channels.MEMORY_AVAILABLE, size)], view, width),
            self._figures(
                "pressure", [("some", channels.PSI_SOME, _tenth), ("full", channels.PSI_FULL, _tenth)], view, width
            ),
            self._figures("swap", [("", channels.SWAP_USED, size), ("in", channels.SWAP_IN, _flow)], view, width),
            self._figures("processors", [("", channels.CPU_LOAD, percent)], view, width),
        ]
        if view.low is not None:
            rows[0] += [("  lowest ", "muted"), (size(view.low), "")]
        if view.tight:
            rows[0] += [("  TIGHT", "bad")]
        if view.get(channels.PSI_SOME) is not None:
            rows[1] += [("  of the last 10 s", "muted")]
        return [tuple(whole([[span] for span in row], width)) for row in rows[:height]]

    @staticmethod
    def _figures(label: str, figures: list[tuple[str, str, Formatter]], view: MemoryView, width: int) -> list[Span]:
        room = max(8, width - LABEL_CELLS - len(NA))
        spans: list[Span] = [(label.ljust(LABEL_CELLS), "label")]
        if all(view.get(channel) is None for _, channel, _ in figures):
            return [*spans, (NA, "warn"), (cut(f" ({safe(view.why(figures[0][1]))})", room), "muted")]
        for at, (name, channel, text) in enumerate(figures):
            spans += [("  " if at else "", ""), (f"{name} " if name else "", "muted")]
            spans.append((text(view.get(channel)), "value"))
        return spans


def _tenth(value: float | None) -> str:
    return percent(value, 1)


def _flow(value: float | None) -> str:
    return f"{size(value)}/s"
