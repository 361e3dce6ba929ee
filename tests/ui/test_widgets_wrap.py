"""Wrapping: Chinese, Latin, code, and the same rows whether text comes at once or in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sparktop.ui.widgets.wrap import NO_LINE_END, NO_LINE_START, WrappedText


def rows(text: str, width: int) -> list[str]:
    wrapped = WrappedText(width)
    wrapped.append(text)
    return [" " * row.indent + row.text for row in wrapped.rows]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("一切有为法如梦幻", 8, ["一切有为", "法如梦幻"]),
        ("一切有为，如梦幻", 8, ["一切有", "为，如梦", "幻"]),
        ("一切有（为法）", 8, ["一切有", "（为法）"]),
        ("一切有“为法”", 8, ["一切有", "“为法”"]),
        ("一切有。”为法", 10, ["一切有。”", "为法"]),
        ("一切有为。”法", 8, ["一切有", "为。”法"]),
        ("等等等……好", 8, ["等等等……", "好"]),
        ("hello world again", 11, ["hello world", "again"]),
        ("hello world   again", 11, ["hello world", "again"]),
        ("incomprehensibilities", 8, ["incompre", "hensibil", "ities"]),
        ("解码 bandwidth 限制", 10, ["解码", "bandwidth", "限制"]),
        ("解码bandwidth限制", 13, ["解码bandwidth", "限制"]),
        ("一二三 GPU，四", 10, ["一二三", "GPU，四"]),
        ("1. one two three four", 12, ["1. one two", "   three", "   four"]),
        ("- 一切有为法如梦", 10, ["- 一切有为", "  法如梦"]),
        ("a\n\nb\n", 8, ["a", "", "b"]),
        ("    indented", 20, ["    indented"]),
        ("```\n  x = 1  # a b c\n```\na b", 10, ["```", "  x = 1  #", " a b c", "```", "a b"]),
    ],
)
def test_rows(text: str, width: int, expected: list[str]) -> None:
    assert rows(text, width) == expected


MIXED = st.text(alphabet=st.sampled_from("中文字测试，。！？；：、）》”’…（《“‘ab cd e  -`\n1.—😀é"), max_size=120)


@given(MIXED, st.integers(8, 40), st.lists(st.integers(0, 120), max_size=8))
def test_pieces_make_the_same_rows_as_the_whole(text: str, width: int, cuts: list[int]) -> None:
    whole = WrappedText(width)
    whole.append(text)
    parts = WrappedText(width)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in pairwise(edges):
        parts.append(text[start:end])
    assert parts.rows == whole.rows


@given(MIXED, st.integers(8, 40))
def test_rows_fit_and_lose_nothing(text: str, width: int) -> None:
    wrapped = WrappedText(width)
    wrapped.append(text)
    for row in wrapped.rows:
        assert row.indent + cell_len(row.text) <= width
    covered = "".join(text[row.start : row.end] for row in wrapped.rows)
    assert covered == text.replace("\n", "")


@given(st.lists(st.sampled_from(["中文字", "大语言模型", "，", "。”", "“", "（", "）", "GPU ", "！"]), max_size=40))
def test_kinsoku(parts: list[str]) -> None:
    text = "".join(parts)
    if any(a in NO_LINE_END | NO_LINE_START and b in NO_LINE_END | NO_LINE_START for a, b in pairwise(text)):
        return
    wrapped = WrappedText(20)
    wrapped.append(text)
    for row in wrapped.rows[1:]:
        assert row.text[0] not in NO_LINE_START
    for row in wrapped.rows[:-1]:
        assert row.text[-1] not in NO_LINE_END


def test_appending_touches_the_last_row_only() -> None:
    wrapped = WrappedText(20)
    wrapped.append("一切有为法，如梦幻泡影。" * 200)
    before = list(wrapped.rows)
    changed = wrapped.append("如露")
    assert changed == len(before) - 1
    assert all(a is b for a, b in zip(before[:-1], wrapped.rows, strict=False))


def test_resize_and_row_at() -> None:
    wrapped = WrappedText(40)
    text = "大语言模型 decode\n" * 30
    wrapped.append(text)
    wrapped.resize(12)
    fresh = WrappedText(12)
    fresh.append(text)
    assert wrapped.rows == fresh.rows
    for index, row in enumerate(wrapped.rows):
        assert wrapped.row_at(row.start) == index
