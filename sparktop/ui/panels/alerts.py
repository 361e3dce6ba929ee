"""What is wrong now, and where nothing is, which machines these are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from sparktop.model.alerts import Alert, alerts
from sparktop.model.live_findings import findings
from sparktop.model.verdicts import Severity
from sparktop.ui.chrome import Chrome, crop, glyphs_of, safe, spread_out, whole
from sparktop.ui.format import size
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.briefs import briefs
from sparktop.ui.panels.machine import Machine, machines
from sparktop.ui.panels.machine_panel import LEAST_NAME, age, cut_clause, silent_for
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.names import short_names

_STYLES = {Severity.FAULT: "bad", Severity.NOTE: "warn", Severity.FINDING: "label"}


class AlertBar(Chrome):
    """What is wrong, the worst first; with nothing wrong, a line about the machines.

    What holds a model back is told where that leaves room. The height does not change with the number of alerts, which
    come and go.

    Attributes:
        lines: Its height.
        more: What to say at the right end while nothing is wrong.
    """

    def __init__(self) -> None:
        super().__init__(id="alerts")
        self.lines = 1
        self.more = ""
        self._alerts: tuple[Alert, ...] = ()
        self._findings: tuple[Alert, ...] = ()
        self._machines: list[Machine] = []

    @property
    def urgent(self) -> bool:
        """Whether something is wrong."""
        return bool(self._alerts or self._silent)

    @property
    def _silent(self) -> list[Machine]:
        """The machines of several that tell nothing any more, such as for a lost connection."""
        return [machine for machine in self._machines if machine.silent] if len(self._machines) > 1 else []

    def show(self, run: Run) -> None:
        """Draws what is wrong now."""
        self._alerts = alerts(run.state, run.now) if run.active else ()
        self._findings = findings(run.state, run.now) if run.active else ()
        self._machines = machines(run.state, run.now)
        if self.styles.height is None or self.styles.height.value != self.lines:
            self.styles.height = self.lines
        self.repaint()

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lays out the rows for a size; see `LineWidget.build`."""
        rows = self._wrong(width, height) if self.urgent else [self._quiet(width)]
        for one in self._findings if self.urgent or height > 1 else ():
            told: SpanRow = ((safe(one.text), "label"),)
            if self.urgent and row_width(rows[-1]) + 3 + row_width(told) <= width:
                rows[-1] = (*rows[-1], ("   ", ""), *told)
            elif len(rows) < height and row_width(told) <= width:
                rows.append(told)
        return rows

    def _wrong(self, width: int, height: int) -> list[SpanRow]:
        signs = glyphs_of(self.app)
        # Where not all find room, their number has to.
        room = width if len(self._alerts) + len(self._silent) <= height else width - MORE_CELLS
        waiting = [_silent_spans(machine, self._machines, room) for machine in self._silent]
        waiting += [_alert_spans(alert, self._machines, signs, room) for alert in self._alerts]
        rows: list[list[Span]] = []
        while waiting and len(rows) < height:
            rows.append(waiting.pop(0))
            # As many on a row as find room as a whole, with room for the number of those that don't.
            while waiting and row_width(rows[-1]) + 3 + row_width(waiting[0]) <= width - MORE_CELLS:
                rows[-1] += [("   ", ""), *waiting.pop(0)]
        if waiting:
            rows[-1] = [*spread_out(rows[-1], [(f" +{len(waiting)} more", "warn")], width)]
        return [tuple(row) for row in rows]

    def _more(self, width: int) -> list[Span]:
        """What to say at the right end; of many panels no more than their numbers, so that something else has room."""
        if not self.more:
            return []
        if cell_len(self.more) <= MORE_SHARE * width:
            return [(f" {self.more}", "label")]
        return [(f" panels {' '.join(one.split()[0] for one in self.more.split('  '))}", "label")]

    def _quiet(self, width: int) -> SpanRow:
        right = self._more(width)
        room = width - row_width(right) - 1
        told: list[list[Span]] = [[("   ", ""), (safe(one.text), "label")] for one in self._findings]
        if len(self._machines) > 1:
            more = told if self.lines == 1 else ()
            return spread_out(briefs(self._machines, room, glyphs_of(self.app), more), right, width)
        groups = [group for machine in self._machines for group in machine_groups(machine)]
        if self.lines == 1 and told:
            # In a single row that is worth more than what kind of machine this is.
            known = 1 + self._machines[0].stale if self._machines else 0
            groups[known:known] = told
        return spread_out(whole(groups, room), right, width)


MORE_CELLS = 9
MORE_SHARE = 0.6


def _alert_spans(alert: Alert, machines: Sequence[Machine], signs: Glyphs, width: int) -> list[Span]:
    """An alert in whole clauses, as many as there is room for."""
    sign = signs.failed if alert.severity is Severity.FAULT else "!"
    whose: Span = (_whose(safe(alert.node), machines, width), "muted")
    start: list[Span] = [(f"{sign} {alert.severity} ", _STYLES[alert.severity]), whose]
    text = cut_clause(safe(alert.text), width - row_width(start))
    if row_width(start) + cell_len(text) > width and not signs.ascii:
        # The sign alone tells a fault from a note.
        start = [(f"{sign} ", _STYLES[alert.severity]), whose]
        text = cut_clause(safe(alert.text), width - row_width(start))
    return crop([*start, (text, "")], width)


def _silent_spans(machine: Machine, machines: Sequence[Machine], width: int) -> list[Span]:
    return crop([("! ", "warn"), (_whose(machine.name, machines, width), "muted"), (silent_for(machine), "")], width)


def _whose(name: str, machines: Sequence[Machine], width: int) -> str:
    """The machine that something is told of, where there are several."""
    names = [machine.name for machine in machines]
    if len(names) < 2:
        return ""
    return f"{dict(zip(names, short_names(names, max(LEAST_NAME, width // 4)), strict=True)).get(name, name)}: "


def machine_groups(machine: Machine) -> list[list[Span]]:
    """What a single machine is, and what of it can't be read; the first group is worth most."""
    node = machine.node
    groups: list[list[Span]] = [[(machine.name, "label")]]
    if machine.stale:
        groups.append([(f" ! {age(machine)}", "warn")])
    if node is not None:
        told = [safe(node.machine), f"{node.cores} cores", size(node.memory), *map(safe, node.gpus)]
        groups.append([(f"  {', '.join(fact for fact in told if fact)}", "muted")])
    if machine.read and not machine.gpus:
        groups.append([(f"  GPU n/a: {machine.why('gpu')}", "muted")])
    return groups
