"""The numbers are those of the recorded tree, to the byte; what is not there is a reason, never 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.model import channels
from sparktop.telemetry.memory import Allocatable, MemorySource, allocatable
from sparktop.telemetry.reading import Unreadable

# As a DGX Spark under load gives it (shortened).
MEMINFO = """\
MemTotal:       127600748 kB
MemFree:         7340032 kB
MemAvailable:   62914560 kB
Buffers:          123456 kB
Cached:         52428800 kB
SwapTotal:      16777212 kB
SwapFree:       16252924 kB
SReclaimable:    1048576 kB
HugePages_Total:       0
HugePages_Free:        0
Hugepagesize:       2048 kB
"""
PRESSURE = """\
some avg10=12.34 avg60=3.21 avg300=0.50 total=123456
full avg10=0.30 avg60=0.10 avg300=0.00 total=4567
"""
PAGE = 65536


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "vmstat").write_text("nr_free_pages 1\npswpin 1000\npswpout 500\n")
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure" / "memory").write_text(PRESSURE)
    return tmp_path


def test_every_number_is_the_trees_own(proc: Path) -> None:
    source = MemorySource(proc, page_size=PAGE)
    source.read(10.0)
    (proc / "vmstat").write_text("pswpin 1030\npswpout 501\n")

    reading = source.read(10.4)

    assert reading.t == 10.4
    assert reading.missing == {}
    assert reading.values == {
        channels.MEMORY_TOTAL: 127600748 * 1024,
        channels.MEMORY_USED: (127600748 - 62914560) * 1024,
        channels.MEMORY_AVAILABLE: 62914560 * 1024,
        channels.MEMORY_FREE: 7340032 * 1024,
        channels.MEMORY_CACHE: (52428800 + 1048576) * 1024,
        channels.MEMORY_ALLOCATABLE: (62914560 + 16252924) * 1024,
        channels.MEMORY_HUGE_PAGES: 0,
        channels.SWAP_TOTAL: 16777212 * 1024,
        channels.SWAP_USED: (16777212 - 16252924) * 1024,
        channels.SWAP_IN: pytest.approx(30 * PAGE / 0.4),
        channels.SWAP_OUT: pytest.approx(1 * PAGE / 0.4),
        channels.PSI_SOME: 12.34,
        channels.PSI_FULL: 0.30,  # percent: not a fraction to be multiplied by 100
    }


def test_every_channel_is_either_read_or_explained(proc: Path) -> None:
    source = MemorySource(proc)
    for broken in (None, "meminfo", "vmstat", "pressure/memory"):
        if broken:
            (proc / broken).unlink()
        reading = source.read(1.0)
        assert set(reading.values) | set(reading.missing) == set(source.channels)
        assert not set(reading.values) & set(reading.missing)
        assert all(reading.missing.values())
    assert reading.values == {}


def test_first_reading_has_no_rate(proc: Path) -> None:
    reading = MemorySource(proc).read(0.0)

    assert reading.missing == {
        channels.SWAP_IN: "a rate needs two readings",
        channels.SWAP_OUT: "a rate needs two readings",
    }


def test_counter_that_goes_backwards_is_a_gap_of_one_reading(proc: Path) -> None:
    source = MemorySource(proc, page_size=PAGE)
    source.read(0.0)
    (proc / "vmstat").write_text("pswpin 10\npswpout 600\n")

    reset = source.read(1.0)
    (proc / "vmstat").write_text("pswpin 12\npswpout 600\n")
    after = source.read(2.0)

    assert reset.missing == {channels.SWAP_IN: "the counter was reset"}
    assert reset.values[channels.SWAP_OUT] == 100 * PAGE
    assert after.values[channels.SWAP_IN] == 2 * PAGE
    assert after.values[channels.SWAP_OUT] == 0


def test_rate_after_a_gap_spans_no_unread_time(proc: Path) -> None:
    source = MemorySource(proc, page_size=PAGE)
    source.read(0.0)
    vmstat = proc / "vmstat"
    kept = vmstat.read_text()
    vmstat.unlink()
    assert "no " in source.read(1.0).missing[channels.SWAP_IN]
    vmstat.write_text(kept)

    assert source.read(2.0).missing[channels.SWAP_IN] == "a rate needs two readings"


def test_forgotten_counters_give_no_rate(proc: Path) -> None:
    source = MemorySource(proc)
    source.read(0.0)
    source.forget()

    assert channels.SWAP_IN in source.read(1.0).missing


def test_kernel_without_pressure_says_how_to_get_it(proc: Path) -> None:
    (proc / "pressure" / "memory").unlink()

    reading = MemorySource(proc).read(0.0)

    assert "psi=1" in reading.missing[channels.PSI_SOME]
    assert "psi=1" in reading.missing[channels.PSI_FULL]
    assert reading.values[channels.MEMORY_TOTAL] == 127600748 * 1024


def test_what_may_not_be_opened_is_a_reason(proc: Path) -> None:
    # A folder in the file's place fails for root too, for whom a mode of 000 would not.
    (proc / "meminfo").unlink()
    (proc / "meminfo").mkdir()

    reading = MemorySource(proc).read(0.0)

    assert reading.missing[channels.MEMORY_USED] == f"{proc / 'meminfo'}: Is a directory"
    assert reading.values[channels.PSI_FULL] == 0.30


def test_half_written_file_loses_only_what_is_cut(proc: Path) -> None:
    cut = MEMINFO[: MEMINFO.index("62914560") + 3]
    (proc / "meminfo").write_text(cut)
    (proc / "pressure" / "memory").write_text("some avg10=\nfull avg10=0.3")

    reading = MemorySource(proc).read(0.0)

    assert reading.values[channels.MEMORY_TOTAL] == 127600748 * 1024
    assert channels.MEMORY_AVAILABLE in reading.missing  # "629" would be wrong by five digits
    assert channels.MEMORY_USED in reading.missing
    assert channels.PSI_SOME in reading.missing
    assert reading.values[channels.PSI_FULL] == 0.3


@pytest.mark.parametrize("line", ["full avg10=nan", "full avg10=101", "full avg10=-1", "full", ""])
def test_pressure_out_of_range_is_missing(proc: Path, line: str) -> None:
    (proc / "pressure" / "memory").write_text(f"some avg10=1.00\n{line}\n")

    reading = MemorySource(proc).read(0.0)

    assert channels.PSI_FULL in reading.missing
    assert reading.values[channels.PSI_SOME] == 1.0


def test_faked_meminfo_makes_no_negative_use(proc: Path) -> None:
    (proc / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable: 200 kB\nSwapTotal: 8 kB\nSwapFree: 9 kB\n")

    reading = MemorySource(proc).read(0.0)

    # What is left of another machine's memory would pass for plenty.
    for channel in (channels.MEMORY_USED, channels.MEMORY_AVAILABLE, channels.MEMORY_ALLOCATABLE):
        assert reading.missing[channel] == "MemAvailable is more than MemTotal"
    (proc / "meminfo").write_text("MemTotal: 300 kB\nMemAvailable: 200 kB\nSwapTotal: 8 kB\nSwapFree: 9 kB\n")
    assert MemorySource(proc).read(0.0).missing[channels.MEMORY_ALLOCATABLE] == "SwapFree is more than SwapTotal"


def test_allocatable_is_available_and_swap(proc: Path) -> None:
    assert allocatable(proc) == Allocatable(
        (62914560 + 16252924) * 1024, "MemAvailable + SwapFree", swap=16252924 * 1024
    )


def test_allocatable_without_swap(proc: Path) -> None:
    (proc / "meminfo").write_text("MemAvailable: 10 kB\nSwapFree: 0 kB\n")

    assert allocatable(proc) == Allocatable(10 * 1024, "MemAvailable", swap=0)


def test_allocatable_with_huge_pages_counts_them_alone(proc: Path) -> None:
    text = MEMINFO.replace("HugePages_Total:       0", "HugePages_Total:    4096")
    (proc / "meminfo").write_text(text.replace("HugePages_Free:        0", "HugePages_Free:     1024"))

    assert allocatable(proc) == Allocatable(1024 * 2048 * 1024, "HugePages_Free x Hugepagesize", swap=0)


def test_huge_pages_are_told_by_their_bytes(proc: Path) -> None:
    text = MEMINFO.replace("HugePages_Total:       0", "HugePages_Total:    4096")
    (proc / "meminfo").write_text(text.replace("HugePages_Free:        0", "HugePages_Free:     1024"))

    reading = MemorySource(proc).read(0.0)

    assert reading.values[channels.MEMORY_HUGE_PAGES] == 4096 * 2048 * 1024
    assert reading.values[channels.MEMORY_ALLOCATABLE] == 1024 * 2048 * 1024


def test_allocatable_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"no .*meminfo"):
        allocatable(tmp_path)


def test_the_kernel_under_this_test_is_read() -> None:
    reading = MemorySource(Path("/proc")).read(0.0)

    assert reading.values[channels.MEMORY_TOTAL] >= reading.values[channels.MEMORY_USED] > 0
