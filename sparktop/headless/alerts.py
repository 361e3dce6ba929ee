"""What is wrong with the machines whose readings are printed: in a table, in a log, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sparktop.headless.columns import pad, width
from sparktop.model.alerts import alerts
from sparktop.model.blind_spots import blind_spots
from sparktop.model.events import Event
from sparktop.model.state import RunState
from sparktop.model.text import one_line
from sparktop.model.verdicts import Alert, Unjudged
from sparktop.telemetry.changes import Changes
from sparktop.telemetry.reading import Reading

_SUBJECT: Final = ("gpu", "cause", "port", "contender")
"""Evidence that tells two alerts of one code apart."""


class Watched:
    """Machines as far as their readings have been taken; judges them as the screens do."""

    def __init__(self) -> None:
        self._state = RunState()
        self._told: dict[tuple[str, ...], Alert] = {}
        self._since: dict[tuple[str, ...], float] = {}
        self._changes: dict[str, Changes] = {}

    def take(self, event: Event) -> None:
        """Takes what was read of a machine, or what the machine is."""
        self._state.apply(event)

    def read(self, node: str, reading: Reading) -> None:
        """Takes what was read of a machine.

        Args:
            node: The machine.
            reading: All that was read at one moment, and nothing that was read before.
        """
        changes = self._changes.setdefault(node, Changes(node))
        # The clock of whoever recorded may have been set back.
        self.take(changes.sample(replace(reading, t=max(reading.t, self._state.now))))

    def alerts(self, node: str) -> tuple[Alert, ...]:
        """Returns what is wrong with a machine now, the worst first."""
        return tuple(alert for alert in alerts(self._state, self._state.now) if alert.node == node)

    def unjudged(self, node: str) -> tuple[Unjudged, ...]:
        """Returns which alerts could not be raised about it, and why."""
        return tuple(blind_spots(self._state, node))

    def servers(self, node: str) -> Mapping[str, str]:
        """Returns what the servers are that a machine watches, by their place in channels, where that is known."""
        return self._state.servers.get(node, {})

    def changes(self, node: str) -> Iterator[str]:
        """Yields a sentence for each alert that began, or is over, since this was last asked about a machine."""
        now: dict[tuple[str, ...], Alert] = {}
        for alert in self.alerts(node):
            # Of several that are the same but for how bad they are, the worst comes first.
            now.setdefault(_key(alert), alert)
        for key, alert in now.items():
            before = self._told.get(key)
            if before is None or before.severity is not alert.severity:
                self._since.setdefault(key, self._state.now)
                yield f"{alert.severity} {alert.code}: {one_line(alert.text)}"
        for key in [key for key in self._told if key[0] == node and key not in now]:
            lasted = self._state.now - self._since.pop(key)
            gone = self._told.pop(key)
            yield f"over after {lasted:.0f} s: {gone.severity} {gone.code}: {one_line(gone.text)}"
        self._told.update(now)


def _key(alert: Alert) -> tuple[str, ...]:
    return (alert.node, alert.code, *(str(alert.evidence.get(name, "")) for name in _SUBJECT))


def alert_lines(found: Sequence[Alert], unjudged: Sequence[Unjudged]) -> list[str]:
    """Returns a group of the table: what is wrong, or "none", and what could not be judged."""
    reasons: dict[str, list[str]] = {}
    for one in unjudged:
        reasons.setdefault(one.reason, []).append(one.code)
    rows = [(f"{alert.severity} {alert.code}", one_line(alert.text)) for alert in found] or [("none", "")]
    rows += [("not judged", f"{', '.join(codes)} ({one_line(why)})") for why, codes in reasons.items()]
    cells = max(width(start) for start, _ in rows)
    return ["alerts", *(f"  {pad(start, cells)}  {rest}".rstrip() for start, rest in rows)]


def alert_records(found: Sequence[Alert], unjudged: Sequence[Unjudged]) -> dict[str, Any]:
    """Returns the same for programs, to stand beside a reading's values."""
    return {
        "alerts": [
            {"code": a.code, "severity": a.severity, "text": one_line(a.text), "evidence": a.evidence} for a in found
        ],
        "unjudged": [{"code": one.code, "reason": one.reason} for one in unjudged],
    }
