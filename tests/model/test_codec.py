"""Every event survives being written as a line and read again."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparktop.model.codec import EVENT_TYPES, NotAnEvent, decode, encode
from sparktop.model.events import Event, Notice, Tokens

finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]))
st.register_type_strategy(float, finite)
st.register_type_strategy(int, whole)
st.register_type_strategy(str, text)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    event = draw(st.from_type(Tokens))
    counts = draw(st.lists(st.integers(0, 99), min_size=len(event.times), max_size=len(event.times)))
    return Tokens(
        t=event.t, request=event.request, kind=event.kind, text=event.text, times=event.times, counts=tuple(counts)
    )


@pytest.mark.parametrize("cls", EVENT_TYPES.values(), ids=EVENT_TYPES.keys())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_round_trip(cls: type[Event], data: st.DataObject) -> None:
    event = data.draw(tokens() if cls is Tokens else st.from_type(cls))
    line = encode(event)
    assert b"\n" not in line
    assert decode(line) == event


def test_every_event_has_a_name() -> None:
    assert "run-started" in EVENT_TYPES
    assert "run-ended" in EVENT_TYPES
    assert {cls.__name__ for cls in EVENT_TYPES.values()} == {cls.__name__ for cls in Event.__subclasses__()}


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    assert decode(encode(Notice(t=1.0, text="a\ud800b经"))) == Notice(t=1.0, text="a\ufffdb经")


def test_unknown_fields_are_ignored() -> None:
    assert decode(b'{"event":"notice","t":1.0,"text":"x","colour":"red"}') == Notice(t=1.0, text="x")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not JSON"),
        (b"\0\0\0\0", "not JSON"),
        (b'{"event":"notice","t":1.0,"te', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not an object"),
        (b'{"t":1.0}', "not an object"),
        (b'{"event":7,"t":1.0}', "not an object"),
        (b'{"event":"party","t":1.0}', 'unknown event "party"'),
        (b'{"event":"notice","t":1.0}', 'event "notice": .*text'),
        (b'{"event":"notice","t":"soon","text":""}', 'event "notice": .*float'),
        (
            b'{"event":"tokens","t":1,"request":0,"kind":"answer","text":"","times":[1,2],"counts":[1]}',
            'event "tokens": 2 times but 1 counts',
        ),
    ],
)
def test_what_is_no_event_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(NotAnEvent, match=reason):
        decode(line)


def test_a_line_is_plain_json_with_the_name_first() -> None:
    line = encode(Notice(t=1.5, text="磁盘满"))
    assert orjson.loads(line) == {"event": "notice", "t": 1.5, "text": "磁盘满"}
    assert line.startswith(b'{"event":"notice",')
