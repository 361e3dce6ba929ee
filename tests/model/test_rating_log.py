"""Which ratings count: the newest of each person, less what they took back."""

from __future__ import annotations

import pytest

from sparktop.model.codec import NotAnEvent, decode, encode
from sparktop.model.events import RunEnded, Status
from sparktop.model.rating_events import (
    AnswerAt,
    Choice,
    Noted,
    Opinion,
    Rated,
    RatingWithdrawn,
    Stars,
    Voted,
)
from sparktop.model.rating_log import RatingLog
from sparktop.model.state import fold

AT = "2026-02-09T10:00:00+08:00"


def rated(number: int, stars: int, rater: str = "ann", request: int = 0, dimension: str = "depth") -> Rated:
    return Rated(t=9.0, number=number, request=request, rater=rater, dimension=dimension, stars=Stars(stars), at=AT)


def back(number: int, rating: int, rater: str = "ann") -> RatingWithdrawn:
    return RatingWithdrawn(t=9.0, number=number, rating=rating, rater=rater, at=AT)


def voted(number: int, choice: Choice, first: int = 0, second: int = 3) -> Voted:
    return Voted(
        t=9.0,
        number=number,
        item="Q1",
        first=AnswerAt(request=first, contender="a"),
        second=AnswerAt(request=second, contender="b"),
        choice=choice,
        rater="ann",
        at=AT,
    )


def log(*events: Opinion) -> RatingLog:
    made = RatingLog()
    for event in events:
        made.apply(event)
    return made


def counted(made: RatingLog) -> list[int]:
    return [event.number for event in made.counting()]


def test_the_newest_of_a_rater_counts_and_raters_are_kept_apart() -> None:
    made = log(rated(1, 2), rated(2, 5, rater="bob"), rated(3, 4), rated(4, 1, dimension="factual"))
    assert counted(made) == [2, 3, 4]
    assert {key: int(event.stars) for key, event in made.stars("ann", 0).items()} == {"depth": 4, "factual": 1}
    assert made.raters == ("ann", "bob")


def test_taking_back_goes_step_by_step() -> None:
    made = log(rated(1, 2), rated(2, 4))
    newest = made.newest("ann")
    assert newest is not None
    made.apply(back(3, newest.number))
    assert int(made.stars("ann", 0)["depth"].stars) == 2
    newest = made.newest("ann")
    assert newest is not None
    made.apply(back(4, newest.number))
    assert made.newest("ann") is None
    assert counted(made) == []
    assert made.next_number == 5


def test_nobody_takes_back_what_another_said() -> None:
    made = log(rated(1, 2), back(2, 1, rater="bob"))
    assert counted(made) == [1]


def test_an_empty_note_takes_the_note_away() -> None:
    first = Noted(t=9.0, number=1, request=0, rater="ann", text="味→厌", at=AT)
    made = log(first)
    assert (made.note("ann", 0), counted(made)) == ("味→厌", [1])
    made.apply(Noted(t=9.0, number=2, request=0, rater="ann", text="", at=AT))
    assert (made.note("ann", 0), counted(made)) == ("", [])


def test_a_vote_is_about_two_answers_in_either_order() -> None:
    made = log(voted(1, Choice.FIRST), voted(2, Choice.FIRST, first=3, second=0))
    assert counted(made) == [2]
    vote = made.vote("ann", ("", 0), ("", 3))
    assert vote is not None
    assert vote.first.contender == "a"
    assert vote.first.request == 3


def test_an_event_that_was_written_twice_counts_once() -> None:
    made = log(rated(1, 2), rated(1, 2), back(2, 1), back(2, 1))
    assert [event.number for event in made.events()] == [1, 2]
    assert counted(made) == []


def test_a_rating_after_the_end_does_not_make_the_run_longer() -> None:
    state = fold([RunEnded(t=9.0, status=Status.COMPLETED), rated(1, 3)])
    assert (state.now, state.ended, len(state.ratings)) == (9.0, 9.0, 1)
    late = rated(2, 3)
    assert fold([late]).now == 0.0


@pytest.mark.parametrize(
    ("old", "new"), [('"stars":4', '"stars":9'), ('"stars":4', '"stars":"4"'), ('"request":0,', "")]
)
def test_a_hand_edited_rating_is_refused(old: str, new: str) -> None:
    line = encode(rated(1, 4)).decode()
    assert old in line
    with pytest.raises(NotAnEvent):
        decode(line.replace(old, new))
