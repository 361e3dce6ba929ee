"""Where a model runs: chosen in the menu, on machines that are connected to or yet to be."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import recorded
from fakes import Bench, screen_text, settle, until
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from sparktop.model.records import Contender
from sparktop.nodes.protocol import ModelFile
from sparktop.runner.contenders import longer_name, on_node, placed
from sparktop.runner.others import Away
from sparktop.runner.placements import placements
from sparktop.ui.application import SparktopApp
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.placing import Placing

SIZES = [(200, 60), (120, 40), (80, 24), (60, 16)]
HERE = recorded.DEMO_BASE.node
LONG = "通义千问二点五七百二十亿佛典微调版"
DEMO = ModelFile(name="demo-base", size=recorded.DEMO_BASE.size, toy=True)


@dataclass
class Machines:
    """Machines that are connected to when a test says so."""

    has: dict[str, list[ModelFile]]
    connected: dict[str, list[ModelFile]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    came: list[str] = field(default_factory=list)
    left: bool = False
    own_name: str = HERE

    @property
    def away(self) -> tuple[Away, ...]:
        return tuple(
            Away(name=name, how="over ssh", connecting_s=self.since.get(name), problem=self.problems.get(name, ""))
            for name in self.has
            if name not in self.connected
        )

    def contenders(self) -> tuple[Contender, ...]:
        found = [on_node(model, node) for node, models in self.connected.items() for model in models]
        return tuple(replace(one, name=longer_name(one)) for one in found)

    def placements(self, contender: Contender, here: list[Contender]) -> tuple[Contender, ...]:
        return placements(contender, here, self.connected, HERE)

    def missing(self, spec: str) -> tuple[str, ...]:
        return tuple(node for node in placed(spec)[1].split("+") if node and node not in {HERE, *self.connected})

    def connect(self, name: str) -> None:
        self.problems.pop(name, None)
        self.since[name] = 0.0
        self.has.setdefault(name, [])

    def by_name(self, spec: str) -> str:
        return spec.replace("ws://10.0.0.2:7470", "spark-2")

    def give_up(self) -> tuple[str, ...]:
        names = tuple(self.since)
        self.since.clear()
        return names

    def look(self) -> tuple[str, ...]:
        came, self.came = self.came, []
        for name in came:
            del self.since[name]
            if name not in self.problems:
                self.connected[name] = self.has[name]
        return tuple(came)

    def problem(self, name: str) -> str:
        return self.problems.get(name, "")

    def leave(self) -> None:
        self.left = True


def app(bench: Bench, machines: Machines) -> SparktopApp:
    made = bench.app()
    made.ports = replace(made.ports, machines=machines)  # type: ignore[arg-type]
    return made


async def wait(bench: Bench, pilot: Pilot[int], text: str) -> None:
    """Waits until the screen has a text."""
    assert await until(bench, pilot, lambda: text in screen_text(bench.latest)), screen_text(bench.latest)


def chosen(bench: Bench) -> list[str]:
    """The names of those that are going to be asked."""
    screen = bench.latest.screen_stack[1]
    assert isinstance(screen, MenuScreen)
    return [one.name for one in screen._choice.chosen]


@pytest.mark.parametrize("size", SIZES)
async def test_a_machine_of_the_configuration_is_connected_to_by_enter(tmp_path: Path, size: tuple[int, int]) -> None:
    machines = Machines({"spark-2": [DEMO, ModelFile(name=LONG, size=1 << 36)], "spark-3": []})
    bench = Bench(tmp_path, events=recorded.record())
    async with app(bench, machines).run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("tab", "down", "down")
        await wait(bench, pilot, "Enter connects to spark-2, over ssh.")
        await pilot.press("enter")
        machines.since["spark-2"] = 7.0
        await wait(bench, pilot, "connecting to spark-2… 7 s   esc stops it")
        assert bench.plans == []
        machines.came.append("spark-2")
        # The cursor is on the first that it has.
        await until(bench, pilot, lambda: "@spark-2" in screen_text(bench.latest))
        await pilot.press("space")
        await settle(pilot)
        assert chosen(bench)[-1] == "demo-base@spark-2"
        await pilot.press("down")
        await settle(pilot)
        (line,) = [line for line in screen_text(bench.latest).splitlines() if "] 通义千问" in line]
        assert "✓ fits" in line
        await pilot.press("enter")
        await settle(pilot)
    assert [c.node for c in bench.plans[0].contenders] == [HERE, HERE, "spark-2"]
    assert machines.left


async def test_escape_stops_connecting_and_a_failure_is_a_sentence_there(tmp_path: Path) -> None:
    machines = Machines({"spark-2": [DEMO]})
    bench = Bench(tmp_path)
    async with app(bench, machines).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "end", "enter")
        await wait(bench, pilot, "connecting to spark-2")
        await pilot.press("escape")
        await wait(bench, pilot, "not connected")
        assert machines.since == {}
        await pilot.press("enter")
        machines.problems["spark-2"] = "spark-2 did not answer within 10 s: is the machine on, and this sentence long?"
        machines.came.append("spark-2")
        await wait(bench, pilot, "not reached")
        # In full, though it takes two lines.
        text = screen_text(bench.latest)
        assert "spark-2 did not answer within 10 s: is the machine on" in text
        assert "long? (enter tries again)" in " ".join(text.split())
        await pilot.press("up")
        await wait(bench, pilot, "Enter runs")
        assert "did not answer" not in screen_text(bench.latest)


@pytest.mark.parametrize("failing", [False, True])
async def test_what_is_typed_waits_for_its_machines(tmp_path: Path, failing: bool) -> None:
    machines = Machines({"spark-2": [DEMO]})
    bench = Bench(tmp_path)
    made = app(bench, machines)
    there = replace(on_node(DEMO, "spark-2"), node="spark-2+spark-9")
    made.ports = replace(made.ports, resolve=lambda spec: there)
    async with made.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("o")
        made.screen.query_one("#path", Input).value = "demo-base@ws://10.0.0.2:7470+spark-9"
        await pilot.press("enter")
        await wait(bench, pilot, "connecting to spark-2, spark-9")
        machines.came.append("spark-2")
        await wait(bench, pilot, "connecting to spark-9")
        if failing:
            machines.problems["spark-9"] = "ssh could not reach spark-9"
        machines.came.append("spark-9")
        if failing:
            await wait(bench, pilot, " ssh could not reach spark-9")
            # It can be mended and entered again.
            assert made.screen.query_one("#path", Input).value
        else:
            await wait(bench, pilot, "[×] demo-base@spark-2+spark-9")
            assert made.screen.query_one("#path", Input).value == ""


@pytest.mark.parametrize("size", SIZES)
async def test_p_shows_every_place_and_whether_it_fits_there(tmp_path: Path, size: tuple[int, int]) -> None:
    machines = Machines({"spark-2": [DEMO], "spark-3": [DEMO], "spark-4": []})
    machines.connected = {name: machines.has[name] for name in ("spark-2", "spark-3")}
    bench = Bench(tmp_path, verdicts={"demo-base": "needs 136.0 GiB of 100.4 GiB"}, events=recorded.record())
    async with app(bench, machines).run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("tab", "p")
        await wait(bench, pilot, "needs 136.0 GiB of 100.4 GiB")
        assert isinstance(bench.latest.screen, Placing)
        places = bench.latest.screen.query_one(OptionList)
        # Three machines, three pairs, all together, and one that is not connected to.
        assert places.option_count == 8
        lines = [line for line in screen_text(bench.latest).splitlines() if "(here)" in line]
        assert "✗ too big" in lines[0]
        await pilot.press("S")
        await settle(pilot)
        (picture,) = (bench.places.runs.parent / "screenshots").iterdir()
        assert "Where" in picture.read_text(encoding="utf-8")
        await pilot.press("p", "p", "p")
        await wait(bench, pilot, "Each token goes through one machine after another")
        (line,) = [line for line in screen_text(bench.latest).splitlines() if f"{HERE} (here) + spark-2  " in line]
        assert "✓ fits  split" in line
        await pilot.press("enter")
        await settle(pilot)
        assert chosen(bench) == [f"demo-base@{HERE}+spark-2", "demo-sutra"]
        # From there back to a machine alone: the split leaves the list.
        await pilot.press("p")
        await settle(pilot)
        await pilot.press("home", "down", "enter")
        await settle(pilot)
        assert chosen(bench) == ["demo-sutra", "demo-base@spark-2"]
        assert f"demo-base@{HERE}+" not in screen_text(bench.latest)
        await pilot.press("enter")
        await settle(pilot)
    assert [c.node for c in bench.plans[0].contenders] == [HERE, "spark-2"]


async def test_a_place_can_be_connected_to_where_places_are_chosen(tmp_path: Path) -> None:
    machines = Machines({"spark-2": [DEMO]})
    bench = Bench(tmp_path)
    async with app(bench, machines).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "p", "end")
        await wait(bench, pilot, "Enter connects to it, over ssh.")
        await pilot.press("enter")
        await wait(bench, pilot, "esc stops it.")
        await pilot.press("escape")
        await wait(bench, pilot, "Enter connects to it, over ssh.")
        assert isinstance(bench.latest.screen, Placing)
        await pilot.press("enter")
        await settle(pilot)
        machines.came.append("spark-2")
        await wait(bench, pilot, f"{HERE} (here) + spark-2  ✓ fits")
        # The cursor stayed on the machine.
        await pilot.press("enter")
        await settle(pilot)
        assert chosen(bench) == ["demo-sutra", "demo-base@spark-2"]
        await pilot.press("p", "escape")
        await settle(pilot)
        assert bench.latest.screen is bench.latest.screen_stack[1]
        assert chosen(bench) == ["demo-sutra", "demo-base@spark-2"]


async def test_a_machine_that_does_not_answer_keeps_no_other_verdict_back(tmp_path: Path) -> None:
    machines = Machines({"spark-2": [DEMO]})
    machines.connected = dict(machines.has)
    bench = Bench(tmp_path)
    made = app(bench, machines)
    answer, fits = threading.Event(), made.ports.fits

    def slow(plan: object, contender: Contender) -> object:
        if contender.node == "spark-2":
            answer.wait(20)
        return fits(plan, contender)  # type: ignore[arg-type]

    made.ports = replace(made.ports, fits=slow)  # type: ignore[arg-type]
    async with made.run_test(size=(120, 40)) as pilot:
        await wait(bench, pilot, "✓ fits")
        lines = {line.split("]")[1].split()[0]: line for line in screen_text(made).splitlines() if "] demo" in line}
        assert "✓ fits" in lines["demo-sutra"]
        assert "checking…" in lines["demo-base@spark-2"]
        answer.set()
        await wait(bench, pilot, "demo-base@spark-2  3.1 MiB  ✓ fits")
