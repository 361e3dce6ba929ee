"""The clock of a GPU that is stuck far below its maximum, with nobody saying why.

On a DGX Spark this is what a failed negotiation with the USB-C power supply looks like: the GPU is busy, cool and draws
next to nothing, and the driver declares no reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sparktop.model.channels import indexed
from sparktop.model.clock_events import IDLE

BUSY_PERCENT: Final = 50.0
LOW_SHARE: Final = 45.0
"""Percent of the highest clock. This rule's limits are those of metaspartan/sparktop, a monitor for this machine; the
fault shows as 500 to 850 MHz of 3,003 at 11 to 18 W, and a healthy GB10 runs at 2,400."""

CLEAR_SHARE: Final = 55.0
"""Percent of the highest clock from which on it is over: between the two limits nothing changes."""

LOW_POWER_W: Final = 35.0
COOL_C: Final = 80.0
"""From this temperature on, heat may be what holds the clock."""

LASTS_S: Final = 5.0
"""A clock that only ramps up, or a reading at the end of a burst, is not stuck."""

LONGEST_STEP_S: Final = 3.0
"""Between readings further apart, nobody knows what the clock was."""

THROTTLES: Final = ("throttle_power_cap", "throttle_sw_thermal", "throttle_hw_thermal", "throttle_power_brake")
THROTTLED_PERCENT: Final = 5.0
"""Share of a reading's time below which a clock that was held back changes no figure."""

FASTEST_STATE: Final = 0
"""The performance state (P0) of a GPU that the driver wants to be fast: in a slower one a low clock is meant."""

_NEEDED: Final = ("sm_clock_share", "power", "temperature")


@dataclass(slots=True)
class LowClock:
    """Follows one GPU, reading by reading.

    Attributes:
        stuck: It is so now.
        seconds: How long it was so altogether.
        last: When it was last read to be so, in seconds on the readings' clock; None if never.
        worst: The reading with the lowest clock among those: MHz, percent, W, °C, by quantity.
        blind: What was not read while the GPU was busy, so that nothing could be said; empty if nothing.
        judged: Readings of a busy GPU that could be judged.
    """

    stuck: bool = False
    seconds: float = 0.0
    last: float | None = None
    worst: dict[str, float] = field(default_factory=dict)
    blind: str = ""
    judged: int = 0
    _since: float | None = None
    _before: float | None = None

    @property
    def suspected(self) -> float | None:
        """Since when it may be stuck, in seconds, while that is not yet long enough; None while there is no sign."""
        return None if self.stuck else self._since

    def take(self, t: float, gpu: str, values: Mapping[str, float]) -> None:
        """Takes a reading of the machine that this GPU, under its number `gpu`, is in."""
        if self._before is not None and t - self._before > LONGEST_STEP_S:
            self._since, self.stuck = None, False
        step = 0.0 if self._before is None else t - self._before
        self._before = t
        busy = values.get(indexed("gpu", gpu, "utilization"))
        if busy is None:
            self._since, self.blind = None, "utilization"
            return
        if busy < BUSY_PERCENT:
            # An idle GPU lowers its clock of its own accord: nothing is learned, and nothing is over.
            self._since = None
            return
        reading = {q: v for q in _NEEDED if (v := values.get(indexed("gpu", gpu, q))) is not None}
        declared = _declared(gpu, values)
        if len(reading) < len(_NEEDED) or declared is None:
            self.blind = next((q for q in _NEEDED if q not in reading), "event_reasons")
            self._since = None
            return
        self.judged += 1
        share = reading["sm_clock_share"]
        # Not every driver tells it, and recordings of older versions don't: the rest of the rule holds without.
        state = values.get(indexed("gpu", gpu, "performance_state"), FASTEST_STATE)
        meant = declared or state != FASTEST_STATE
        low = share < LOW_SHARE and reading["power"] < LOW_POWER_W and reading["temperature"] < COOL_C and not meant
        if self.stuck:
            self.stuck = share < CLEAR_SHARE and not meant
        elif not low:
            self._since = None
        elif self._since is None:
            self._since = t
        elif t - self._since >= LASTS_S:
            self.stuck, step, self._since = True, t - self._since, None
        if self.stuck:
            self.seconds += step
            self.last = t
            if share < self.worst.get("sm_clock_share", 100.0):
                clock = values.get(indexed("gpu", gpu, "sm_clock"))
                self.worst = reading | {"utilization": busy} | ({} if clock is None else {"sm_clock": clock})


def _declared(gpu: str, values: Mapping[str, float]) -> bool | None:
    """Whether the driver names something that holds the clock back; None if it can't be asked."""
    throttled = [values.get(indexed("gpu", gpu, quantity)) for quantity in THROTTLES]
    if any(percent is not None and percent > THROTTLED_PERCENT for percent in throttled):
        return True
    reasons = values.get(indexed("gpu", gpu, "event_reasons"))
    if reasons is not None:
        return bool(int(reasons) & ~IDLE)
    return None if None in throttled else False
