"""Why a GPU's clock is not higher, as the driver declares it: the bits of "gpu.N.event_reasons".

Values of nvmlClocksEventReason... in nvml.h.
"""

from __future__ import annotations

from typing import Final

IDLE: Final = 0x1
HARDWARE_SLOWDOWN: Final = 0x8
"""The hardware halves the clock or more, for heat or for its power supply; newer drivers say which."""

COUNTED: Final = {"power_cap": 0x4, "sw_thermal": 0x20, "hw_thermal": 0x40, "power_brake": 0x80}
"""Those whose time the driver also counts, by what the channels "gpu.N.throttle_..." call them."""

WORDS: Final = {
    IDLE: "idle",
    0x2: "application clocks",
    COUNTED["power_cap"]: "power cap",
    HARDWARE_SLOWDOWN: "hardware slowdown",
    0x10: "sync boost",
    COUNTED["sw_thermal"]: "software thermal",
    COUNTED["hw_thermal"]: "hardware thermal",
    COUNTED["power_brake"]: "power brake",
    0x100: "display clocks",
}
