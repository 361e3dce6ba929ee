"""Rows about a model that is split over machines: what each holds, and what goes between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.split_text import layers
from sparktop.model.state import ContenderState, Phase
from sparktop.ui.chrome import safe, sentence_rows, whole
from sparktop.ui.format import NA, size, volume
from sparktop.ui.panels.machine_panel import beside, head
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import cut_start
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

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
    rows = _held(contender.parts, width, label_cells)
    return rows + [_link(link, width, label_cells) for link in contender.links.values()]


def proof_rows(run: Run, width: int, label_cells: int = LABEL_CELLS) -> list[SpanRow]:
    """Returns what shows by what the further machines are reached."""
    contender = shown(run)
    links = contender.links.values() if contender is not None else ()
    told = [f"{safe(link.node)}: {safe(link.proof)}" for link in links if link.proof]
    return [row for text in told for row in _sentence("proof", text, width, label_cells)]


def expected_rows(width: int, label_cells: int = LABEL_CELLS) -> list[SpanRow]:
    """Returns what a split does not bring."""
    return _sentence("speed", "a split makes no single stream faster", width, label_cells)


def _sentence(label: str, text: str, width: int, label_cells: int) -> list[SpanRow]:
    rows = sentence_rows(text, width - label_cells, "muted")
    return [(*head(label if at == 0 else "", label_cells), *row) for at, row in enumerate(rows)]


def _held(parts: Sequence[SplitPart], width: int, label_cells: int) -> list[SpanRow]:
    """What each machine holds, in as many rows as it takes; with the layers where all that is one row."""
    full = [_part(part, f", {layers(part)}") for part in parts]
    if label_cells + sum(row_width(one) for one in full) <= width:
        return [(*head("holds", label_cells), *(span for one in full for span in one))]
    rows: list[SpanRow] = []
    rest = [_part(part) for part in parts]
    while rest:
        label = head("" if rows else "holds", label_cells)
        fits = whole(rest, width - label_cells)
        count = max(1, len(fits) // len(rest[0]))
        rows.append(beside(label, rest[:count], width))
        rest = rest[count:]
    return rows


def _part(part: SplitPart, more: str = "") -> list[Span]:
    return [(f"{safe(part.node)} ", "muted"), (size(part.total), "value"), (f"{more}  ", "muted")]


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
