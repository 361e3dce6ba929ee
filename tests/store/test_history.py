"""Earlier runs are found by what they measured, whatever else lies in their folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from sparktop.model.events import BaselineFound, Finish, Status
from sparktop.model.records import Node
from sparktop.model.scenario import Sampling
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import RunState, fold
from sparktop.model.validity import judge
from sparktop.model.verdicts import Code, Severity, Unjudged, Verdict
from sparktop.store.history import KEPT, Baseline, find_baselines
from sparktop.store.snapshots import write_snapshot
from tests.model.synthetic import NODE, QUESTIONS, Request, Run, throughput

NOW = "2026-12-01T00-00-00-speed"
SPEED = throughput()


def at(speed: float, **changes: Any) -> Run:
    """A run whose one stream decodes at a speed, and whose batch of two does at twice that."""
    chunks = [(1.2 + n / speed, 1, "字") for n in range(4)]
    one = Request(finish=Finish.LENGTH, chunks=chunks)
    return replace(Run(requests=[one, replace(one, batch=2), replace(one, batch=2)], scenario=SPEED), **changes)


def keep(runs: Path, number: int, run: Run, scenario: str = "speed") -> Path:
    """Writes a run's snapshot, as that of the day."""
    identity = f"2026-11-{number:02d}T07-15-04-{scenario}"
    path = runs / f"{identity}.json"
    write_snapshot(take_snapshot(fold(replace(run, id=identity).events())), path)
    return path


def now(run: Run | None = None) -> RunState:
    return fold(replace(run or at(100.0), id=NOW).events())


def speeds(runs: Path, state: RunState | None = None) -> tuple[float, ...]:
    return find_baselines(runs, state or now(), "qwen")[1].decode_tok_s


def test_earlier_runs_are_found_oldest_first_and_by_batch(tmp_path: Path) -> None:
    for number, speed in enumerate((50.0, 100.0, 80.0), 1):
        keep(tmp_path, number, at(speed))
    found = find_baselines(tmp_path, now(), "qwen")
    assert set(found) == {1, 2}
    assert found[1].runs == tuple(f"2026-11-0{n}T07-15-04-speed" for n in (1, 2, 3))
    assert found[1].decode_tok_s == pytest.approx((50.0, 100.0, 80.0))
    assert found[2].decode_tok_s == pytest.approx((100.0, 200.0, 160.0))
    assert find_baselines(tmp_path, now(), "nobody") == {}
    assert find_baselines(tmp_path / "nowhere", now(), "qwen") == {1: Baseline((), ()), 2: Baseline((), ())}


def other_node(**changes: Any) -> Node:
    return replace(NODE, **changes)


@pytest.mark.parametrize(
    "other",
    [
        at(50.0, status=Status.CANCELLED),
        at(50.0, status=None),
        at(50.0, node=other_node(name="spark-b")),
        at(50.0, node=other_node(gpus=("NVIDIA H200",))),
        at(50.0, node=other_node(memory=64 * 2**30)),
        at(50.0, contenders=("llama",), requests=[replace(r, contender="llama") for r in at(50.0).requests]),
        at(50.0, scenario=replace(SPEED, batches=(1, 2, 4))),
        at(50.0, scenario=replace(SPEED, sampling=replace(SPEED.sampling, temperature=0.7))),
        at(50.0, scenario=replace(SPEED, sampling=Sampling(max_tokens=8, ignore_eos=True))),
        at(50.0, scenario=replace(SPEED, items=QUESTIONS.items[:1])),
        at(50.0, scenario=replace(SPEED, system="Be brief.")),
        at(50.0, scenario=replace(SPEED, isl=128)),
        at(50.0, loads=False),
        # A request failed: its figures are not to be quoted.
        at(50.0, requests=[*at(50.0).requests, Request(finish=Finish.ERROR)]),
    ],
    ids=[
        "cancelled", "broken off", "another machine", "another GPU", "other memory", "another model", "other batches",
        "other sampling", "shorter", "fewer questions", "another system message", "another prompt length",
        "never loaded", "faulty",
    ],
)  # fmt: skip
def test_what_is_not_the_same_is_not_counted(other: Run, tmp_path: Path) -> None:
    keep(tmp_path, 1, other)
    assert speeds(tmp_path) == ()


def test_what_changes_no_speed_is_no_hindrance(tmp_path: Path) -> None:
    updated = other_node(memory=NODE.memory - 2**20, driver="999.1", os="NixOS")
    seeded = replace(SPEED, sampling=replace(SPEED.sampling, seed=7), repetitions=3, title="Velocity")
    keep(tmp_path, 1, at(50.0, scenario=seeded, node=updated))
    keep(tmp_path, 2, at(60.0))
    named = keep(tmp_path, 3, at(70.0))
    named.rename(named.with_name("2026-11-03T07-15-04-speed-2.json"))
    assert speeds(tmp_path) == pytest.approx((50.0, 60.0, 70.0), rel=1e-4)


def test_strange_files_are_passed_over(tmp_path: Path) -> None:
    good = keep(tmp_path, 1, at(50.0))
    document = good.read_bytes()

    def stray(day: int, content: bytes) -> None:
        (tmp_path / f"2026-11-{day:02d}T00-00-00-speed.json").write_bytes(content)

    stray(2, b"")
    stray(3, b"not JSON")
    stray(4, document[:300])
    stray(5, document.replace(b"sparktop.run/1", b"sparktop.run/9"))
    stray(6, document.replace(b'"status": "completed"', b'"status": "dreaming"'))
    stray(7, b"[" * 200_000)
    stray(8, b'{"schema": "sparktop.run/1", "summary": 4}')
    (tmp_path / "2026-11-09T00-00-00-speed.json").mkdir()
    os.mkfifo(tmp_path / "2026-11-10T00-00-00-speed.json")
    (tmp_path / "2026-11-11T00-00-00-speed.json").symlink_to(tmp_path / "gone")
    (tmp_path / "2026-11-12T00-00-00-upspeed.json").write_bytes(document)
    (tmp_path / "notes.json").write_bytes(document)
    # Its own snapshot, written in mid-run.
    (tmp_path / f"{NOW}.json").write_bytes(document)
    # One that was written by another program, in one line, can still be read.
    compact = orjson.loads(document) | {"id": "compact"}
    stray(13, orjson.dumps(compact))
    assert find_baselines(tmp_path, now(), "qwen")[1].runs == ("2026-11-01T07-15-04-speed", "compact")


def test_no_more_is_read_than_a_head_and_no_more_kept_than_the_newest(tmp_path: Path) -> None:
    document = keep(tmp_path, 1, at(50.0)).read_bytes()
    head, rest = document.split(b'\n  "requests": ')
    for number in range(60):
        path = tmp_path / f"2026-11-02T00-00-{number:02d}-speed.json"
        told = head.replace(b"2026-11-01T07-15-04-speed", path.stem.encode())
        # Whoever decoded what comes after the head would find that it is no JSON.
        path.write_bytes(told + b'\n  "requests": \xff' + bytes(len(rest)))
    found = find_baselines(tmp_path, now(), "qwen")
    newest = tuple(f"2026-11-02T00-00-{number:02d}-speed" for number in range(60 - KEPT, 60))
    assert found[1].runs == found[2].runs == newest


def test_no_more_are_looked_at_than_a_run_can_wait_for(tmp_path: Path) -> None:
    keep(tmp_path, 1, at(50.0))
    for day in range(2, 8):
        keep(tmp_path, day, at(50.0, node=other_node(cores=3)))
    assert find_baselines(tmp_path, now(), "qwen", most=7)[1].runs
    assert not find_baselines(tmp_path, now(), "qwen", most=6)[1].runs


def judged(
    speed: float, earlier: tuple[float, ...], requests: Sequence[Request] | None = None
) -> Verdict | Unjudged | None:
    """What is said of a run after earlier ones, at batch 1."""
    ids = tuple(map(str, range(len(earlier))))
    told = [BaselineFound(t=0.95, contender="qwen", batch=1, runs=ids, decode_tok_s=earlier)]
    run = at(speed, extra=told)
    found = judge(fold(replace(run, requests=requests or run.requests[:1]).events()))
    about: list[Verdict | Unjudged] = [*found.verdicts, *found.unjudged]
    return next((one for one in about if one.code is Code.SLOWER_THAN_BEFORE), None)


def test_a_run_slower_than_before_is_noted_with_its_evidence() -> None:
    found = judged(67.0, (100.0, 101.0, 99.0))
    assert isinstance(found, Verdict)
    assert found.severity is Severity.NOTE
    assert found.evidence["tok_s"] == pytest.approx(67.0)
    assert (found.evidence["median_tok_s"], found.evidence["lowest_tok_s"], found.evidence["runs"]) == (100.0, 99.0, 3)
    assert "33 % slower" in found.text


@pytest.mark.parametrize(
    ("speed", "earlier", "slower"),
    [
        (95.5, (100.0, 100.0, 100.0), False),
        (94.5, (100.0, 100.0, 100.0), True),
        (130.0, (100.0, 100.0, 100.0), False),
        # As slow as one of a few was: chance explains it.
        (70.0, (100.0, 100.5, 69.0), False),
        # Six times 1.4826 times a deviation of 2 is 18 below the median.
        (83.0, (98.0, 100.0, 102.0), False),
        (81.0, (98.0, 100.0, 102.0), True),
        # With enough runs, three times is 9, and one bad run of many changes nothing.
        (92.0, (98.0, 98.0, 100.0, 100.0, 102.0, 102.0), False),
        (80.0, (98.0, 99.0, 100.0, 100.0, 101.0, 102.0, 60.0), True),
    ],
)
def test_how_much_is_slower(speed: float, earlier: tuple[float, ...], slower: bool) -> None:
    assert isinstance(judged(speed, earlier), Verdict) is slower


def test_with_too_little_to_go_by_it_is_not_judged() -> None:
    def reason(found: Verdict | Unjudged | None) -> str:
        assert isinstance(found, Unjudged)
        return found.reason

    assert "1 earlier run of the same on this machine, and it takes 3" in reason(judged(10.0, (100.0,)))
    assert "0 earlier runs" in reason(judged(10.0, ()))
    good = at(10.0).requests[0]
    failed = replace(good, finish=Finish.ERROR)
    assert "1 of 2 requests completed" in reason(judged(10.0, (100.0,) * 3, requests=[good, failed]))
