"""What is known of a machine now, where some of it is read less often than the rest."""

from __future__ import annotations

from typing import Final

from sparktop.model.channels import lists_processes
from sparktop.telemetry.reading import Reading

_FRESH_S: Final = 10.0
"""Twice as long as the slowest pace of a source: what is older is not read any more."""


class Latest:
    """Puts one reading after another and tells the last of every channel."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, float]] = {}
        self._missing: dict[str, tuple[float, str]] = {}

    def add(self, reading: Reading) -> Reading:
        """Takes a reading; returns it with what it left out, as that was read last.

        Args:
            reading: All sources at one moment, or always the same one.
        """
        if lists_processes(reading.values):
            # The processes were listed: one that is not among them has ended, which nothing else tells.
            self._values = {name: value for name, value in self._values.items() if not name.startswith("process.")}
        for name, value in reading.values.items():
            self._values[name] = (reading.t, value)
            self._missing.pop(name, None)
            self._missing.pop(name.partition(".")[0], None)
        for name, reason in reading.missing.items():
            self._missing[name] = (reading.t, reason)
            self._values.pop(name, None)
        oldest = reading.t - _FRESH_S
        self._missing = {name: told for name, told in self._missing.items() if told[0] >= oldest}
        return Reading(
            t=reading.t,
            values={name: value for name, (t, value) in self._values.items() if t >= oldest},
            missing={name: reason for name, (_, reason) in self._missing.items()},
        )
