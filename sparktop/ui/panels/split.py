"""Rows about a model that is split over machines: what each holds, and what goes between them."""

from __future__ import annotations

from typing import Final

from sparktop.model.parts import LinkUse
from sparktop.model.state import ContenderState, Phase
from sparktop.ui.chrome import safe, whole
from sparktop.ui.format import NA, size, volume
from sparktop.ui.panels.machine_panel import beside, head
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import cut_start
from sparktop.ui.widgets.line_widget import Span, SpanRow

LABEL_CELLS: Final = 7


def split_rows(run: Run, width: int, label_cells: int = LABEL_CELLS) -> list[SpanRow]:
    """Returns them for the contender that was split last; none where none is.

    Args:
        run: The run.
        width: The cells there are.
        label_cells: Of these, those of the column that says what a row is about.
    """
    contender = shown(run)
    if contender is None:
        return []
    held: list[list[Span]] = [
        [(f"{safe(part.node)} ", "muted"), (f"{size(part.total)}  ", "value")] for part in contender.parts
    ]
    rows = [beside(head("holds", label_cells), held, width)]
    return rows + [_link(link, width, label_cells) for link in contender.links.values()]


def shown(run: Run) -> ContenderState | None:
    """Returns the contender that these rows are about."""
    split = [contender for contender in run.state.contenders.values() if contender.parts]
    ready = [contender for contender in split if contender.phase is Phase.READY]
    return (ready or split)[-1] if split else None


def _link(link: LinkUse, width: int, label_cells: int) -> SpanRow:
    per_token = link.bytes_per_token
    waiting = NA if link.waiting is None else f"{link.waiting * 100:.0f} %"
    start: list[Span] = [
        (f"{cut_start(safe(link.node), max(LABEL_CELLS, label_cells - 1))} ".ljust(label_cells), "label"),
        (f"{link.transport} ", "value"),
        (f"{volume(per_token):>9}", "value" if per_token is not None else "muted"),
        ("/token  ", "muted"),
    ]
    groups: list[list[Span]] = [start, [("waited ", "muted"), (f"{waiting}  ", "value" if link.waiting else "muted")]]
    if link.rtt_ms is not None:
        groups.append([("rtt ", "muted"), (f"{link.rtt_ms:.2f} ms", "value")])
    if link.reason:
        groups.append([(f"  ({safe(link.reason)})", "muted")])
    return tuple(whole(groups, width))
