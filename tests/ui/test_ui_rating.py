"""Rating answers on the screen: what a key does, and that it is in the run's journal."""

from __future__ import annotations

import functools
from pathlib import Path

import kept
import pytest
import recorded
from fakes import UNICODE_TERMINAL, Bench, screen_text, settle, shows, until
from textual.pilot import Pilot
from textual.widgets import Input

from sparktop.model.rating_events import Choice, Noted, Rated, RatingWithdrawn, Voted
from sparktop.store.names import snapshot_path
from sparktop.store.rating_book import RatingBook
from sparktop.store.snapshots import read_snapshot
from sparktop.ui.screens.answers import AnswersScreen

ANN = UNICODE_TERMINAL | {"USER": "ann"}
NAMES = ("demo-base", "demo-sutra")


async def press(bench: Bench, pilot: Pilot[int], *keys: str) -> str:
    """Presses keys one after another; returns what the screen shows."""
    await pilot.press(*keys)
    await settle(pilot)
    return screen_text(bench.latest)


async def type_in(bench: Bench, pilot: Pilot[int], key: str, text: str) -> None:
    """Opens the field for a note or a name and fills it."""
    await press(bench, pilot, key)
    bench.latest.screen.query_one("#entry", Input).value = text
    await press(bench, pilot, "enter")


async def test_stars_go_from_dimension_to_dimension_and_from_answer_to_answer(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "5", "4")
        assert "▸ factual" in text
        assert "quoting the source ★★★★☆" in text
        assert "ann: 0 of 6 rated" in text
        text = await press(bench, pilot, "3", "2")
        assert "ann: 1 of 6 rated" in text
        assert "demo-sutra (toy)  ▸ depth" in text
        text = await press(bench, pilot, "1", "comma", "2")
        assert "★2" in text
        assert [event.number for event in kept.said(journal)] == list(range(1, 7))
        await press(bench, pilot, "q")
    found = [event for event in kept.said(journal) if isinstance(event, Rated)]
    assert [(e.request, e.dimension, int(e.stars), e.rater, e.blind) for e in found] == [
        (0, "depth", 5, "ann", False),
        (0, "quoting", 4, "ann", False),
        (0, "factual", 3, "ann", False),
        (0, "fluency", 2, "ann", False),
        (3, "depth", 1, "ann", False),
        (3, "depth", 2, "ann", False),
    ]
    ratings = read_snapshot(journal.with_suffix(".json")).ratings
    assert ratings is not None
    assert {(m.contender, m.dimension): m.mean for m in ratings.people.means if not m.rater} == {
        ("demo-base", "depth"): 5,
        ("demo-base", "quoting"): 4,
        ("demo-base", "factual"): 3,
        ("demo-base", "fluency"): 2,
        ("demo-sutra", "depth"): 2,
    }


async def test_undo_goes_back_step_by_step_and_to_where_it_was(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await kept.open_answers(bench, pilot)
        await press(bench, pilot, "5", "1", "right")
        text = await press(bench, pilot, "u")
        assert "1 of 3" in text
        assert "▸ quoting the source ☆☆☆☆☆" in text
        await shows(bench, pilot, "Taken back: 1 for quoting the source")
        await press(bench, pilot, "u", "u")
        await shows(bench, pilot, "There is nothing to take back.")
        await press(bench, pilot, "4", "q")
    withdrawn = [event.rating for event in kept.said(journal) if isinstance(event, RatingWithdrawn)]
    assert withdrawn == [2, 1]
    # What was said on an earlier day can be taken back where it stands.
    again = kept.saved_bench(tmp_path)
    async with again.app(again.default_plan(), environ=ANN).run_test(size=(120, 40)) as pilot:
        await kept.open_answers(again, pilot)
        await press(again, pilot, "u", "q")
    assert [event.number for event in kept.said(journal)] == [1, 2, 3, 4, 5, 6]
    assert isinstance(kept.said(journal)[-1], RatingWithdrawn)


async def test_blind_nothing_tells_who_wrote_what_until_it_is_rated(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path, events=recorded.record(items=10))
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        screen = await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "b")
        assert "demo-" not in text
        # Here it was known, so it is no more blind.
        assert "names seen, ann: 0 of 20 rated" in text
        text = await press(bench, pilot, "right")
        for part in (*NAMES, "tok/s", "TTFT", "tokens", "points", "fastest"):
            assert part not in text, part
        assert "blind, ann: 0 of 20 rated" in text, text[-400:]
        assert not screen.query(".answer.series-1, .answer.series-2")
        order = [side.contender.name for side in screen.order]
        assert sorted(order) == sorted(NAMES)
        text = await press(bench, pilot, *"5555")
        assert "demo-" not in text
        text = await press(bench, pilot, *"444")
        assert "demo-" not in text
        text = await press(bench, pilot, "4")
        assert f"A = {order[0]} (toy)" in text
        assert f"B = {order[1]} (toy)" in text
        assert "tok/s" in text
        assert [side.contender.name for side in screen.order] == order
        text = await press(bench, pilot, "right")
        assert "demo-" not in text
        orders = []
        for _ in range(9):
            orders.append(tuple(side.contender.name for side in screen.order))
            await press(bench, pilot, "right")
        assert len(set(orders)) == 2
    rated = [event for event in kept.said(journal) if isinstance(event, Rated)]
    assert len(rated) == 8
    assert all(event.blind for event in rated)
    first = {e.request for e in rated if e.stars == 5}
    assert first == {1 if order[0] == "demo-base" else 11}


async def test_who_rates_blind_is_asked_before_a_screen_names_the_models(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        screen = await kept.open_answers(bench, pilot)
        await press(bench, pilot, "b", "right")
        for key, name in (("r", "results"), ("d", "dashboard")):
            text = await press(bench, pilot, key)
            assert f"The {name} would tell who wrote what." in text
            text = await press(bench, pilot, "escape")
            assert "blind, ann: 0 of 6 rated" in text
            assert "demo-" not in text
        await press(bench, pilot, "5", "r", "enter")
        assert bench.latest.screen is not screen
        await press(bench, pilot, "a")
        text = await press(bench, pilot, "4")
        assert "blind" not in text.splitlines()[-2]
        await press(bench, pilot, "r")
        assert bench.latest.screen is not screen
        # What was looked up stays known, of this question and of all others.
        await press(bench, pilot, "a", "b", "3", "right", "2")
    said = [(int(e.stars), e.blind) for e in kept.said(journal) if isinstance(e, Rated)]
    assert said == [(5, True), (4, False), (3, False), (2, False)]


async def test_votes_are_counted_and_can_be_changed(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "v")
        assert "ann: 0 of 3 compared" in text
        text = await press(bench, pilot, "2")
        assert "✓ demo-sutra (toy) is better" in text
        assert "ann: 1 of 3 compared" in text
        text = await press(bench, pilot, "right", "0", "right", "1", "left", "left", "1")
        assert "✓ demo-base (toy) is better" in text
        assert "ann: 3 of 3 compared" in text
        text = await press(bench, pilot, "u")
        assert "✓ demo-sutra (toy) is better" in text
        await press(bench, pilot, "q")
    votes = [(e.item, e.choice) for e in kept.said(journal) if isinstance(e, Voted)]
    assert votes == [("Q1", Choice.SECOND), ("Q2", Choice.TIE), ("Q3", Choice.FIRST), ("Q1", Choice.FIRST)]
    ratings = read_snapshot(journal.with_suffix(".json")).ratings
    assert ratings is not None
    (pair,) = ratings.people.matchups
    assert (pair.first, pair.wins, pair.losses, pair.ties) == ("demo-base", 1, 1, 1)


async def test_a_note_and_who_writes_it(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await kept.open_answers(bench, pilot)
        await type_in(bench, pilot, "e", "出处对，\x1b[31m未引原文")
        assert "note" in screen_text(bench.latest)
        await press(bench, pilot, "3")
        await type_in(bench, pilot, "i", "bob")
        text = screen_text(bench.latest)
        assert "bob: 0 of 6 rated" in text
        assert "★3" not in text
        await press(bench, pilot, "1")
    notes = [event for event in kept.said(journal) if isinstance(event, Noted)]
    assert [(note.rater, note.text) for note in notes] == [("ann", "出处对，\x1b[31m未引原文")]
    stars = [(e.rater, int(e.stars)) for e in kept.said(journal) if isinstance(e, Rated)]
    assert stars == [("ann", 3), ("bob", 1)]


async def test_answers_of_a_saved_run_stand_beside_and_are_rated_where_they_are(tmp_path: Path) -> None:
    journal, other = kept.keep(tmp_path), kept.keep(tmp_path, kept.OTHER)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        screen = await kept.open_answers(bench, pilot)
        await press(bench, pilot, "A")
        await shows(bench, pilot, "demo-base, demo-sutra")
        await press(bench, pilot, "enter")
        await shows(bench, pilot, "demo-base (toy), 2026-02-09 10:15")
        assert [column.display for column in screen.columns] == [True] * 4
        assert [column.text.text for column in screen.columns[:2]] == [c.text.text for c in screen.columns[2:]]
        text = await press(bench, pilot, "tab", "tab", "5")
        assert "ann: 0 of 12 rated" in text
        await press(bench, pilot, "v", "1")
        # The next two that were not compared yet.
        text = await press(bench, pilot, "2", "b")
        assert "2 of 18 compared" in text
        assert "demo-" not in text
        await press(bench, pilot, "b", "v", "A")
        await shows(bench, pilot, "+ 2026")
        await press(bench, pilot, "enter")
        assert [column.display for column in screen.columns] == [True, True, False, False]
        await press(bench, pilot, "q")
    (star,) = kept.said(other)
    assert isinstance(star, Rated)
    assert (star.request, int(star.stars)) == (0, 5)
    votes = [event for event in kept.said(journal) if isinstance(event, Voted)]
    assert [(v.first.run, v.second.run) for v in votes] == [("", ""), ("", kept.OTHER)]
    ratings = read_snapshot(journal.with_suffix(".json")).ratings
    assert ratings is not None
    assert [pair.second for pair in ratings.people.matchups] == ["demo-sutra", f"demo-base ({kept.OTHER})"]


async def test_what_cannot_be_kept_does_not_count(tmp_path: Path) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await kept.open_answers(bench, pilot)
        elsewhere = RatingBook(journal, snapshot_path(journal.parent, kept.OWN))
        text = await press(bench, pilot, "5")
        assert "★" not in text
        await shows(bench, pilot, "Another sparktop rates this run")
        elsewhere.close()
        text = await press(bench, pilot, "5")
        assert "depth ★★★★★" in text
    assert [event.number for event in kept.said(journal)] == [1]


async def test_only_whole_answers_are_rated(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=2, fail="demo-sutra"))
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        await settle(pilot)
        bench.watch.t += 60
        await kept.open_answers(bench, pilot)
        await press(bench, pilot, "right", "tab", "5")
        await shows(bench, pilot, "There is no whole answer to rate here.")
        text = await press(bench, pilot, "R")
        assert "0 of 3 rated" in text
        # What is only played again has no files.
        await press(bench, pilot, "left", "5")
        await shows(bench, pilot, "Nothing was kept")


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (40, 10), (20, 5)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_rating_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    journal = kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=size) as pilot:
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "5", "b", "tab", "4", "b")
        if size[0] >= 40:
            assert "▸ factual ☆☆☆☆☆" in text
        await press(bench, pilot, "v", "1", "0", "v", "e", "escape", "i", "escape", "A")
        await press(bench, pilot, "escape", "x", "h", "l", "pagedown", "u", "escape", "escape")
        assert {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()} == {size[0]}
    assert [type(event) for event in kept.said(journal)] == [Rated, Rated, Voted, Voted, RatingWithdrawn]


async def test_chinese_terminals_have_chinese_dimensions(tmp_path: Path) -> None:
    kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    environ = {"TERM": "xterm-256color", "LANG": "zh_CN.UTF-8", "USER": "安"}
    async with bench.app(bench.default_plan(), environ=environ).run_test(size=(120, 40)) as pilot:
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "R")
        assert "▸ 教理深度 ☆☆☆☆☆" in text
        assert "安: 0 of 6 rated" in text


async def test_ascii_terminals_have_stars_too(tmp_path: Path) -> None:
    kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ={"TERM": "vt100"}).run_test(size=(120, 40)) as pilot:
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "4", "comma")
        assert "depth ****." in text
        assert "★" not in text


async def test_blind_a_run_that_goes_on_tells_nothing_by_how_it_goes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record(items=2))
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        bench.watch.t += 6
        await kept.open_answers(bench, pilot)
        text = await press(bench, pilot, "b", "left")
        assert text.count("shown when all answers are complete") == 2
        for part in ("queued", "answering", "demo-", "tok/s", recorded.ANSWERS[0][10:24]):
            assert part not in text, part
        bench.watch.t += 60
        await shows(bench, pilot, recorded.ANSWERS[0][:20])
        assert "demo-" not in screen_text(bench.latest)


def _has_sides(screen: AnswersScreen, count: int) -> bool:
    return len(screen.sides) == count


async def test_a_field_that_is_closed_takes_no_more_keys(tmp_path: Path) -> None:
    kept.keep(tmp_path)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(120, 40)) as pilot:
        screen = await kept.open_answers(bench, pilot)
        await press(bench, pilot, "R", "i")
        assert screen.query_one("#entry").has_focus
        screen.action_back()
        # Not even before the frame in which Textual sees that it is gone.
        assert screen.focused is screen.columns[0].text


async def test_more_answers_than_columns(tmp_path: Path) -> None:
    kept.keep(tmp_path)
    others = [f"2026-02-0{day}T09-00-00-sutra-qa" for day in (5, 6, 7, 8)]
    for name in others:
        kept.keep(tmp_path, name)
    bench = kept.saved_bench(tmp_path)
    async with bench.app(bench.default_plan(), environ=ANN).run_test(size=(160, 40), notifications=True) as pilot:
        screen = await kept.open_answers(bench, pilot)
        for count in (4, 6, 8):
            await press(bench, pilot, "A")
            await shows(bench, pilot, "demo-base, demo-sutra")
            # The list begins with those that are shown already.
            await press(bench, pilot, *["down"] * (count // 2 - 2), "enter")
            assert await until(bench, pilot, functools.partial(_has_sides, screen, count))
        assert sum(column.display for column in screen.columns) == 4
        shown = []
        for _ in range(8):
            assert screen.answer is not None
            shown.append(screen.answer[0].index)
            (focused,) = [column for column in screen.columns if column.text.has_focus]
            assert focused.display
            assert focused.view is not None
            assert focused.view.title == screen.answer[0].name
            await press(bench, pilot, "tab")
        assert sorted(shown) == list(range(8))
        await press(bench, pilot, "A")
        await shows(bench, pilot, "demo-base, demo-sutra")
        await press(bench, pilot, "end", "enter")
        await shows(bench, pilot, "No more than 8 answers")
        await press(bench, pilot, "q")
