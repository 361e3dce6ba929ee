"""What the screens need from the rest of the program; tests and replays give their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario
from sparktop.places import Places
from sparktop.runner.plan import Plan
from sparktop.scenarios.library import Entry
from sparktop.ui.feed import Clock, Feed, MachineFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a contender fits into memory.

    Attributes:
        ok: Whether it does.
        sentence: The sum, for people.
    """

    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ways out of the screens.

    Attributes:
        scenarios: Every scenario, broken ones with their error.
        demos: The contenders that come with the program.
        elsewhere: What other machines have that can be placed there.
        resolve: The contender of a path or a name; raises BadContender.
        plan: What a run would do.
        fits: Whether a contender fits; reads the machine, so it is called in a thread.
        open: The events of a plan's run.
        watch: The events of this machine, without a run.
        recover: Completes runs that were cut off and returns a sentence for each; called in a thread.
        places: Where screenshots and answers are written.
        clock: What time is measured by.
    """

    scenarios: Callable[[], tuple[Entry, ...]]
    demos: Callable[[], tuple[Contender, ...]]
    resolve: Callable[[str], Contender]
    plan: Callable[[Scenario, tuple[Contender, ...], Options], Plan]
    fits: Callable[[Plan, Contender], Verdict]
    open: Callable[[Plan], Feed]
    watch: Callable[[], MachineFeed]
    recover: Callable[[], tuple[str, ...]]
    places: Places
    clock: Clock
    elsewhere: Callable[[], tuple[Contender, ...]] = tuple
