"""What is wrong now, and where nothing is, which machines these are."""

from __future__ import annotations

from sparktop.model.alerts import Alert, alerts
from sparktop.model.live_findings import findings
from sparktop.model.verdicts import Severity
from sparktop.ui.chrome import Chrome, crop, glyphs_of, safe, spread_out, whole
from sparktop.ui.format import size
from sparktop.ui.panels.machine import Machine, machines
from sparktop.ui.panels.machine_panel import age
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width

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
        return bool(self._alerts)

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
        rows = self._wrong(width, height) if self._alerts else [self._quiet(width)]
        for one in self._findings if self._alerts or height > 1 else ():
            told: SpanRow = ((safe(one.text), "label"),)
            if self._alerts and row_width(rows[-1]) + 3 + row_width(told) <= width:
                rows[-1] = (*rows[-1], ("   ", ""), *told)
            elif len(rows) < height and row_width(told) <= width:
                rows.append(told)
        return rows

    def _wrong(self, width: int, height: int) -> list[SpanRow]:
        several = len(self._machines) > 1
        waiting = [_alert_spans(alert, several, glyphs_of(self.app).failed) for alert in self._alerts]
        rows: list[list[Span]] = []
        while waiting and len(rows) < height:
            rows.append(crop(waiting.pop(0), width))
            # As many on a row as find room as a whole, with room for the number of those that don't.
            while waiting and row_width(rows[-1]) + 3 + row_width(waiting[0]) <= width - MORE_CELLS:
                rows[-1] += [("   ", ""), *waiting.pop(0)]
        if waiting:
            rows[-1] = [*spread_out(rows[-1], [(f" +{len(waiting)} more", "warn")], width)]
        return [tuple(row) for row in rows]

    def _quiet(self, width: int) -> SpanRow:
        groups = [group for machine in self._machines for group in machine_groups(machine, len(self._machines) > 1)]
        if self.lines == 1 and self._findings:
            # In a single row that is worth more than what kind of machine this is.
            known = len(groups) if len(self._machines) != 1 else 1 + self._machines[0].stale
            groups[known:known] = [[("  ", ""), (safe(one.text), "label")] for one in self._findings]
        right: list[Span] = [(f" {self.more}", "label")] if self.more else []
        return spread_out(whole(groups, width - row_width(right) - 1), right, width)


MORE_CELLS = 9


def _alert_spans(alert: Alert, several: bool, failed: str) -> list[Span]:
    sign = failed if alert.severity is Severity.FAULT else "!"
    where = f"{safe(alert.node)}: " if several else ""
    return [(f"{sign} {alert.severity} ", _STYLES[alert.severity]), (where, "muted"), (safe(alert.text), "")]


def machine_groups(machine: Machine, several: bool) -> list[list[Span]]:
    """What a machine is, and what of it can't be read; the first group is worth most."""
    node = machine.node
    groups: list[list[Span]] = [[(machine.name, "label")]]
    if machine.stale:
        groups.append([(f" ! {age(machine)}", "warn")])
    if node is not None and not several:
        told = [safe(node.machine), f"{node.cores} cores", size(node.memory), *map(safe, node.gpus)]
        groups.append([(f"  {', '.join(fact for fact in told if fact)}", "muted")])
    if machine.read and not machine.gpus:
        groups.append([(f"  GPU n/a: {machine.why('gpu')}", "muted")])
    return [*groups, [("  ", "")]] if several else groups
