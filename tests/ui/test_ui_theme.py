"""Themes are files; every one of them can be used, and a broken one says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import recorded
from fakes import UNICODE_TERMINAL, Bench, screen_text, settle, shows

from sparktop.resources import themes_dir
from sparktop.ui import glyphs
from sparktop.ui.theme import BadTheme, read_theme, read_themes


def test_the_shipped_ones() -> None:
    themes, problems = read_themes([themes_dir()])
    assert problems == []
    assert [theme.name for theme in themes] == ["dark", "light", "high-contrast", "colour-blind", "ansi"]


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "mine"\n[colors]\nprimary = "blurple"\n', 'colors.primary: "blurple" is not a colour'),
        ('name = "mine"\n[colors]\naccent = "red"\n', "colors: primary is missing"),
        ('name = "Mine!"\n[colors]\nprimary = "red"\n', '"Mine!" is not lower case'),
        ('name = "mine"\n[colors]\nprimary = "red"\nprimery = "red"\n', 'there is no "primery"'),
        ('name = "mine"\n[colors]\nprimary = "red"\n[series]\n9 = "red"\n', 'there is no "9"'),
        ('name = "mine"\n[colors]\nprimary = 7\n', "colors"),
        ('name = "mine"\ncolors = "red"\n', "colors: expected a table of texts"),
        ('name = "mine"\ndark = "no"\n[colors]\nprimary = "red"\n', "dark: expected true or false"),
        ('name = 7\n[colors]\nprimary = "red"\n', "name: expected text"),
        ('[colors]\nprimary = "red"\n', "name is missing"),
        ("name = \n", "line 1"),
    ],
)
def test_a_broken_theme_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadTheme) as caught:
        read_theme(path)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_a_theme_of_ones_own_goes_before_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, 'name = "dark"\n[colors]\nprimary = "#123456"\n')
    themes, problems = read_themes([themes_dir(), tmp_path])
    assert problems == []
    assert [theme.primary for theme in themes if theme.name == "dark"] == ["#123456"]


async def test_t_goes_through_all_of_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    write(bench.places.config / "themes", 'name = "mine"\n[colors]\nprimary = "#123456"\n')
    write(bench.places.config / "themes", "nonsense", "broken.toml")
    async with bench.app(bench.default_plan()).run_test(size=(120, 40)) as pilot:
        bench.watch.t = 131.0
        bench.latest.poll()
        await settle(pilot)
        assert any("broken.toml" in n.message for n in bench.latest._notifications)
        seen = []
        for _ in range(6):
            seen.append(bench.latest.theme)
            await pilot.press("t")
            await settle(pilot)
            assert "12 of 20 requests" in screen_text(bench.latest)
        assert seen == ["dark", "light", "high-contrast", "colour-blind", "ansi", "mine"]


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        (UNICODE_TERMINAL, False),
        ({"TERM": "xterm", "LC_ALL": "zh_CN.utf8", "LANG": "C"}, False),
        ({"TERM": "xterm", "LANG": "C"}, True),
        ({"TERM": "xterm", "LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, True),
        ({"TERM": "linux", "LANG": "en_US.UTF-8"}, True),
        ({"TERM": "dumb", "LANG": "en_US.UTF-8"}, True),
        ({}, True),
    ],
)
def test_the_signs_that_a_terminal_can_show(environ: dict[str, str], ascii_only: bool) -> None:
    assert glyphs.choose(environ).ascii is ascii_only


def test_ascii_signs_are_ascii() -> None:
    texts = [getattr(glyphs.ASCII, name) for name in glyphs.ASCII.__slots__ if name != "ascii"]
    assert all(text.isascii() for text in texts)


async def test_chrome_on_a_poor_terminal_is_ascii(tmp_path: Path) -> None:
    bench = Bench(tmp_path, events=recorded.record())
    async with bench.app(bench.default_plan(), environ={"TERM": "linux", "LANG": "C"}).run_test(
        size=(120, 40)
    ) as pilot:
        bench.watch.t = 131.0
        bench.latest.poll()
        await settle(pilot)
        assert bench.latest.theme == "ansi"
        for key in ("d", "a", "r", "question_mark"):
            await pilot.press(key)
            await settle(pilot)
            odd = {c for c in screen_text(bench.latest) if "\u2190" <= c <= "\u2bff" or c in "·×…–✓✗"}
            odd -= set("".join(recorded.ANSWERS))  # what a model says is shown as it is: not chrome
            assert not odd, (key, odd)
            if key == "question_mark":
                await pilot.press("escape")


async def test_what_is_cut_on_a_poor_terminal_is_cut_in_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a-model-that-somebody-quantised-and-gave-a-name-longer-than-any-column"
    monkeypatch.setattr(recorded, "DEMO_BASE", replace(recorded.DEMO_BASE, name=name))
    monkeypatch.setitem(recorded.SPEEDS, name, recorded.SPEEDS["demo-base"])
    bench = Bench(tmp_path, events=recorded.record(contenders=(recorded.DEMO_BASE,)))
    async with bench.app(environ={"TERM": "vt100", "LANG": "C"}).run_test(size=(45, 20)) as pilot:
        await settle(pilot)
        shown = [screen_text(bench.latest)]
        bench.latest.begin(bench.default_plan())
        await settle(pilot)
        bench.watch.t = 131.0
        bench.latest.poll()
        # Titles of frames are cut by Textual, and its palette is its own altogether.
        for key, sign in (("a", "a-model-that-"), ("d", "sparktop  dashboard"), ("ctrl+p", "Search")):
            await pilot.press(key)
            await shows(bench, pilot, sign)
            shown.append(screen_text(bench.latest))
    assert "a-model-that-" in shown[0]
    for text in shown:
        odd = {c for c in text if not c.isascii()} - set("".join(recorded.ANSWERS))
        assert not {c for c in odd if not c.isalpha()}, text
