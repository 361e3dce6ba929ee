"""Two runs of the same held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sparktop.model.changes import Cells, Change, Verdict, changes_of
from sparktop.model.comparability import NotComparable, cautions, common, differences
from sparktop.model.document import Snapshot
from sparktop.model.events import Status

__all__ = ["Change", "Comparison", "NotComparable", "Row", "Verdict", "compare"]

THRESHOLD: Final = 0.05
"""Share by which a figure may get worse before that counts, where nobody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A contender in both runs, at one batch size.

    Attributes:
        before: Its name in the one run.
        after: Its name in the other.
        batch: Size of the batches.
        changes: Its figures.
    """

    before: str
    after: str
    batch: int
    changes: tuple[Change, ...]

    @property
    def name(self) -> str:
        """Its name, or both."""
        return self.before if self.before == self.after else f"{self.before} / {self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs."""

    id: str
    created: str
    status: Status
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs.

    Attributes:
        before: The one.
        after: The other.
        scenario: Name of what both ran.
        title: The same for people.
        cautions: What speaks against comparing them.
        differences: What else differs and could be why.
        rows: The figures.
    """

    before: Side
    after: Side
    scenario: str
    title: str
    cautions: tuple[str, ...]
    differences: tuple[str, ...]
    rows: tuple[Row, ...]

    def worse(self, threshold: float = THRESHOLD) -> list[tuple[Row, Change]]:
        """Returns what got worse by more than it varies, and by more than a share."""
        return [(row, change) for row in self.rows for change in row.changes if change.exceeds(threshold)]

    @property
    def unjudged(self) -> int:
        """Figures of which nobody can tell."""
        return sum(change.verdict is Verdict.UNKNOWN for row in self.rows for change in row.changes)


def compare(before: Snapshot, after: Snapshot, pairs: Mapping[str, str] | None = None) -> Comparison:
    """Holds a run against another one.

    Args:
        before: The one.
        after: The other, whose changes are told.
        pairs: Contenders that are called differently in the two. Others are held against the one of their name; where
            both runs had one contender only, these two.

    Raises:
        NotComparable: They ran different things, or have no contender in common.
    """
    both = common(before, after)
    matched, left_out = _match(before, after, pairs or {})
    rows = [
        Row(before=name, after=partner, batch=batch, changes=changes)
        for name, partner in matched.items()
        for batch in both.batches
        if (changes := changes_of(Cells(before, name, batch, both), Cells(after, partner, batch, both)))
    ]
    if not rows:
        raise NotComparable(f"{before.id} and {after.id} have no request in common that was answered")
    return Comparison(
        before=_side(before),
        after=_side(after),
        scenario=before.scenario.name,
        title=before.scenario.title,
        cautions=(*cautions(before, after), *both.notes, *left_out),
        differences=tuple(differences(before, after, matched)),
        rows=tuple(rows),
    )


def _side(run: Snapshot) -> Side:
    return Side(id=run.id, created=run.created, status=run.status, valid=run.validity.valid)


def _match(before: Snapshot, after: Snapshot, pairs: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    here = [record.contender.name for record in before.contenders]
    there = [record.contender.name for record in after.contenders]
    for run, names, asked in ((before, here, pairs.keys()), (after, there, pairs.values())):
        for name in asked:
            if name not in names:
                raise NotComparable(f"{run.id} has no contender {name}: it has {', '.join(names)}")
    matched = dict(pairs)
    matched |= {name: name for name in here if name in there and name not in matched and name not in pairs.values()}
    if not matched and len(here) == len(there) == 1:
        matched = {here[0]: there[0]}
    if not matched:
        raise NotComparable(
            f"{before.id} ran {', '.join(here)} and {after.id} {', '.join(there)}: say who is to be held against whom"
        )
    alone = [f"{name} is in {before.id} only." for name in here if name not in matched]
    alone += [f"{name} is in {after.id} only." for name in there if name not in matched.values()]
    return {name: matched[name] for name in here if name in matched}, alone
