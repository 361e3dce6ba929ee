"""What tokens cost at this moment, where models run on machines of their own, and where they share one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts.spark_scene import scene
from sparktop.model.events import Event, RunStarted
from sparktop.model.live import live_cost, live_costs
from sparktop.model.state import fold
from sparktop.scenarios.library import Library

ROOT: Final = Path(__file__).parents[2]
NOW: Final = 20.0


def pair(tmp_path: Path) -> list[Event]:
    """A model on each of two Sparks."""
    asked = Library(ROOT / "scenarios", tmp_path).get("sutra-qa")
    return scene(asked, {"spark-1": "spark-loaded", "spark-2": "spark-loaded"}, NOW)


def test_models_on_machines_of_their_own_are_told_apart(tmp_path: Path) -> None:
    state = fold(pair(tmp_path))
    costs = live_costs(state, NOW)
    assert list(costs) == ["qwen2.5-7b", "gpt-oss-20b"]
    # 61.0 W of each GPU at 29.4 and at 83.4 tokens per second.
    assert costs["qwen2.5-7b"].gpu_j is not None
    assert abs(costs["qwen2.5-7b"].gpu_j - 61.0 / 29.4) < 0.05
    assert costs["gpt-oss-20b"].gpu_j is not None
    assert abs(costs["gpt-oss-20b"].gpu_j - 61.0 / 83.4) < 0.05
    assert live_cost(state, NOW) == costs["qwen2.5-7b"]


def test_models_that_share_a_machine_are_not(tmp_path: Path) -> None:
    events = [
        replace(event, contenders=tuple(replace(one, node="spark-1+spark-2") for one in event.contenders))
        if isinstance(event, RunStarted)
        else event
        for event in pair(tmp_path)
    ]
    costs = live_costs(fold(events), NOW)
    assert [cost.gpu_j for cost in costs.values()] == [None, None]
    assert {cost.notes["gpu_j"] for cost in costs.values()} == {"several contenders ran at once"}
