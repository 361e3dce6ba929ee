"""Readings as events: small ones, since a reason that still holds is told once."""

from __future__ import annotations

import math

from sparktop.model.channels import PROCESS_LEFT
from sparktop.model.events import SampleTaken
from sparktop.telemetry.reading import Reading


class Changes:
    """Makes the samples of one machine, in order.

    Args:
        node: Name of the machine.
    """

    def __init__(self, node: str) -> None:
        self._node = node
        self._told: dict[str, str] = {}

    def sample(self, reading: Reading) -> SampleTaken:
        """Returns a reading as an event: reasons that were told before and still hold are left out."""
        # JSON has no NaN: a source that gives one has read nothing. And what comes out of the journal
        # is a float: so is what goes in, and a snapshot made again from it is the same to the byte.
        odd = {name: "not a number" for name, value in reading.values.items() if not math.isfinite(value)}
        values = {name: float(value) for name, value in reading.values.items() if name not in odd}
        if self._told:
            for name in values:
                self._told.pop(name, None)
                self._told.pop(name.partition(".")[0], None)
        missing = {name: why for name, why in {**reading.missing, **odd}.items() if self._told.get(name) != why}
        for name, why in missing.items():
            if why == PROCESS_LEFT:
                # Nothing comes after it.
                self._told.pop(name, None)
            else:
                self._told[name] = why
        return SampleTaken(t=reading.t, node=self._node, values=values, missing=missing)
