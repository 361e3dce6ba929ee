"""Choosing among runs by what they ran, who took part, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sparktop.store.runs import RunEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which runs are wanted; what is empty lets everything through. Case does not matter.

    Attributes:
        scenario: Part of the scenario's name or title.
        contender: Part of the name of one of the contenders.
        since: When it began at the earliest.
        words: Words that must each stand somewhere in what a list shows of a run.
    """

    scenario: str = ""
    contender: str = ""
    since: datetime | None = None
    words: tuple[str, ...] = ()

    def fits(self, entry: RunEntry) -> bool:
        """Whether a run is wanted."""
        if self.since is not None and (entry.created is None or entry.created < self.since):
            return False
        scenario, contender = self.scenario.casefold(), self.contender.casefold()
        if scenario not in entry.scenario.casefold() and scenario not in entry.title.casefold():
            return False
        if contender and not any(contender in name.casefold() for name in entry.contenders):
            return False
        if not self.words:
            return True
        text = " ".join(shown(entry)).casefold()
        return all(word.casefold() in text for word in self.words)


def choose(entries: Iterable[RunEntry], choice: Choice) -> list[RunEntry]:
    """Returns the runs that are wanted, in their order."""
    return [entry for entry in entries if choice.fits(entry)]


def shown(entry: RunEntry) -> Iterator[str]:
    """Yields what a list shows of a run, as words to be found by."""
    yield entry.id
    yield entry.scenario
    yield entry.title
    yield from entry.placed
    if entry.created is not None:
        yield f"{entry.created.astimezone():%Y-%m-%d %H:%M}"
    yield standing(entry)
    if entry.readable and entry.valid is not None:
        yield validity(entry)


def standing(entry: RunEntry) -> str:
    """Returns how a run stands, in a word."""
    if not entry.readable:
        return "broken"
    return entry.status.value if entry.status is not None else "unknown"


def validity(entry: RunEntry) -> str:
    """Returns whether a run's figures can be trusted, in a word or two."""
    if entry.valid is None:
        return "not judged"
    return "valid" if entry.valid else "not valid"
