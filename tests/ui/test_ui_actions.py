"""The table of actions: every key does one thing, and all of them are told."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import recorded
from fakes import Bench, screen_text, settle
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen

from sparktop.ui.actions import ACTIONS, MACHINE_PANELS, PANELS, Action, Scope, footer, key_name
from sparktop.ui.application import SparktopApp
from sparktop.ui.screens.answers import AnswersScreen
from sparktop.ui.screens.base import Dialog, ScopedScreen
from sparktop.ui.screens.comparison import ComparisonScreen
from sparktop.ui.screens.dashboard import DashboardScreen
from sparktop.ui.screens.history import HistoryScreen
from sparktop.ui.screens.menu import MenuScreen
from sparktop.ui.screens.monitor import MonitorScreen
from sparktop.ui.screens.replay import ReplayAnswers, ReplayDashboard, ReplayResults
from sparktop.ui.screens.results import ResultsScreen

SCREENS: tuple[type[ScopedScreen], ...] = (
    *(MenuScreen, DashboardScreen, AnswersScreen, ResultsScreen, MonitorScreen),
    *(ReplayDashboard, ReplayAnswers, ReplayResults, HistoryScreen, ComparisonScreen),
)


def test_ids_are_unique() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_no_two_actions_of_a_screen_have_a_key_in_common(screen: type[ScopedScreen]) -> None:
    actions = [action for action in ACTIONS if action.scope in screen.scopes]
    for one, other in itertools.combinations(actions, 2):
        assert not set(one.keys) & set(other.keys), (one.id, other.id)


def test_every_action_is_explained() -> None:
    for action in ACTIONS:
        assert len(action.tooltip) > 10, action.id
        assert action.label, action.id
        assert action.keys, action.id


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_bindings_are_those_of_the_table(screen: type[ScopedScreen]) -> None:
    # The screens of a replay have those of a run's screens too.
    ours = [cls for cls in screen.__mro__ if cls.__module__.startswith("sparktop.")]
    own = {b.id for cls in ours for b in cls.__dict__.get("BINDINGS", ()) if isinstance(b, Binding)}
    assert own == {action.id for action in ACTIONS if action.scope in screen.scopes and action.scope != "Everywhere"}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_handler_is_there(action: Action) -> None:
    target, name = action.handler.partition("(")[0].split(".")
    screens: list[type[DOMNode]] = [screen for screen in SCREENS if action.scope in screen.scopes]
    owners: list[type[DOMNode]] = [SparktopApp] if target == "app" else screens
    assert owners
    assert all(callable(getattr(owner, f"action_{name}", None)) for owner in owners)


def test_panels_are_numbered_from_one() -> None:
    for scope, panels in ((Scope.DASHBOARD, PANELS), (Scope.MONITOR, MACHINE_PANELS)):
        keys = {a.handler: a.keys for a in ACTIONS if a.scope is scope and "maximise" in a.handler}
        assert keys == {f"screen.maximise_panel('{name}')": (str(n),) for n, name in enumerate(panels, 1)}


def test_keys_are_called_what_people_call_them() -> None:
    assert [key_name(k) for k in ("question_mark", "escape", "slash", "q")] == ["?", "esc", "/", "q"]
    assert key_name("left", ascii_only=True) == "left"


def test_the_footer_begins_with_the_most_important() -> None:
    assert [action.id for action in footer(Scope.MENU, Scope.EVERYWHERE)][:2] == ["start", "toggle"]


async def test_help_shows_every_action(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.app().run_test(size=(120, 300)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        # Long ones go on in the next line.
        text = " ".join(screen_text(bench.latest).replace("│", " ").split())
        for action in ACTIONS:
            assert action.tooltip in text, action.id
        assert "ttft_ms" in text


async def test_the_palette_offers_the_actions_of_the_screen_and_the_themes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app = bench.latest
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Quit", "Freeze", "Zoom in", "Theme: light", "Theme: colour-blind"} <= titles
        assert "Start" not in titles


async def test_a_click_on_the_footer_does_what_the_key_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        at = screen_text(bench.latest).splitlines()[-1].index("Results")
        await pilot.click("#keys", offset=(at, 0))
        await settle(pilot)
        assert isinstance(bench.latest.screen, ResultsScreen)


def _subclasses(of: type[object]) -> set[type[object]]:
    return {of}.union(*map(_subclasses, of.__subclasses__()))


def test_every_box_is_a_dialog() -> None:
    boxes = {one.__name__: one for one in _subclasses(ModalScreen) if one.__module__.startswith("sparktop.")}
    assert {"HelpScreen", "Question", "AskTime", "SavedRuns", "Placing"} <= set(boxes)
    assert all(issubclass(one, Dialog) for one in boxes.values())


async def test_a_picture_can_be_taken_of_every_box_in_which_nothing_is_typed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=1))
    folder = bench.places.runs.parent / "screenshots"

    async def pictured() -> str:
        await settle(pilot)
        await pilot.press("S")
        await settle(pilot)
        (path,) = folder.iterdir()
        picture = path.read_text(encoding="utf-8")
        path.unlink()
        return picture

    async with bench.app(bench.default_plan()).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for keys, title in ((("question_mark",), "Help"), (("c",), "Stop"), (("a", "A"), "Saved")):
            await pilot.press(*keys)
            assert f">{title}</tspan>" in await pictured()
            await pilot.press("escape")
            await settle(pilot)
        assert isinstance(bench.latest.screen, AnswersScreen)
        await pilot.press("slash", "S")
        await settle(pilot)
        assert not list(folder.iterdir())
