"""Every verdict is explained to people, and every limit that is named there is the one in force."""

from __future__ import annotations

import re
from pathlib import Path

from sparktop.model import gpu_checks, history_checks, low_clock, machine_checks, pressure, split_traffic
from sparktop.model.verdicts import Code
from sparktop.store import history

TEXT = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text()
FLAT = " ".join(TEXT.split())


def test_every_code_has_one_line() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (?:fault|note|finding|as )", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(Code)


def test_the_limits_are_those_in_force() -> None:
    limits = [
        f"is {pressure.FLOOR >> 30} GiB, or {pressure.FLOOR_SHARE:.0%} of MemTotal".replace("%", " %"),
        f"more than {pressure.SEVERE_FULL:.0f} % of ten seconds",
        f"more than {pressure.FELT_FULL:.0f} %, or some task for more than {pressure.FELT_SOME:.0f} %",
        f"more than {pressure.SEVERE_SWAP_IN >> 20} MiB/s came back",
        f"more than {pressure.FELT_SWAP_IN >> 20} MiB/s came back",
        f"grew by more than {machine_checks.SWAP_GROWTH >> 20} MiB",
        f"for more than {low_clock.THROTTLED_PERCENT:.0f} % of a reading's time",
        f"below {low_clock.LOW_SHARE:.0f} % of its maximum while the GPU is at least {low_clock.BUSY_PERCENT:.0f} %",
        f"below {low_clock.LOW_POWER_W:.0f} W, below {low_clock.COOL_C:.0f} °C",
        f"it is over at {low_clock.CLEAR_SHARE:.0f} %",
        f"at most {split_traffic.MOST_RDMA_SHARE:.0%} of all".replace("%", " %"),
        f"at least 1 KiB a token over at least {split_traffic.LEAST_TOKENS} tokens",
        f"newest {history.KEPT} earlier runs",
        f"below by more than {history_checks.LEAST_SHARE:.0%}".replace("%", " %"),
    ]
    assert [limit for limit in limits if limit not in FLAT] == []
    assert pressure.LAST_SHARE == 0.25, "a quarter of the floor"
    assert low_clock.LASTS_S == 5, "five seconds"
    assert gpu_checks.SLOWDOWN_S == 1, "more than a second"
    assert split_traffic.LEAST_PER_TOKEN == 1024
    assert (history_checks.SPREADS, history_checks.FEW_RUNS, history_checks.LEAST_RUNS) == (3, 6, 3)
    assert machine_checks.DROP_CACHE in TEXT
