"""What the model wrote, made safe to show."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.text import MAX_MARKS, MAX_SEQUENCE, Printable, one_line, printable

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "\x1b[]()PX^_\\;?0123456789mHJKhl\x07\x9b\x9d\x9c\x90\r\n\t\x00\x18\u202e\u2066\u200d\ufe0f中文a"
        ),
        st.characters(),
    ),
    max_size=80,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain 中文，“好”。\n", "plain 中文，“好”。\n"),
        ("a\tb", "a    b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;1;2;3mred\x1b[m", "red"),
        ("\x1b[?1049hx\x1b[2J\x1b[1;1H", "x"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;ZXZpbA==\x1b\\after", "after"),
        ("\x9d0;title\x9cafter", "after"),
        ("\x9b31mred", "red"),
        ("\x1bP1$r0m\x1b\\after", "after"),
        ("\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\after", "after"),
        ("\x90dcs\x9cafter", "after"),
        ("\x1b(Bg", "g"),
        ("\x1b(0q\x1bMx\x1b7y\x1bcz", "qxyz"),
        ("\x1b[31\nnext line", "\nnext line"),
        ("\x1b]0;no end\nnext line", "\nnext line"),
        ("\x1b[31中", "中"),
        ("\x1b[\x1b[31mred", "red"),
        ("\x1b]0;a\x1b[31mred", "red"),
        ("\x1b中", "中"),
        ("a\x00b\x08c\x7fd\x85e\x9fstring\x9cf", "abcd\nef"),
        ("evil\u202etxt.exe\u202c \u2066x\u2069 \u200e\u200f\u061c", "eviltxt.exe x "),
        ("\ufeffa\u200bb\u00adc\u2060d", "abcd"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("a\ud800b\udfffc", "abc"),
        ("⚠\ufe0f 👍🏽 👨\u200d👩\u200d👧", "⚠ 👍 👨👩👧"),
        ("क्\u200dष", "क्\u200dष"),
        ("e\u0301" + "\u0301" * 20, "e" + "\u0301" * MAX_MARKS),
        ("\U000e0041\U000e0042tag", "tag"),
    ],
)
def test_what_acts_on_a_terminal_is_removed(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(NASTY, st.lists(st.integers(0, 80), max_size=6))
def test_pieces_give_what_the_whole_gives(text: str, cuts: list[int]) -> None:
    stream = Printable()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [stream.feed(text[a:b]) for a, b in pairwise(edges)]
    assert "".join(pieces) + stream.finish() == printable(text)


@given(NASTY)
def test_nothing_harmful_is_left(text: str) -> None:
    shown = printable(text)
    categories = {unicodedata.category(character) for character in shown if character != "\n"}
    assert not categories & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert printable(shown) == shown


def test_an_unfinished_sequence_does_not_hide_the_rest_for_ever() -> None:
    stream = Printable()
    assert stream.feed("\x1b]0;" + "x" * MAX_SEQUENCE + "the rest").endswith("the rest")


def test_an_unfinished_sequence_ends_with_the_text() -> None:
    stream = Printable()
    stream.feed("a\x1b]0;")
    stream.finish()
    assert stream.feed("b") == "b"


def test_one_line() -> None:
    assert one_line("a\nb\x1b[1mc") == "a bc"
    assert one_line("表格") == "表格"
