"""Bytes of tokens become text: characters, stop strings, reasoning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.engines.text import BLANKS, StreamText
from sparktop.model.events import TokenKind


def run(pieces: list[bytes], stop: tuple[str, ...] = (), reasoning: bool = False) -> dict[TokenKind, str]:
    text = StreamText(stop, reasoning)
    said = {TokenKind.REASONING: "", TokenKind.ANSWER: ""}
    for piece in pieces:
        for kind, part in text.feed(piece):
            said[kind] += part
    for kind, part in text.finish():
        said[kind] += part
    return said


def every_split(text: str) -> list[list[bytes]]:
    data = text.encode()
    return [[data], [data[i : i + 1] for i in range(len(data))], [data[i : i + 3] for i in range(0, len(data), 3)]]


def test_a_character_split_over_tokens_is_said_once_it_is_whole() -> None:
    text = StreamText()
    data = "禅🪷".encode()
    assert text.feed(data[:2]) == []
    assert text.feed(data[2:5]) == [(TokenKind.ANSWER, "禅")]
    assert text.feed(data[5:]) == [(TokenKind.ANSWER, "🪷")]


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert run([b"\xff", b"a", b"\xe7\xa6"])[TokenKind.ANSWER] == "\ufffda\ufffd"


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\n先想。\n</think>\n\n后答。", "\n先想。\n", "后答。"),
        ("\n\n<think>想</think>答", "想", "答"),
        ("答案里提到 <think> 这个词", "", "答案里提到 <think> 这个词"),
        ("a < b <thin air", "", "a < b <thin air"),
        ("<|channel|>analysis<|message|>想<|end|><|start|>assistant<|channel|>final<|message|>答", "想", "答"),
        ("<think>没有想完", "没有想完", ""),
        ("先写 <|start|> 再写\n正文", "", "先写 <|start|> 再写\n正文"),
        ("它是 <|channel|>，如此", "", "它是 <|channel|>，如此"),
        ("<|start|>" + "长" * 300, "", "<|start|>" + "长" * 300),
    ],
)
def test_reasoning_is_told_from_the_answer_however_the_text_is_split(text: str, reasoning: str, answer: str) -> None:
    for pieces in every_split(text):
        assert run(pieces) == {TokenKind.REASONING: reasoning, TokenKind.ANSWER: answer}


def test_a_template_that_opens_the_reasoning_itself() -> None:
    for pieces in every_split("想</think>答"):
        assert run(pieces, reasoning=True) == {TokenKind.REASONING: "想", TokenKind.ANSWER: "答"}


def test_the_answer_ends_before_a_stop_string_however_it_is_split() -> None:
    for pieces in every_split("一二三###四"):
        assert run(pieces, stop=("###",))[TokenKind.ANSWER] == "一二三"


def test_nothing_is_lost_when_a_stop_string_only_begins() -> None:
    for pieces in every_split("一二三##"):
        assert run(pieces, stop=("###",))[TokenKind.ANSWER] == "一二三##"


@given(st.text(alphabet="ab<think>/|\n禅", max_size=40), st.integers(1, 5))
def test_splitting_never_changes_the_outcome(text: str, step: int) -> None:
    data = text.encode()
    whole = run([data], stop=("ab|",))
    assert run([data[i : i + step] for i in range(0, len(data), step)], stop=("ab|",)) == whole


def test_blanks_without_end_are_said_and_not_held_back_for_ever() -> None:
    text = StreamText()
    said = "".join(part for _ in range(3 * BLANKS) for _, part in text.feed(b"\n"))
    assert len(said) >= 2 * BLANKS
    assert len(said) + sum(len(part) for _, part in text.finish()) == 3 * BLANKS
