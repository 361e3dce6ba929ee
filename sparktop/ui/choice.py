"""Whom a run could ask, and whom it is going to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sparktop.model.records import Contender
from sparktop.runner.contenders import is_elsewhere, longer_name
from sparktop.runner.split_fit import is_split
from sparktop.ui.ports import Verdict


class Choice:
    """The contenders of the menu, each with a name of its own.

    Attributes:
        contenders: What can be chosen from, in the order of the list.
        verdicts: Whether they fit, by name, as far as that is known.
    """

    def __init__(self, chosen: Iterable[Contender] = ()) -> None:
        self.contenders = list(chosen)
        self.verdicts: dict[str, Verdict] = {}
        self._chosen = {contender.name for contender in self.contenders}
        self._moved: set[str] = set()

    def __contains__(self, contender: Contender) -> bool:
        return contender.name in self._chosen

    @property
    def chosen(self) -> tuple[Contender, ...]:
        """Those that are going to be asked."""
        return tuple(contender for contender in self.contenders if contender in self)

    @property
    def unfit(self) -> Contender | None:
        """The first of them that does not fit."""
        return next((c for c in self.chosen if (v := self.verdicts.get(c.name)) is not None and not v.ok), None)

    def offer(self, contenders: Iterable[Contender]) -> None:
        """Lets more be chosen from; those that are known already stay as they are."""
        known = set(map(_where, self.contenders))
        self.contenders += [contender for contender in contenders if _where(contender) not in known]

    def add(self, contender: Contender) -> Contender:
        """Adds a contender and chooses it; returns it by the name that it has here.

        One of the same name is told from it by where it is, and so are all that run elsewhere.
        """
        known = next((at for at, one in enumerate(self.contenders) if _where(one) == _where(contender)), None)
        if known is not None:
            contender = replace(contender, name=self.contenders[known].name)
            self.contenders[known] = contender
        else:
            taken = {one.name for one in self.contenders}
            if contender.name in taken or (_placed(contender) and not contender.name.endswith(f"@{contender.node}")):
                contender = replace(contender, name=longer_name(contender))
            self.contenders = [*(one for one in self.contenders if one.name != contender.name), contender]
        self._chosen.add(contender.name)
        return contender

    def toggle(self, contender: Contender) -> None:
        """Chooses a contender, or leaves it out."""
        self._chosen ^= {contender.name}

    def move(self, contender: Contender, place: Contender) -> Contender:
        """Lets a contender be asked in another place instead; returns it by the name that it has there.

        Where it was stays in the list, unless it came there by being moved.
        """
        if _where(contender) == _where(place):
            self._chosen.add(contender.name)
            return contender
        new = all(_where(one) != _where(place) for one in self.contenders)
        self._chosen.discard(contender.name)
        at = self.contenders.index(contender)
        if contender.name in self._moved:
            self._moved.discard(contender.name)
            del self.contenders[at]
        else:
            at += 1
        found = self.add(place)
        if new:
            self._moved.add(found.name)
            self.contenders.remove(found)
            self.contenders.insert(at, found)
        return found

    def here(self) -> Sequence[Contender]:
        """Those whose model is a file of this machine."""
        return [one for one in self.contenders if not (one.url or is_elsewhere(one))]


def _where(contender: Contender) -> tuple[str, str, str]:
    return contender.node, contender.url, contender.model


def _placed(contender: Contender) -> bool:
    return is_elsewhere(contender) or is_split(contender)
