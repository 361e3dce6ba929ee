"""The lines around a machine that is watched: what it is, what is wrong, and what is recorded or played."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model.alerts import alerts, suspicions
from sparktop.model.records import Node, named_before
from sparktop.ui.chrome import crop, glyphs_of, safe, spread_out, whole
from sparktop.ui.feed import MachineFeed
from sparktop.ui.format import NA, clock, plural, size
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.alerts import AlertBar
from sparktop.ui.panels.briefs import briefs
from sparktop.ui.panels.machine_panel import age
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import cut_start
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

BAR_CELLS = 20


class WatchedAlerts(AlertBar):
    """A line for each alert, the worst first. The machine itself is in the title."""

    def __init__(self) -> None:
        super().__init__()
        self._suspicions: list[tuple[str, str]] = []

    def show(self, run: Run) -> None:
        """Draws what is wrong now, or was at the end of a recording."""
        self._suspicions = list(suspicions(run.state, run.now))
        super().show(run)
        if not run.active:
            self._alerts = alerts(run.state, run.now)
            self.repaint()

    def _quiet(self, width: int) -> SpanRow:
        signs = glyphs_of(self.app)
        machine = next(iter(self._machines), None)
        if machine is None or not machine.read:
            return ((f"waiting for the first reading{signs.ellipsis}", "muted"),)
        right = self._more(width)
        groups: list[list[Span]] = [[("No alert.", "label")]]
        if self._suspicions:
            # What is not judged yet must not read as passed.
            seen = [f"{safe(node)}: {text}" if len(self._machines) > 1 else text for node, text in self._suspicions]
            groups = [
                [("No alert yet", "label")],
                [(f": {seen[0]}", "label")],
                *([(f"; {one}", "label")] for one in seen[1:]),
            ]
        room = width - row_width(right) - 1
        if len(self._machines) > 1:
            start = whole(groups, room)
            line = briefs(self._machines, room - row_width(start) - 2, signs)
            return spread_out([*start, ("  ", ""), *line], right, width)
        groups += [[(f"  ! {age(machine)}", "warn")]] if machine.stale else []
        groups += [] if machine.gpus else [[(f"  GPU {NA}: {machine.why('gpu')}", "muted")]]
        return spread_out(whole(groups, room), right, width)


def machine_title_row(run: Run, feed: MachineFeed, width: int, signs: Glyphs) -> SpanRow:
    """Which machines, what they are, and whether they are read, recorded or played."""
    right = _standing(run, feed, signs)
    room = width - row_width(right) - 1
    names = [safe(name) for name in dict.fromkeys([*run.state.nodes, *run.state.gauges])]
    twice = named_before(all_nodes := list(run.state.nodes.values()))
    nodes = [node for node in all_nodes if node.name not in twice]
    program: list[Span] = [("sparktop ", "title"), (" monitor ", "muted")]
    # Of the two the machines are worth more, and of several as many as there is room for.
    candidates = [[*program, *_names(names, len(names))], *(_names(names, count) for count in range(len(names), 0, -1))]
    left = [next((one for one in candidates if row_width(one) <= room), candidates[-1])]
    left += [[(f"  {fact}", "muted")] for fact in (_facts(nodes[0]) if len(nodes) == 1 else _common_facts(nodes))]
    return spread_out(whole(left, room), right, width)


def _names(names: Sequence[str], count: int) -> list[Span]:
    """So many of the machines by name, and how many more there are."""
    if not names:
        return []
    more = len(names) - count
    spans: list[Span] = [(f" {names[0]}", "value")]
    for name in names[1:count]:
        spans += [(", ", "muted"), (name, "value")]
    return [*spans, (f" +{more}", "value")] if more else spans


def _facts(node: Node) -> list[str]:
    """What a machine is, the most important first."""
    facts = [
        node.machine,
        *_times(node.gpus),
        f"driver {node.driver}" if node.driver else "",
        size(node.memory or None),
    ]
    facts += [node.cpu, plural(node.cores, "core") if node.cores else ""]
    return [safe(fact) for fact in facts if fact and fact != size(None)]


def _common_facts(nodes: Sequence[Node]) -> list[str]:
    """What several machines are together."""
    facts = [*_times([node.machine for node in nodes]), *_times([gpu for node in nodes for gpu in node.gpus])]
    return [safe(fact) for fact in facts if fact]


def _times(names: Sequence[str]) -> list[str]:
    return [f"{count} x {name}" if count > 1 and name else name for name, count in _counted(names).items()]


def _counted(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in names}


def _standing(run: Run, feed: MachineFeed, signs: Glyphs) -> list[Span]:
    if run.frozen:
        return [(f" PAUSED {run.frozen_s:.0f} s ", "banner"), (" space goes on ", "muted")]
    if feed.played_from:
        place: Span = (f"{clock(run.now)} of {clock(feed.length_s)}", "value")
        if not run.active:
            return [("end ", "key"), place]
        if feed.paused:
            return [(" PAUSED ", "banner"), (" space goes on ", "muted"), place]
        return [(f"{signs.working} playing{_pace(feed.speed)} ", "key"), place]
    if feed.problem:
        return [(" NOT RECORDED ", "banner"), (f" {clock(run.now)}", "value")]
    if feed.recorded_to is not None:
        return [(" REC ", "banner"), (f" {clock(run.now)}", "value")]
    return [(f"{signs.working} live ", "key"), (clock(run.now), "value")]


def _pace(speed: float) -> str:
    return f" {speed:g}x" if speed != 1 else ""


def tape_row(run: Run, feed: MachineFeed, width: int, signs: Glyphs) -> SpanRow:
    """Where what is read is recorded, or how far the recording is that is played."""
    if feed.recorded_to is not None:
        if feed.problem:
            return tuple(crop([("! ", "warn"), (safe(feed.problem), "warn")], width))
        right: list[Span] = [("  q ends it", "muted")]
        words = "Recording into "
        room = width - len(words) - row_width(right) - 1
        return spread_out([(words, "label"), (cut_start(safe(str(feed.recorded_to)), room), "value")], right, width)
    cells = min(BAR_CELLS, width // 4)
    full = round(cells * run.now / feed.length_s) if feed.length_s else cells
    what = "is at its end: these are its last readings." if not run.active else "is played; space stops it."
    if feed.paused and run.active:
        what = "stands still; space lets it go on."
    left: list[Span] = [
        (signs.full * full, "key"),
        (signs.empty * (cells - full), "track"),
        (f" {safe(feed.played_from)} ", "value"),
        (what, "muted"),
    ]
    return tuple(crop(left, width))
