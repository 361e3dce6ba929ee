"""How often the screen is painted can be chosen, with or without a command."""

from __future__ import annotations

from typing import Any

import pytest

from sparktop.cli import main
from sparktop.cli.console import Console
from sparktop.ui.app import Left


@pytest.mark.parametrize(
    ("words", "fps"),
    [
        ("", 10),
        ("--fps 4", 4),
        ("--fps=4", 4),
        ("run smoke", 10),
        ("run smoke --fps 3", 3),
        ("--fps 3 run smoke", 3),
        ("--fps 3 run smoke --fps 5", 5),
    ],
)
def test_it_reaches_the_screen(words: str, fps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def run(*_: object, **options: object) -> Left:
        asked.append(options)
        return Left(0)

    monkeypatch.setattr(Console, "interactive", True)
    monkeypatch.setattr("sparktop.ui.app.run", run)
    assert main(words.split()) == 0
    assert [one["fps"] for one in asked] == [fps]
    assert [one["plan"] is None for one in asked] == ["run" not in words]


@pytest.mark.parametrize("words", ["--fps 0", "--fps many", "run smoke --fps 61", "--fps"])
def test_what_is_no_number_of_paints_is_refused(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert "--fps" in capsys.readouterr().err
