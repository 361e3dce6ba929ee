"""Memory is short where little is left and something feels it, and not where a machine rests near its floor."""

from __future__ import annotations

import pytest

from sparktop.model.alerts import LINE_CELLS
from sparktop.model.pressure import Level, floor_bytes, pressure

GIB, MIB = 2**30, 2**20
SPARK = 127_600_748 * 1024


@pytest.mark.parametrize(
    ("left", "some", "full", "swap_in", "level"),
    [
        # A pair of Sparks that serves well rests at 4 %.
        (0.04 * SPARK / GIB, 0.0, 0.0, 0.0, Level.OK),
        (60.0, 0.0, 0.0, 0.0, Level.OK),
        (8.0, 40.0, 5.0, 0.0, Level.OK),
        (7.9, 10.0, 1.0, 1 * MIB, Level.OK),
        (7.9, 10.1, 0.0, 0.0, Level.TIGHT),
        (7.9, 0.0, 1.1, 0.0, Level.TIGHT),
        (7.9, 0.0, 0.0, 1 * MIB + 1, Level.TIGHT),
        (7.9, 42.0, 5.1, 0.0, Level.CRITICAL),
        (7.9, 0.0, 0.0, 32 * MIB + 1, Level.CRITICAL),
        # Plenty is left, and tasks wait all the same: a limit on their group, or pages that come back.
        (60.0, 42.0, 5.1, 0.0, Level.CRITICAL),
        (60.0, 0.0, 0.0, 32 * MIB + 1, Level.TIGHT),
        (2.0, 0.0, 0.0, 0.0, Level.OK),
        (1.9, 0.0, 0.0, 0.0, Level.TIGHT),
        # Without PSI the swap tells, and the other way round; without both nothing does.
        (7.9, None, None, 0.0, Level.OK),
        (7.9, None, 0.0, None, Level.OK),
        (7.9, None, None, None, Level.UNKNOWN),
        (60.0, None, None, None, Level.OK),
        (None, 0.0, 0.0, 0.0, Level.UNKNOWN),
        (None, 9.0, 9.0, None, Level.CRITICAL),
    ],
)
def test_levels(
    left: float | None, some: float | None, full: float | None, swap_in: float | None, level: Level
) -> None:
    found = pressure(None if left is None else left * GIB, SPARK, some, full, swap_in)
    assert found.level is level, found.reason
    assert found.evidence.get("available") == (None if left is None else left * GIB)
    assert ("psi_full" in found.evidence) == (full is not None)
    assert len(found.reason) <= 59
    assert len(found.brief) <= 53
    assert bool(found.brief) == (level in (Level.TIGHT, Level.CRITICAL))


def test_the_reason_names_what_it_rests_on() -> None:
    assert (
        pressure(4.87 * GIB, SPARK, 42.5, 18.75, 0.0).reason
        == "4.9 GiB left (floor 8.0), all tasks wait 19 % of the time"
    )
    assert pressure(4.87 * GIB, SPARK, 0.0, 0.0, 512 * MIB).reason.endswith("512 MiB/s come back from swap")
    assert pressure(60 * GIB, SPARK, 50.0, 20.0, 0.0).reason == "60.0 GiB left, but all tasks wait 20 % of the time"
    assert pressure(0.5 * GIB, SPARK, 0.0, 0.0, 0.0).reason == "0.5 GiB left (floor 8.0), next to nothing"
    assert len(pressure(7.9 * GIB, SPARK, 100.0, 100.0, 0.0).reason) <= 59


def test_a_narrow_screen_has_room_for_the_longest() -> None:
    for left, some, full, back in (
        *((7.9, 100.0, 100.0, 0.0), (7.9, 100.0, 0.0, 0.0), (7.9, 0.0, 0.0, 99_999.0)),
        *((100.0, 100.0, 100.0, 0.0), (100.0, 0.0, 0.0, 99_999.0), (0.1, 0.0, 0.0, 0.0)),
    ):
        found = pressure(left * GIB, SPARK, some, full, back * MIB)
        assert len(f"memory {found.level}: {found.brief}") <= LINE_CELLS
    assert pressure(0.5 * GIB, SPARK, 0.0, 0.0, 0.0).brief == "0.5 GiB left, floor 8.0: next to nothing"
    assert pressure(60 * GIB, SPARK, 50.0, 20.0, 0.0).brief == "60.0 GiB left, but all tasks wait 20 % of time"
    assert pressure(4.87 * GIB, SPARK, 0.0, 0.0, 512 * MIB).brief.endswith("floor 8.0: 512 MiB/s back from swap")


def test_small_machines_have_a_small_floor() -> None:
    assert floor_bytes(16 * GIB) == pytest.approx(1.6 * GIB)
    assert floor_bytes(SPARK) == 8 * GIB
    assert floor_bytes(None) == 8 * GIB
    assert pressure(1.7 * GIB, 16 * GIB, 50.0, 3.0, 0.0).level is Level.OK
    assert pressure(1.5 * GIB, 16 * GIB, 50.0, 3.0, 0.0).level is Level.TIGHT
