"""The same once more, where it ran on other machines."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import recorded

from sparktop.model.records import Contender, Options
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.places import Places
from sparktop.runner.contenders import demo_contenders
from sparktop.runner.plan import make_plan
from sparktop.store.runs import run_at
from sparktop.store.snapshots import write_snapshot
from sparktop.ui.again import plan_again
from sparktop.ui.ports import Nobody, Ports

THERE = Contender(name="demo-base", engine="llama.cpp", model="demo-base", node="spark-2", toy=True)
HERE = demo_contenders()[0]
SPLIT = replace(HERE, node=f"{platform.node()}+spark-2")


@dataclass(frozen=True)
class Connected(Nobody):
    """Machines that are connected to."""

    those: tuple[Contender, ...]

    def contenders(self) -> tuple[Contender, ...]:
        return self.those


def ports(folder: Path, *elsewhere: Contender) -> Ports:
    def never(*_: object) -> object:
        raise AssertionError("nothing of this is asked for")

    return Ports(
        scenarios=never,  # type: ignore[arg-type]
        demos=demo_contenders,
        resolve=never,  # type: ignore[arg-type]
        plan=make_plan,
        fits=never,  # type: ignore[arg-type]
        open=never,  # type: ignore[arg-type]
        watch=never,  # type: ignore[arg-type]
        recover=never,  # type: ignore[arg-type]
        places=Places.of({"HOME": str(folder)}),
        clock=lambda: 0.0,
        machines=Connected(elsewhere),
    )


@pytest.mark.parametrize("placed", [THERE, SPLIT], ids=["there", "split"])
def test_where_it_ran_is_where_it_runs_again(tmp_path: Path, placed: Contender) -> None:
    snapshot = take_snapshot(fold(recorded.record(contenders=(placed,))))
    path = tmp_path / f"{snapshot.id}.json"
    write_snapshot(replace(snapshot, options=Options()), path)
    again = plan_again(run_at(path), ports(tmp_path, THERE), {})
    assert again.problems == ()
    assert again.plan.contenders == (placed,)
    # Not on this machine, because the other one is not connected to.
    alone = plan_again(run_at(path), ports(tmp_path), {})
    assert alone.problems == (f"demo-base ran on {placed.node}: connect to spark-2 first, in the menu or with --node",)
