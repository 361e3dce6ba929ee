"""A split model in the links panel: what each machine holds, by what it goes, how much, and who waits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import recorded
from fakes import Bench, screen_text, settle

from sparktop.model.events import Event, ModelReady
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.split_events import LinkMeasured, ModelSplit
from sparktop.ui.chrome import Chrome
from sparktop.ui.panels.machine_panel import MachinePanel

GIB = 1 << 30

HERE = SplitPart(
    node="spark-a", address="", devices=("CPU", "CUDA0"), layers=41, weights=35 * GIB, kv=GIB, compute=GIB // 2
)
THERE = SplitPart(
    node="spark-b", address="192.168.100.11:50052", devices=("RPC0",), layers=40, weights=34 * GIB, kv=GIB, compute=0
)
LINK = LinkUse(
    node="spark-b",
    rdma=True,
    proof='llama.cpp: "RDMA activated: qpn=281->290 mtu=4096 rx_depth=24"; its TCP connection carried 172 bytes',
    rtt_ms=0.021,
    decode_tokens=100,
    decode_bytes=4_812_000,
    prompt_tokens=50,
    prompt_bytes=2_000_000,
    waiting=0.487,
    samples=900,
    reason="",
)


def split(link: LinkUse) -> list[Event]:
    """A run whose last contender is split."""
    events: list[Event] = list(recorded.record(items=1))
    at = max(number for number, event in enumerate(events) if isinstance(event, ModelReady))
    ready = events[at]
    assert isinstance(ready, ModelReady)
    events[at + 1 : at + 1] = [
        ModelSplit(t=ready.t, contender=ready.contender, parts=(HERE, THERE)),
        LinkMeasured(t=ready.t, contender=ready.contender, link=link),
    ]
    return events


@pytest.mark.parametrize(
    ("link", "row"),
    [
        (LINK, "spark-b RDMA  48.12 kB/token  waited 49 %  rtt 0.02 ms"),
        (replace(LINK, rdma=False, rtt_ms=None), "spark-b TCP  48.12 kB/token  waited 49 %  "),
        (
            replace(LINK, decode_bytes=None, waiting=None, reason="18 samples were taken"),
            "spark-b RDMA       n/a/token  waited n/a  rtt 0.02 ms  (18 samples were taken)",
        ),
    ],
)
async def test_the_links_panel_tells_of_a_split_model(tmp_path: Path, link: LinkUse, row: str) -> None:
    bench = Bench(tmp_path, events=split(link))
    async with bench.app(bench.default_plan()).run_test(size=(160, 50)) as pilot:
        bench.watch.t = 1000.0
        bench.latest.poll()
        await settle(pilot)
        panel = bench.latest.screen.query_one("#links", MachinePanel)
        told = ["".join(text for text, _ in row) for row in panel.figures(100, 30)]
        assert "holds  spark-a 36.5 GiB, 41 layers  spark-b 35.0 GiB, 40 layers  " in told
        assert row in told
        assert any(line.startswith(f"proof  spark-b: {link.proof[:40]}") for line in told)
        assert told[-1] == "speed  a split makes no single stream faster"
        narrow = ["".join(text for text, _ in row) for row in panel.figures(30, 30)]
        # Of many machines none is left out: they take more rows.
        assert "holds  spark-a 36.5 GiB  " in narrow
        assert "       spark-b 35.0 GiB  " in narrow
        assert not any("36." in line and "GiB" not in line for line in narrow)
        assert panel.query_one(Chrome).rows


async def test_machines_of_which_nothing_is_read_give_way_to_the_split(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=split(LINK))
    async with bench.app(bench.default_plan()).run_test(size=(160, 50)) as pilot:
        bench.watch.t = 1000.0
        bench.latest.poll()
        await settle(pilot)
        panel = bench.latest.screen.query_one("#links", MachinePanel)
        (machine,) = panel.machines
        panel.machines = [replace(machine, name=f"spark-{end}") for end in "abcd"]
        few = ["".join(text for text, _ in row) for row in panel.figures(60, 5)]
        assert [row.split()[0] for row in few] == ["holds", "spark-b", "speed"]
        many = ["".join(text for text, _ in row) for row in panel.figures(60, 30)]
        assert sum("not read" in row for row in many) == 4


async def test_the_results_tell_of_a_split_model(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=split(LINK))
    async with bench.app(bench.default_plan()).run_test(size=(200, 60)) as pilot:
        bench.watch.t = 1000.0
        bench.latest.poll()
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        text = screen_text(bench.latest)
    assert ": spark-a holds 36.5 GiB, 41 layers" in text
    assert "spark-b holds 35.0 GiB, 40 layers; by RDMA, 48.12 kB a token; waited for it 49 % of the time; round" in text
    assert "A split makes no single stream faster" in text
