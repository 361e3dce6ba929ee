"""Connecting to other machines while the menu is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sparktop.runner.contenders import BadContender, placed
from sparktop.runner.others import Away
from sparktop.ui.choice import Choice
from sparktop.ui.ports import Machines


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came of connecting.

    Attributes:
        met: Machines that are connected to now.
        failed: Those that are not, each with the reason in one sentence.
        typed: What was typed and waited for them, and can be taken now.
        refused: Why what was typed can't be taken.
    """

    met: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    typed: str = ""
    refused: str = ""


class Reaching:
    """What the menu knows of other machines.

    Args:
        machines: They.
        choice: Takes what they have.
        tried: Called when it is begun to connect: from then on somebody has to look.

    Attributes:
        away: Those that could be connected to, as they were at the last look.
    """

    def __init__(self, machines: Machines, choice: Choice, tried: Callable[[], None]) -> None:
        self._machines = machines
        self._tried = tried
        self._choice = choice
        self._typed = ""
        self.away = machines.away
        choice.offer(machines.contenders())

    @property
    def anybody(self) -> bool:
        """Whether there is any other machine."""
        return bool(self.away or self._machines.contenders())

    @property
    def trying(self) -> bool:
        """Whether it is being connected to anybody."""
        return any(one.connecting_s is not None for one in self._machines.away)

    def by_name(self, typed: str) -> str:
        """Returns what was typed, with names of machines for their addresses.

        Raises:
            BadContender: It has an address that can't be used.
        """
        return self._machines.by_name(typed)

    def begin(self, typed: str) -> bool:
        """Begins to connect to the machines of what was typed; returns whether there are any to wait for.

        "@NODE" is a machine without a model.

        Raises:
            BadContender: What was typed names no machine.
        """
        if typed.startswith("@") and not placed(f"any{typed}")[1]:
            raise BadContender(f'"{typed[1:]}" is no name of a machine')
        self._typed = typed
        names = self._missing()
        for name in names:
            self._machines.connect(name)
        if names:
            self._tried()
        else:
            self._typed = ""
        return bool(names)

    def connect(self, name: str) -> None:
        """Begins to connect to one of those that are away."""
        self._machines.connect(name)
        self._tried()

    def give_up(self) -> bool:
        """Stops connecting; returns whether there was anything to stop."""
        self._typed = ""
        return bool(self._machines.give_up())

    def look(self) -> News | None:
        """Takes in what came of connecting, and for how long it has gone on; None if nothing has changed on screen."""
        tried, before = self._machines.look(), self.away
        self.away = self._machines.away
        if not tried:
            return News() if _seen(before) != _seen(self.away) else None
        self._choice.offer(self._machines.contenders())
        failed = tuple((name, why) for name in tried if (why := self._machines.problem(name)))
        met = tuple(name for name in tried if not self._machines.problem(name))
        typed, refused = "", ""
        missing = self._missing()
        if self._typed and (why := next((why for name, why in failed if name in missing), "")):
            refused, self._typed = why, ""
        elif self._typed and not missing:
            typed, self._typed = self._typed, ""
        return News(met=met, failed=failed, typed=typed, refused=refused)

    def _missing(self) -> tuple[str, ...]:
        """The machines that what was typed still waits for."""
        if not self._typed.startswith("@"):
            return self._machines.missing(self._typed)
        return self._machines.missing(f"any{self._typed}")

    def has(self, name: str) -> str:
        """Returns the name of the first contender of a machine, as the list has it; empty if it has none."""
        return next((one.name for one in self._choice.contenders if one.node == name), "")


def _seen(away: tuple[Away, ...]) -> list[tuple[str, str, int | None]]:
    # Seconds are shown as whole ones.
    return [(a.name, a.problem, None if a.connecting_s is None else round(a.connecting_s)) for a in away]
