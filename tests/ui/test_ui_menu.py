"""The opening screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import recorded
from fakes import Bench, screen_text, settle
from textual.pilot import Pilot
from textual.widgets import Input

from sparktop.model.records import Contender
from sparktop.runner.contenders import BadContender
from sparktop.ui.screens.dashboard import DashboardScreen


async def add_model(pilot: Pilot[int], path: str) -> None:
    """Types a path; as a whole, since each key of its own waits until the app is idle."""
    await pilot.press("o")
    pilot.app.screen.query_one("#path", Input).value = path
    await pilot.press("enter")
    await settle(pilot)


async def test_enter_starts_the_default(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(bench.latest.screen, DashboardScreen)
    (plan,) = bench.plans
    assert plan.scenario.name == "sutra-qa"
    assert [c.name for c in plan.contenders] == ["demo-base", "demo-sutra"]


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (80, 24)])
async def test_it_tells_what_there_is(tmp_path: Path, size: tuple[int, int]) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=size) as pilot:
        await settle(pilot)
        await settle(pilot)
        text = screen_text(bench.latest)
        for part in (
            *("Sutra questions", "10 questions", "General questions", "Ten questions on Buddhist"),
            *("demo-base", "3.1 MiB", "✓ fits", "toy", "Enter runs 20 requests (10 × 2 contenders)"),
        ):
            assert part in text, part


async def test_the_most_important_keys_are_told_in_60_columns(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        keys = screen_text(bench.latest).splitlines()[-1]
        assert keys == " enter Start space Pick tab Next p Place o Add ? Help q Quit"
        # A click still meets the key that is under it.
        await pilot.click("#keys", offset=(keys.index("Add"), 0))
        await settle(pilot)
        assert bench.latest.screen.query_one("#path").has_focus


async def test_a_contender_can_be_left_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "space")
        await settle(pilot)
        assert "[ ] demo-base" in screen_text(bench.latest)
        assert "Enter runs 10 requests" in screen_text(bench.latest)
        await pilot.press("enter")
        await settle(pilot)
    assert [c.name for c in bench.plans[0].contenders] == ["demo-sutra"]


async def test_without_the_demo_models_it_says_so(tmp_path: Path) -> None:
    def missing() -> tuple[Contender, ...]:
        raise BadContender("demo-base.gguf does not exist")

    bench = Bench(tmp_path)
    app = bench.app()
    app.ports = replace(app.ports, demos=missing)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert "demo-base.gguf does not exist; o adds a model of your own" in screen_text(app)
        own = tmp_path / "mine.gguf"
        own.write_bytes(b"GGUF")
        await add_model(pilot, str(own))
        await settle(pilot)
        assert "1 contender" in screen_text(app)
        await pilot.press("q")
    assert app.return_value == 0
    assert bench.plans == []


async def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        for folder in ("a", "b", "b"):
            path = tmp_path / folder / "mine.gguf"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"GGUF")
            await add_model(pilot, str(path))
            await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
    assert [c.name for c in bench.plans[0].contenders] == ["demo-base", "demo-sutra", "mine", "b/mine"]


async def test_nobody_chosen_starts_nothing_and_says_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "space", "down", "space", "enter")
        await settle(pilot)
        assert "Choose at least one contender" in screen_text(bench.latest)
    assert bench.plans == []


async def test_what_does_not_fit_is_refused_with_the_sum(tmp_path: Path) -> None:
    bench = Bench(tmp_path, verdicts={"demo-sutra": "needs 136.0 GiB of 100.4 GiB"})
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert "✗ too big" in screen_text(bench.latest)
        assert "demo-sutra: needs 136.0 GiB of 100.4 GiB" in screen_text(bench.latest)
        await pilot.press("enter")
        await settle(pilot)
    assert bench.plans == []


async def test_options_reach_the_plan(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        bench.latest.screen.query_one("#limit", Input).focus()
        await pilot.press("3", "tab", "6", "4", "tab", "space")
        await settle(pilot)
        assert "Enter runs 6 requests" in screen_text(bench.latest)
        await pilot.press("enter")
        await settle(pilot)
    options = bench.plans[0].options
    assert (options.limit, options.max_tokens, options.together) == (3, 64, True)


async def test_a_model_of_ones_own(tmp_path: Path) -> None:
    model = tmp_path / "my-model.gguf"
    model.write_bytes(bytes(2048))
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("o")
        bench.latest.screen.query_one("#path", Input).value = str(model)
        await pilot.press("enter")
        await settle(pilot)
        assert "[×] my-model" in screen_text(bench.latest)
        await pilot.press("enter")
        await settle(pilot)
    assert [c.name for c in bench.plans[0].contenders] == ["demo-base", "demo-sutra", "my-model"]


async def test_long_names_leave_room_for_whether_it_fits(tmp_path: Path) -> None:
    model = tmp_path / "通义千问二点五的佛典微调版.gguf"
    model.write_bytes(bytes(2048))
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await add_model(pilot, str(model))
        (line,) = [line for line in screen_text(bench.latest).splitlines() if "[×] 通义千问" in line]
        assert "✓ fits" in line
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        (line,) = [line for line in screen_text(bench.latest).splitlines() if "[×] 通义千问" in line]
        assert "2.0 KiB  ✓ fits" in line


async def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("o", *"nowhere", "enter")
        await settle(pilot)
        assert '"nowhere" is no file and no demo model.' in screen_text(bench.latest)


async def test_a_broken_scenario_is_listed_with_its_error(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.places.scenarios.mkdir(parents=True)
    (bench.places.scenarios / "mine.toml").write_text('title = "[b]mine[/b]"\nkind = "questons"\n')
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        text = screen_text(bench.latest)
        assert "✗ broken" in text
        assert "questons" in text
        await pilot.press("enter")
        await settle(pilot)
    assert bench.plans == []


async def test_titles_are_no_markup(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.places.scenarios.mkdir(parents=True)
    (bench.places.scenarios / "mine.toml").write_text(
        'title = "[red]红"\ndescription = "[link=x]描述"\nkind = "questions"\n[[items]]\nid = "Q1"\nprompt = "问"\n'
    )
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        text = screen_text(bench.latest)
        assert "[red]红" in text
        assert "[link=x]描述" in text


async def test_what_recovery_found_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, recovered=("An interrupted run was completed: /runs/a.json",))
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert [n.message for n in bench.latest._notifications] == ["An interrupted run was completed: /runs/a.json"]


async def test_the_number_of_requests_is_the_plans(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("down")
        await settle(pilot)
        text = screen_text(bench.latest)
        assert "Batches of 1, 5, 10 (concurrent)" in text
        assert "Enter runs 64 requests (32 × 2 contenders, warm-up included)" in text
