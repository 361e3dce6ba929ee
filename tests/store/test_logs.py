"""Old logs go, new ones stay."""

from __future__ import annotations

import os
from pathlib import Path

from sparktop.store.logs import prune_logs


def test_the_newest_logs_stay(tmp_path: Path) -> None:
    for number in range(7):
        path = tmp_path / f"{number}.log"
        path.write_text("x")
        os.utime(path, (1000 + number, 1000 + number))
    (tmp_path / "other.txt").write_text("x")
    prune_logs(tmp_path, keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4.log", "5.log", "6.log", "other.txt"]


def test_no_folder_is_no_problem(tmp_path: Path) -> None:
    prune_logs(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
