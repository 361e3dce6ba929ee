"""The menu's list of whom to ask: contenders, and machines that could have more of them."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual import events
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from sparktop.model.records import Contender
from sparktop.runner.others import Away
from sparktop.ui.choice import Choice
from sparktop.ui.chrome import glyphs_of, safe
from sparktop.ui.panels.choice import away_option, contender_option

_NAME_CELLS: Final = 24
_TOLD_CELLS: Final = 29
"""What stands beside a name at most: its box, its size, whether it fits, that it is a toy."""


class Whom(OptionList):
    """Contenders first, then machines that are not connected to.

    Args:
        choice: The contenders.

    Attributes:
        away: The machines.
    """

    def __init__(self, choice: Choice) -> None:
        super().__init__(id="contenders", classes="panel", markup=False)
        self._choice = choice
        self.away: tuple[Away, ...] = ()

    def fill(self, name: str | None = None) -> None:
        """Lists everything anew; the cursor goes to a name, or stays."""
        names = self._names
        at = names.index(name) if name in names else self.highlighted or 0
        room = self.scrollable_content_region.width
        wide = min(max(map(cell_len, map(safe, names)), default=0), max(_NAME_CELLS, room - _TOLD_CELLS))
        signs = glyphs_of(self.app)
        self.clear_options()
        for one in self._choice.contenders:
            verdict = self._choice.verdicts.get(one.name)
            self.add_option(Option(contender_option(one, one in self._choice, verdict, wide, room, signs)))
        self.add_options(Option(away_option(one, wide, room, signs)) for one in self.away)
        self.highlighted = min(at, len(names) - 1) if names else None

    @property
    def _names(self) -> list[str]:
        # No contender is called as a machine is: in the list, a machine has a blank before its name.
        return [*(one.name for one in self._choice.contenders), *(f" {one.name}" for one in self.away)]

    @property
    def pointed_name(self) -> str | None:
        """What the cursor is on, for `fill`."""
        names = self._names
        return names[self.highlighted] if self.highlighted is not None and self.highlighted < len(names) else None

    @property
    def pointed(self) -> Contender | None:
        """The contender that the cursor is on."""
        at, contenders = self.highlighted, self._choice.contenders
        return contenders[at] if at is not None and at < len(contenders) else None

    @property
    def pointed_away(self) -> Away | None:
        """The machine that the cursor is on."""
        at = -1 if self.highlighted is None else self.highlighted - len(self._choice.contenders)
        return self.away[at] if 0 <= at < len(self.away) else None

    def on_resize(self, event: events.Resize) -> None:
        """Lists everything as wide as it can be now."""
        self.call_after_refresh(self.fill)
