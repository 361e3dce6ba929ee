from __future__ import annotations

import pytest

from sparktop.headless.columns import Align, cut, pad, table, width


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("abc", 3), ("四季", 4), ("（a）", 5), ("e\u0301", 1), ("ｆ", 2), ("·", 1)]
)
def test_width(text: str, cells: int) -> None:
    assert width(text) == cells


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("四季", 4, "四季"),
        ("四季歌", 5, "四季…"),
        ("四季歌", 4, "四…"),  # half a character can't be shown
        ("abc", 2, "a…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_cut(text: str, cells: int, shown: str) -> None:
    assert cut(text, cells) == shown
    assert width(shown) <= cells


def test_pad() -> None:
    assert pad("四", 4) == "四  "
    assert pad("四", 4, Align.RIGHT) == "  四"
    assert pad("四季", 2) == "四季"


def test_table_columns_stand_under_each_other() -> None:
    lines = table(["TITLE", "N"], [Align.LEFT, Align.RIGHT], [["六祖不付衣", "1"], ["ascii", "10"]])

    assert lines == [
        "TITLE        N",
        "----------  --",
        "六祖不付衣   1",
        "ascii       10",
    ]
    assert len({width(line) for line in lines}) == 1
