"""What is kept of a machine that was watched: everything that was read, and whose the processes are."""

from __future__ import annotations

import pytest

from sparktop.model.channels import PROCESS_LEFT
from sparktop.model.events import Event, NodeSeen, ProcessSeen, SampleTaken
from sparktop.model.processes import holders
from sparktop.model.readout import read_out
from sparktop.model.records import Node
from sparktop.model.state import fold

NODE = Node(
    name="spark-a", os="", machine="NVIDIA DGX Spark", cpu="", cores=20, memory=5, gpus=(), driver="", llama_cpp=""
)


def sample(t: float, values: dict[str, float], missing: dict[str, str] | None = None) -> Event:
    return SampleTaken(t=t, node="spark-a", values=values, missing=missing or {})


def seen(pid: int, name: str, own: bool | None) -> Event:
    return ProcessSeen(t=0.0, node="spark-a", pid=pid, name=name, own=own)


def held(pid: int) -> str:
    return f"process.{pid}.gpu_held"


EVENTS = [
    NodeSeen(t=0.0, node=NODE),
    seen(7, "vllm", False),
    seen(8, "python", True),
    sample(0.0, {"gpu.0.held": 9.0, held(7): 4.0, held(8): 5.0, "thermal.a.temperature": 50.0}),
    sample(0.5, {"cpu.load": 1.0}, {"roce": "no RDMA device"}),
]


def test_the_largest_is_first_and_between_lists_nobody_leaves() -> None:
    found = holders(fold(EVENTS), "spark-a")
    assert [(one.pid, one.name, one.own, one.gpu_held) for one in found] == [
        (8, "python", True, 5.0),
        (7, "vllm", False, 4.0),
    ]


@pytest.mark.parametrize("told", [{held(7): PROCESS_LEFT}, {}], ids=["told", "not told"])
def test_who_is_not_listed_any_more_has_left(told: dict[str, str]) -> None:
    state = fold([*EVENTS, sample(2.0, {"gpu.0.held": 5.0, held(8): 5.0}, told), sample(2.5, {})])
    assert [one.pid for one in holders(state, "spark-a")] == [8]


def test_who_holds_an_unknown_amount_is_there() -> None:
    why = "the driver does not tell how much this process holds"
    state = fold([sample(0.0, {}, {"gpu.0.held": "not told", held(9): why}), sample(0.5, {})])
    assert [(one.pid, one.name, one.own, one.gpu_held) for one in holders(state, "spark-a")] == [(9, "", None, None)]
    state.apply(sample(2.0, {}, {held(9): PROCESS_LEFT}))
    assert holders(state, "spark-a") == ()


def test_the_document_has_what_is_known_now_and_all_that_was_read() -> None:
    state = fold([*EVENTS, sample(11.0, {"cpu.load": 2.0, "gpu.0.held": 9.0, held(8): 9.0}, {held(7): PROCESS_LEFT})])
    document = read_out(state, now=11.25, sparktop="0.1", taken="2026-01-01T00:00:00+00:00")

    assert document.schema == "sparktop.machine/1"
    assert (document.node, document.machine, document.t) == ("spark-a", NODE, 11.25)
    # The temperature was not read for eleven seconds: nobody knows it now.
    assert document.values == {"cpu.load": 2.0, "gpu.0.held": 9.0, held(8): 9.0}
    assert document.missing == {"roce": "no RDMA device", held(7): PROCESS_LEFT}
    assert document.units["cpu.load"] == "percent"
    assert [process.pid for process in document.processes] == [8]
    series = {one.channel: (one.t_s, one.values) for one in document.telemetry}
    assert series["cpu.load"] == ((0.5, 11.0), (1.0, 2.0))
    assert series["thermal.a.temperature"] == ((0.0,), (50.0,))


def test_before_the_first_reading_there_is_nothing_to_keep() -> None:
    with pytest.raises(ValueError, match="nothing was read yet"):
        read_out(fold(EVENTS[:1]), now=0.0, sparktop="0.1", taken="")
