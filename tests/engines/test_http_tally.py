"""Counting tokens of a stream, and streams of any nonsense."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparktop.engines.http.answer import Answer
from sparktop.engines.http.failures import RequestLost
from sparktop.engines.http.tally import spread
from sparktop.model.codec import decode, encode
from sparktop.model.events import Finish, RequestDone, TokenKind, Tokens, TokenSource
from sparktop.model.text import one_line


def chunk(text: str | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    choice = {name: more.pop(name) for name in ("token_ids", "stop_reason") if name in more}
    delta = {"content": text} if text is not None else {}
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish, **choice}], **more}).encode()


def usage(tokens: int) -> bytes:
    return json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": tokens}}).encode()


def told(*pieces: bytes | list[bytes], counts_end: bool = True) -> tuple[list[int], RequestDone]:
    """Counts and end of an answer whose pieces came 10 ms apart."""
    answer = Answer(100, counts_end, 0.0)
    for number, piece in enumerate(pieces):
        answer.take(1 + number / 100, piece if isinstance(piece, list) else [piece])
    answer.close()
    done = answer.done(0, answer.finish or Finish.STOP, 9.0)
    seen = [count for event in answer.drain(0, 9.0) for count in event.counts]
    return list(done.counts) or seen, done


def test_tokens_of_a_character_that_is_not_whole_yet_count_when_they_come() -> None:
    counts, done = told(
        chunk("", token_ids=[]),
        chunk("", token_ids=[1, 2]),
        chunk("𝄞", token_ids=[3]),
        chunk(" a b", token_ids=[4, 5]),
        chunk("", token_ids=[6], finish="stop"),
        usage(6),
    )
    assert (counts, done.output_tokens, done.token_source) == ([2, 1, 2], 5, TokenSource.TOKEN_IDS)


def test_the_end_in_the_last_texts_chunk_is_not_counted_but_a_stop_string_is_no_end() -> None:
    ending = chunk(" b", token_ids=[2, 3, 99], finish="stop")
    assert told(chunk("a", token_ids=[1]), ending)[0] == [1, 2]
    stopped = chunk(" b", token_ids=[2, 3, 4], finish="stop", stop_reason="\n")
    assert told(chunk("a", token_ids=[1]), stopped)[0] == [1, 3]


def test_tokens_that_have_no_text_count_where_their_ids_are_known() -> None:
    """Past an ignored end, models make control tokens."""
    control = chunk("", token_ids=[99])
    counts, done = told(chunk("a", token_ids=[1]), control, chunk("", token_ids=[99], finish="length"))
    assert (counts, done.output_tokens) == ([1, 1, 1], 3)


def test_timings_of_an_older_server_at_the_end_alone_are_a_total() -> None:
    end = chunk(finish="length", timings={"predicted_n": 6, "predicted_ms": 50.0, "prompt_n": 4, "prompt_ms": 9.0})
    counts, done = told(chunk("aaaa"), chunk("bbbbbbbb"), end)
    assert (counts, done.token_source) == ([2, 4], TokenSource.FINAL_USAGE)
    assert (done.decode_ms, done.decode_tokens, done.prefill_ms, done.prompt_tokens) == (50.0, 6, 9.0, 4)


def test_what_comes_together_is_one_chunk() -> None:
    counts, done = told([chunk("a"), chunk("b")], [chunk("c"), chunk(finish="stop")], usage(4))
    assert (counts, done.output_tokens) == ([2, 1], 3)


@pytest.mark.parametrize("end", [b'{"error": "the engine died"}', b"{", chunk(finish="abort")])
def test_what_came_together_with_an_error_is_kept(end: bytes) -> None:
    answer = Answer(100, True, 0.0)
    answer.take(1.0, [chunk("a")])
    with pytest.raises(RequestLost):
        answer.take(1.1, [chunk("b"), chunk("c"), end, chunk("d")])
    (event,) = answer.drain(0, 9.0)
    assert (event.text, event.times, event.counts) == ("abc", (1.0, 1.1), (1, 2))


def test_a_total_one_above_the_chunks_is_the_end_also_of_an_unknown_server() -> None:
    assert told(chunk("a"), chunk("b"), chunk(finish="stop"), usage(3), counts_end=False)[0] == [1, 1]
    assert told(chunk("a"), chunk("b"), chunk(finish="stop"), usage(4), counts_end=False)[0] == [2, 2]


@pytest.mark.parametrize("total", [0, -5, 10**30])
def test_a_total_that_cannot_be_is_none(total: int) -> None:
    counts, done = told(chunk("a"), chunk("b"), chunk(finish="stop"), usage(total))
    assert (counts, done.output_tokens, done.token_source) == ([1, 1], 2, TokenSource.CHUNKS)


def test_reasoning_in_the_text_is_told_from_the_answer() -> None:
    answer = Answer(100, True, 0.0)
    for number, text in enumerate(("<think>", "hm", "</think>", "\n\n", "yes")):
        answer.take(1 + number / 100, [chunk(text)])
    answer.close()
    events = list(answer.drain(0, 9.0))
    assert [(event.kind, event.text, len(event.times)) for event in events] == [
        (TokenKind.REASONING, "hm", 2),
        (TokenKind.ANSWER, "yes", 3),
    ]


@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(1, 5), st.integers(0, 1000)), min_size=1, max_size=50))
def test_spreading_loses_no_token(total: int, pieces: list[tuple[int, int]]) -> None:
    chunks, sizes = [one[0] for one in pieces], [one[1] for one in pieces]
    counts = spread(total, chunks, sizes)
    assert all(count >= 0 for count in counts)
    if total < sum(chunks) or any(sizes):
        assert sum(counts) == total
    assert total != sum(chunks) or counts == chunks


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(-5, 20) | st.integers() | st.none()
MOSTLY = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": st.just(0) | NUMBERS,
                    "delta": st.fixed_dictionaries(
                        {}, optional={"content": st.text() | st.none() | JSON, "reasoning": st.text() | st.none()}
                    ),
                    "text": st.text() | st.none(),
                    "finish_reason": st.sampled_from([None, "stop", "length", "abort", "?"]) | JSON,
                    "token_ids": st.lists(st.integers(), max_size=3) | st.none() | JSON,
                },
            ),
            max_size=2,
        ),
        "usage": st.fixed_dictionaries({}, optional={"prompt_tokens": NUMBERS, "completion_tokens": NUMBERS}) | JSON,
        "timings": st.fixed_dictionaries(
            {}, optional={"predicted_n": NUMBERS, "predicted_ms": st.floats() | NUMBERS, "cache_n": NUMBERS}
        ),
        "prompt_progress": st.fixed_dictionaries({}, optional={"total": NUMBERS, "processed": NUMBERS}) | JSON,
        "error": st.none() | JSON,
    },
)


@settings(max_examples=300)
@given(st.lists((MOSTLY | JSON).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20), max_size=8))
def test_any_nonsense_is_an_answer_or_a_sentence(events: list[bytes]) -> None:
    answer = Answer(4, True, 0.0)
    seen: list[Tokens] = []
    try:
        for number, event in enumerate(events):
            answer.take(1.0 + number, [event])
            seen += answer.drain(0, 9.0)
    except RequestLost as lost:
        sentence = str(lost)
    else:
        sentence = ""
    # Python's isprintable() calls characters newer than its own tables not printable.
    assert one_line(sentence) == sentence
    answer.close()
    seen += answer.drain(0, 9.0)
    done = answer.done(0, answer.finish or Finish.STOP, 9.0)
    for told_of in (*seen, done):
        assert decode(encode(told_of)) is not None
    array("L", done.counts)
    chunks = [count for tokens in seen for count in tokens.counts]
    array("L", chunks)
    assert not done.counts or len(done.counts) == len(chunks)
