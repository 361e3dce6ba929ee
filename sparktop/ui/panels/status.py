"""The two lines that every screen of a run begins with, and the one that ends it."""

from __future__ import annotations

from rich.cells import cell_len

from sparktop.model.events import Status
from sparktop.model.state import RunState
from sparktop.ui.chrome import crop, safe, spread_out
from sparktop.ui.format import clock, plural
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels import tape
from sparktop.ui.remaining import remaining
from sparktop.ui.replay import Replay
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

_WORDS = {
    Status.RUNNING: ("running", "key"),
    Status.COMPLETED: ("completed", "ok"),
    Status.CANCELLED: ("cancelled", "warn"),
    Status.FAILED: ("failed", "bad"),
    Status.INTERRUPTED: ("interrupted", "warn"),
}


def title_row(run: Run, where: str, width: int, signs: Glyphs) -> SpanRow:
    """What runs, and how it stands."""
    started = run.state.started
    title = safe(started.scenario.title) if started else "starting" + signs.ellipsis
    left: list[Span] = [("sparktop ", "title"), (f" {where} ", "muted"), (f" {title}", "value")]
    word, style = _WORDS[run.state.status]
    if run.active and run.cancelling:
        word, style = "stopping" + signs.ellipsis, "warn"
    sign = {"ok": signs.ok, "bad": signs.failed, "warn": "!", "key": signs.working}[style]
    right: list[Span] = [(f"{sign} {word} ", style), (clock(run.now), "value")]
    if isinstance(run, Replay):
        right = tape.standing(run, signs)
    elif run.frozen:
        right = [(f" PAUSED {run.frozen_s:.0f} s ", "banner"), (" space goes on ", "muted")]
    return spread_out(left, right, width)


def progress_row(run: Run, width: int, signs: Glyphs) -> SpanRow:
    """How much is done, what goes on, and how long it will take."""
    state = run.state
    if state.started is None:
        return (("preparing the run" + signs.ellipsis, "muted"),)
    planned = max(state.started.planned, len(state.requests), 1)
    ended = sum(r.ended is not None for r in state.requests.values())
    failed = sum(bool(r.error) for r in state.requests.values())
    cells = max(6, min(30, width // 5))
    full = round(cells * ended / planned)
    left: list[Span] = [
        (signs.full * full, "ok" if ended == planned else "title"),
        (signs.empty * (cells - full), "track"),
        (f" {ended} of {plural(planned, 'request')}", "value"),
        *([(f", {failed} failed", "bad")] if failed else []),
        *_current(state, signs),
    ]
    if isinstance(run, Replay):
        return tape.tape_row(run, left[2:], width, signs)
    if not run.active:
        return tuple(crop(left, width))
    eta = _left(state, run.now, width - row_width(left) - 2)
    return spread_out(left, [(eta, "muted")] if eta else [], width)


def _current(state: RunState, signs: Glyphs) -> list[Span]:
    active = state.active()
    if not active:
        loading = [c.contender.name for c in state.contenders.values() if c.phase == "loading"]
        return [(f"   loading {safe(loading[0])}", "muted")] if loading else []
    first = active[0].queued
    items = {i.id: i.title for i in state.started.scenario.items} if state.started else {}
    more = f" and {len(active) - 1} more" if len(active) > 1 else ""
    title = f" {safe(items.get(first.item, ''))}" if items.get(first.item) else ""
    return [(f"   {safe(first.contender)} {signs.dot} {safe(first.item)}{title}{more}", "muted")]


def _left(state: RunState, now: float, room: int) -> str:
    """How long the run will still take, and what that rests on, as far as there is room."""
    rest = remaining(state, now)
    if rest is None:
        return ""
    if not rest.rough:
        return f"about {clock(rest.seconds)} left"
    guess = f"~{clock(rest.seconds)} left"
    why = f" if {safe(rest.unseen[0])} is as fast" if rest.unseen else ""
    return guess + why if cell_len(guess + why) <= room else guess


def ending_rows(run: Run, width: int) -> list[SpanRow]:
    """What to do once the run has ended, and where it is kept."""
    word, style = _WORDS[run.state.status]
    first: list[Span] = [(f"The run is {word}. " if word != "failed" else "The run failed. ", style)]
    if isinstance(run, Replay):
        return tape.end_rows(run, first, width)
    for key, label in (("r", "results"), ("a", "answers"), ("m", "new run")):
        first += [(f" {key} ", "key"), (f"{label} ", "")]
    if run.outcome is None:
        kept: list[Span] = [("Writing the snapshot.", "muted")]
    elif run.outcome.snapshot is None:
        kept = [("; ".join(map(safe, run.outcome.problems)) or "No snapshot was written.", "warn")]
    else:
        kept = [("Snapshot ", "muted"), (str(run.outcome.snapshot), "")]
    return [tuple(crop(first, width)), tuple(crop(kept, width))]
