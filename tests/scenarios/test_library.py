"""Naming scenarios: the person's own go first, and a broken one hides no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparktop.scenarios.fields import BadScenario
from sparktop.scenarios.library import Library

GOOD = 'title = "{}"\nkind = "prefill-decode"\nisl = 8\nosl = 8\n'


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "shipped", tmp_path / "user")
    for folder in (library.shipped, library.user):
        folder.mkdir()
    for name in ("alpha", "beta", "gamma"):
        (library.shipped / f"{name}.toml").write_text(GOOD.format(f"shipped {name}"))
    return library


def test_own_files_go_before_shipped_ones(library: Library) -> None:
    (library.user / "beta.toml").write_text(GOOD.format("my beta"))
    (library.user / "delta.toml").write_text(GOOD.format("my delta"))
    assert library.names() == ("alpha", "beta", "delta", "gamma")
    assert library.get("beta").title == "my beta"
    listed = [(entry.name, entry.own, entry.scenario and entry.scenario.title) for entry in library.list()]
    assert listed == [
        ("alpha", False, "shipped alpha"),
        ("beta", True, "my beta"),
        ("delta", True, "my delta"),
        ("gamma", False, "shipped gamma"),
    ]


def test_a_broken_file_is_listed_with_its_error_and_hides_no_other(library: Library) -> None:
    (library.user / "beta.toml").write_text("kind = 3\n")
    entries = {entry.name: entry for entry in library.list()}
    assert set(entries) == {"alpha", "beta", "gamma"}
    assert entries["beta"].scenario is None
    assert entries["beta"].error.startswith(f"{library.user}/beta.toml:1: kind: expected")
    assert entries["alpha"].error == ""
    with pytest.raises(BadScenario, match=r"beta\.toml:1: kind"):
        library.get("beta")


def test_other_files_are_no_scenarios(library: Library) -> None:
    for name in ("notes.txt", ".hidden.toml", "beta.toml~"):
        (library.user / name).write_text("")
    assert library.names() == ("alpha", "beta", "gamma")


def test_the_own_folder_need_not_exist(tmp_path: Path, library: Library) -> None:
    assert Library(library.shipped, tmp_path / "none").names() == ("alpha", "beta", "gamma")
    assert Library(tmp_path / "none", tmp_path / "none").list() == ()


def test_a_folder_that_cannot_be_listed_is_an_entry(tmp_path: Path, library: Library) -> None:
    (tmp_path / "file").write_text("")
    *good, bad = Library(library.shipped, tmp_path / "file").list()
    assert [entry.name for entry in good] == ["alpha", "beta", "gamma"]
    assert (bad.own, bad.scenario, bad.error) == (
        True,
        None,
        f"{tmp_path}/file: cannot be listed: Not a directory",
    )


def test_a_path_is_a_file_whatever_the_library_has(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beta.toml").write_text(GOOD.format("here"))
    monkeypatch.chdir(tmp_path)
    assert library.get("beta.toml").title == "here"
    assert library.get("./beta.toml").title == "here"
    assert library.get(str(tmp_path / "beta.toml")).title == "here"
    assert library.get("beta").title == "shipped beta"


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path, library: Library) -> None:
    with pytest.raises(BadScenario, match=r'^no scenario is called "betta"; did you mean "beta"\?$'):
        library.get("betta")
    with pytest.raises(BadScenario, match=r"^~nobody\.here/x\.toml: there is no such home folder"):
        library.get("~nobody.here/x.toml")
    with pytest.raises(BadScenario, match=r'^no scenario is called "zzz"; there are alpha, beta, gamma$'):
        library.get("zzz")
    with pytest.raises(BadScenario, match=r"there are none$"):
        Library(tmp_path / "none", tmp_path / "none").get("zzz")


def test_an_edited_file_counts_at_once(library: Library) -> None:
    assert library.get("alpha").title == "shipped alpha"
    (library.shipped / "alpha.toml").write_text(GOOD.format("changed"))
    assert library.get("alpha").title == "changed"
