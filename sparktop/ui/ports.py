"""What the screens need from the rest of the program; tests and replays give their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sparktop.model.records import Contender, Options
from sparktop.places import Places
from sparktop.ui.feed import Clock, Feed, MachineFeed

if TYPE_CHECKING:
    from sparktop.model.scenario import Scenario
    from sparktop.runner.others import Away
    from sparktop.runner.plan import Plan
    from sparktop.scenarios.library import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a contender fits into memory.

    Attributes:
        ok: Whether it does.
        sentence: The sum, for people.
        summed: Whether it is about memory; else something else is in the way.
    """

    ok: bool
    sentence: str
    summed: bool = True


class Machines(Protocol):
    """Machines elsewhere: those that are connected to, and those that could be. Nothing here waits."""

    @property
    def own_name(self) -> str:
        """What this machine is called."""

    @property
    def away(self) -> tuple[Away, ...]:
        """Those that could be connected to."""

    def contenders(self) -> tuple[Contender, ...]:
        """All that those have that are connected to; names tell where."""

    def placements(self, contender: Contender, here: Sequence[Contender]) -> tuple[Contender, ...]:
        """A contender once for every place where it could run; `here` are those of this machine."""

    def by_name(self, spec: str) -> str:
        """A contender, as it is typed, with names of machines for their addresses; raises BadContender."""

    def missing(self, spec: str) -> tuple[str, ...]:
        """The machines that a contender, as it is typed, is placed on and that are not connected to."""

    def connect(self, name: str) -> None:
        """Begins to connect to a machine; raises BadContender where the name is none."""

    def give_up(self) -> tuple[str, ...]:
        """Stops all attempts to connect; returns whom they were for."""

    def look(self) -> tuple[str, ...]:
        """Takes in what came of attempts; returns whom they were for."""

    def problem(self, name: str) -> str:
        """Why a machine could not be connected to; empty if it was."""

    def leave(self) -> None:
        """Lets nobody wait for a machine any more, as the program ends."""


class Nobody:
    """No machine but this one; see `Machines`."""

    own_name = ""
    away: tuple[Away, ...] = ()

    def contenders(self) -> tuple[Contender, ...]:
        """None."""
        return ()

    def placements(self, contender: Contender, here: Sequence[Contender]) -> tuple[Contender, ...]:
        """It runs here."""
        return (contender,)

    def by_name(self, spec: str) -> str:
        """No address is known."""
        return spec

    def missing(self, spec: str) -> tuple[str, ...]:
        """Nobody is asked for."""
        return ()

    def connect(self, name: str) -> None:
        """Does nothing."""

    def give_up(self) -> tuple[str, ...]:
        """Nothing is tried."""
        return ()

    def look(self) -> tuple[str, ...]:
        """Nothing has come."""
        return ()

    def problem(self, name: str) -> str:
        """There is none."""
        return ""

    def leave(self) -> None:
        """Nobody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ways out of the screens.

    Attributes:
        scenarios: Every scenario, broken ones with their error.
        demos: The contenders that come with the program.
        machines: The other machines.
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
    machines: Machines = field(default_factory=Nobody)
