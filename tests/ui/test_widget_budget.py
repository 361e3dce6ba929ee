"""What the widgets send to a terminal stays within the budget; CPU is for the benchmark to report."""

import sys

import pytest

from benchmarks.bench_widgets import SCENES, measure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["idle", "dashboard"])
def test_bytes_to_the_terminal(name: str) -> None:
    cost = measure(name, seconds=4)
    budget = SCENES[name].kilobytes
    assert budget is not None
    assert 0 < cost.kilobytes <= budget
    assert cost.paints <= 14
