"""The lines around a replay: where it is, and what to do with it."""

from __future__ import annotations

from sparktop.ui.chrome import crop, safe, spread_out, whole
from sparktop.ui.format import clock, plural
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.replay import Replay
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

BAR_CELLS = 30


def standing(run: Replay, signs: Glyphs) -> list[Span]:
    """Whether it plays, and where it is: for the end of the title."""
    place: Span = (f"{clock(run.now)} of {clock(run.tape.length_s)}", "value")
    if run.behind:
        return [(f"{signs.working} on the way to {clock(run.transport.place_s)} ", "warn"), place]
    if run.transport.at_end:
        return [("end of the replay ", "key"), place]
    if run.transport.paused:
        return [(" PAUSED ", "banner"), (" space goes on ", "muted"), place]
    pace = f" {run.transport.speed:g}x" if run.transport.speed != 1 else ""
    return [(f"{signs.working} replay{pace} ", "key"), place]


def tape_row(run: Replay, left: list[Span], width: int, signs: Glyphs) -> SpanRow:
    """How far the replay is, and what went on there.

    Args:
        run: The replay.
        left: What went on.
        width: Cells of the row.
        signs: What it is drawn with.
    """
    cells = max(6, min(BAR_CELLS, width // 5))
    length = run.tape.length_s
    full = round(cells * run.now / length) if length else cells
    bar: list[Span] = [(signs.full * full, "key"), (signs.empty * (cells - full), "track")]
    spans = crop([*bar, *left], width)
    keys: list[list[Span]] = [[(" < > ", "key"), ("10 s", "muted")], [("  { } ", "key"), ("next", "muted")]]
    return spread_out(spans, whole(keys, width - row_width(spans) - 2), width)


def end_rows(run: Replay, first: list[Span], width: int) -> list[SpanRow]:
    """What to do at the end, and what is to be known of the recording."""
    for key, label in (("r", "results"), ("a", "answers"), ("space", "plays it again"), ("esc", "back")):
        first = [*first, (f" {key} ", "key"), (f"{label} ", "")]
    second: list[Span] = [("Recorded in ", "muted"), (safe(str(run.tape.path)), "")]
    if run.tape.note:
        second = [("! ", "warn"), (run.tape.note, "warn")]
    elif run.unread:
        second = [("! ", "warn"), (f"{plural(run.unread, 'line')} of the journal could not be read.", "warn")]
    return [tuple(crop(first, width)), tuple(crop(second, width))]
