"""What can be done with answers: reading them beside each other, and rating them."""

from __future__ import annotations

from typing import Final

from sparktop.ui.action import Action, Scope


def _stars(number: int) -> Action:
    vote = {1: "; in votes: the first answer is better", 2: "; in votes: the second answer is better"}.get(number, "")
    return Action(
        id=f"stars-{number}",
        keys=(str(number),),
        label=f"{number} star{'s' if number > 1 else ''}",
        tooltip=f"Give the answer {number} star{'s' if number > 1 else ''} in the chosen dimension{vote}",
        scope=Scope.RATING,
        handler=f"screen.stars({number})",
    )


READING: Final[tuple[Action, ...]] = (
    Action(
        id="reasoning",
        keys=("h",),
        label="Reasoning",
        tooltip="Hide what the models thought before they answered, or show it",
        scope=Scope.ANSWERS,
        handler="screen.fold_reasoning",
        rank=9,
    ),
    Action(
        id="lock-scroll",
        keys=("l",),
        label="Lock scroll",
        tooltip="Scroll all answers together, or each by itself",
        scope=Scope.ANSWERS,
        handler="screen.lock_scroll",
        rank=10,
    ),
    Action(
        id="points",
        keys=("p",),
        label="Points",
        tooltip="Mark the expected points and the sources in the answers, or do not",
        scope=Scope.ANSWERS,
        handler="screen.mark('points')",
    ),
    Action(
        id="difference",
        keys=("x",),
        label="Difference",
        tooltip="Mark what only one of the answers says, clause by clause",
        scope=Scope.ANSWERS,
        handler="screen.mark('difference')",
        rank=8,
    ),
    Action(
        id="add-answers",
        keys=("A",),
        label="Add answers",
        tooltip="Show the answers of a saved run beside these, or take them away",
        scope=Scope.ANSWERS,
        handler="screen.add_answers",
        rank=11,
    ),
    Action(
        id="rate",
        keys=("R",),
        label="Rate",
        tooltip="Show what the answers are rated by, or hide it",
        scope=Scope.ANSWERS,
        handler="screen.rate",
        rank=7,
    ),
)
"""How answers are shown."""

RATING: Final[tuple[Action, ...]] = (
    *(_stars(number) for number in range(1, 6)),
    Action(
        id="next-dimension",
        keys=("full_stop",),
        label="Dimension",
        tooltip="Choose the next dimension to rate (comma: the one before)",
        scope=Scope.RATING,
        handler="screen.move_dimension(1)",
        rank=2,
    ),
    Action(
        id="previous-dimension",
        keys=("comma",),
        label="Dimension before",
        tooltip="Choose the dimension before",
        scope=Scope.RATING,
        handler="screen.move_dimension(-1)",
    ),
    Action(
        id="undo",
        keys=("u",),
        label="Undo",
        tooltip="Take back your last rating, note or vote",
        scope=Scope.RATING,
        handler="screen.undo",
        rank=3,
    ),
    Action(
        id="note",
        keys=("e",),
        label="Note",
        tooltip="Write a note about the answer; an empty one takes it away",
        scope=Scope.RATING,
        handler="screen.note",
        rank=4,
    ),
    Action(
        id="blind",
        keys=("b",),
        label="Blind",
        tooltip="Hide who wrote what, shuffled, until you have rated it",
        scope=Scope.RATING,
        handler="screen.blind",
        rank=5,
    ),
    Action(
        id="vote",
        keys=("v",),
        label="Vote",
        tooltip="Compare the answers two by two, or go back to stars",
        scope=Scope.RATING,
        handler="screen.vote",
        rank=6,
    ),
    Action(
        id="tie",
        keys=("0",),
        label="Tie",
        tooltip="In votes: neither answer is better",
        scope=Scope.RATING,
        handler="screen.tie",
    ),
    Action(
        id="rater",
        keys=("i",),
        label="Who rates",
        tooltip="Say who rates; the ratings of several people are kept apart",
        scope=Scope.RATING,
        handler="screen.rater",
        rank=20,
    ),
)
"""Saying what one thinks of them."""
