"""Server-sent events, cut anywhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.engines.http.sse import MAX_EVENT, EventParser, EventTooLong, NamedData

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_DATA = st.lists(_TEXT.map(lambda text: json.dumps(text, ensure_ascii=False)), min_size=1, max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A body, and the events in it."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines: list[str] = []
    events: list[bytes] = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            lines.append(":" + draw(st.sampled_from(["", " keep-alive", "data: no"])))
        lines += [""] * draw(st.integers(0, 2))
        name = draw(st.sampled_from(["", "error", "ping"]))
        data = draw(_DATA)
        lines += [f"event: {name}"] if name else []
        lines += [draw(st.sampled_from(["data: ", "data:"])) + line for line in data]
        if draw(st.booleans()):
            lines.append("id: 1")
        lines.append("")
        joined = "\n".join(data).encode()
        events.append(NamedData.of(joined, name) if name else joined)
    if draw(st.booleans()):
        lines[-1:] = []  # the body ends without its last blank line
    bom = draw(st.sampled_from(["", "\ufeff"]))
    return (bom + "".join(line + end for line in lines)).encode(), events


@given(bodies(), st.data())
def test_however_a_body_is_cut_its_events_are_the_same(body: tuple[bytes, list[bytes]], cutting: st.DataObject) -> None:
    whole, events = body
    cuts = sorted(cutting.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    parser = EventParser()
    found: list[bytes] = []
    for first, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += parser.feed(whole[first:end])
    found += parser.finish()
    assert found == events
    assert [getattr(data, "name", "") for data in found] == [getattr(data, "name", "") for data in events]


def test_an_event_is_told_with_its_last_byte() -> None:
    parser = EventParser()
    assert parser.feed(b"data: 1\n") == []
    assert parser.feed(b"\n") == [b"1"]
    assert parser.feed(b"data: 2\r\n\r") == [b"2"]
    assert parser.feed(b"\ndata: 3\r\r") == [b"3"]


def test_the_error_field_of_older_llama_servers_is_an_error() -> None:
    (data,) = EventParser().feed(b'error: {"code": 500}\n\n')
    assert isinstance(data, NamedData)
    assert (data, data.name) == (b'{"code": 500}', "error")


def test_an_event_without_end_is_given_up() -> None:
    parser = EventParser()
    for _ in range(MAX_EVENT >> 16):
        assert parser.feed(b"a" * (1 << 16)) == []
    with pytest.raises(EventTooLong):
        parser.feed(b"a")
