"""What can be done with answers: reading them beside each other, and rating them."""

from __future__ import annotations

from functools import partial
from typing import Final

from sparktop.ui.actions.action import Action, Scope, action

_read = partial(action, Scope.ANSWERS)

READING: Final[tuple[Action, ...]] = (
    _read(
        "next-question",
        "right_square_bracket right",
        "screen.move_question(1)",
        "Next question",
        "Show the answers to the next question",
        rank=1,
    ),
    _read(
        "previous-question",
        "left_square_bracket left",
        "screen.move_question(-1)",
        "Previous",
        "Show the answers to the question before",
        rank=2,
    ),
    _read("follow", "f", "screen.follow", "Follow", "Go with the run from question to question, or stay", rank=3),
    _read(
        "next-contender",
        "tab",
        "screen.move_contender(1)",
        "Next contender",
        "Go to the next contender's answer (shift+tab: back)",
        rank=4,
    ),
    _read(
        "previous-contender",
        "shift+tab",
        "screen.move_contender(-1)",
        "Previous contender",
        "Go to the contender before",
    ),
    _read("find", "slash", "screen.find", "Find", "Find words in the answers", rank=5),
    _read("find-next", "n", "screen.find_next(1)", "Next match", "Go to the next match"),
    _read("find-previous", "N", "screen.find_next(-1)", "Previous match", "Go to the match before"),
    _read("copy", "y", "screen.copy", "Copy", "Copy the answer, and write it to a file as well", rank=6),
    _read(
        "reasoning",
        "h",
        "screen.fold_reasoning",
        "Reasoning",
        "Hide what the models thought before they answered, or show it",
        rank=9,
    ),
    _read(
        "lock-scroll",
        "l",
        "screen.lock_scroll",
        "Lock scroll",
        "Scroll all answers together, or each by itself",
        rank=10,
    ),
    _read(
        "points",
        "p",
        "screen.mark('points')",
        "Points",
        "Mark the expected points and the sources in the answers, or do not",
    ),
    _read(
        "difference",
        "x",
        "screen.mark('difference')",
        "Difference",
        "Mark what only one of the answers says, clause by clause",
        rank=8,
    ),
    _read(
        "add-answers",
        "A",
        "screen.add_answers",
        "Add answers",
        "Show the answers of a saved run beside these, or take them away",
        rank=11,
    ),
    _read("rate", "R", "screen.rate", "Rate", "Show what the answers are rated by, or hide it", rank=7),
)
"""Going about in them, and how they are shown."""

_rate = partial(action, Scope.RATING)


def _stars(number: int) -> Action:
    stars = f"{number} star{'s' if number > 1 else ''}"
    vote = {1: "; in votes: the first answer is better", 2: "; in votes: the second answer is better"}.get(number, "")
    tooltip = f"Give the answer {stars} in the chosen dimension{vote}"
    return _rate(f"stars-{number}", str(number), f"screen.stars({number})", stars, tooltip)


RATING: Final[tuple[Action, ...]] = (
    *(_stars(number) for number in range(1, 6)),
    _rate(
        "next-dimension",
        "full_stop",
        "screen.move_dimension(1)",
        "Dimension",
        "Choose the next dimension to rate (comma: the one before)",
        rank=2,
    ),
    _rate(
        "previous-dimension", "comma", "screen.move_dimension(-1)", "Dimension before", "Choose the dimension before"
    ),
    _rate("undo", "u", "screen.undo", "Undo", "Take back your last rating, note or vote", rank=3),
    _rate("note", "e", "screen.note", "Note", "Write a note about the answer; an empty one takes it away", rank=4),
    _rate("blind", "b", "screen.blind", "Blind", "Hide who wrote what, shuffled, until you have rated it", rank=5),
    _rate("vote", "v", "screen.vote", "Vote", "Compare the answers two by two, or go back to stars", rank=6),
    _rate("tie", "0", "screen.tie", "Tie", "In votes: neither answer is better"),
    _rate(
        "rater",
        "i",
        "screen.rater",
        "Who rates",
        "Say who rates; the ratings of several people are kept apart",
        rank=20,
    ),
)
"""Saying what one thinks of them."""
