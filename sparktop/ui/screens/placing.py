"""Choosing where a model runs: on which machine, or split over several, and whether it fits there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from sparktop.model.records import Contender
from sparktop.runner.others import Away
from sparktop.runner.split_fit import is_split, machines
from sparktop.ui.chrome import Chrome, glyphs_of, plain, safe, sentence_rows
from sparktop.ui.format import size
from sparktop.ui.panels.choice import away_option, fit_mark
from sparktop.ui.ports import Verdict
from sparktop.ui.reaching import Reaching
from sparktop.ui.screens.base import Dialog
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import SpanRow

_LEAST_CELLS = 8
_TOLD_CELLS = 24
"""What stands beside a place: which one it is now, whether it fits, that it is a split."""


class Placing(Dialog["Contender | None"]):
    """A list of the places where a model could run; ends with the contender in the place that was chosen.

    Args:
        contender: What is to be placed, and where it is now.
        places: Tells it in every place; machines alone first.
        fits: Tells whether it fits in a place; called in a thread.
        reaching: The machines that are not connected to; whoever looks at what comes of it calls `refresh_places`.
        own_name: What this machine is called.
    """

    CSS_PATH = "placing.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (80, "-plain"), (100, "-wide")]  # noqa: RUF012  (Textual declares it for instances)
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (18, "-low"), (30, "-tall")]  # noqa: RUF012  (Textual declares it for instances)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("p,tab,j", "walk(1)", show=False),
        Binding("shift+tab,k", "walk(-1)", show=False),
    ]

    def __init__(
        self,
        contender: Contender,
        *,
        places: Callable[[], Sequence[Contender]],
        fits: Callable[[Contender], Verdict],
        reaching: Reaching,
        own_name: str,
    ) -> None:
        super().__init__()
        self._contender = contender
        self._find_places = places
        self._fits = fits
        self._reaching = reaching
        self._own_name = own_name
        self._places: tuple[Contender, ...] = ()
        self._away: tuple[Away, ...] = ()
        self._verdicts: dict[str, Verdict] = {}

    def compose(self) -> ComposeResult:
        """Makes the list."""
        with Vertical(classes="panel") as box:
            box.border_title = plain(f"Where {self._contender.name.rpartition('@')[0] or self._contender.name} runs")
            box.border_subtitle = "enter takes it, esc leaves"
            yield OptionList(id="places", markup=False)
            yield Chrome(self._told, id="told")

    def on_mount(self) -> None:
        """Shows the places, the cursor on the present one."""
        self._places = tuple(self._find_places())
        self._away = self._reaching.away
        at = next((n for n, one in enumerate(self._places) if one.node == self._contender.node), 0)
        self._list(at)
        self.query_one(OptionList).focus()
        self._assess()

    def on_resize(self, event: events.Resize) -> None:
        """Lists the places as wide as they can be now."""
        self.call_after_refresh(self._list)

    def refresh_places(self) -> None:
        """Takes in that a machine is connected to now, or that this goes on or failed."""
        before = self._places
        name = self._name_at(self.query_one(OptionList).highlighted)
        self._places, self._away = tuple(self._find_places()), self._reaching.away
        names = [*(one.node for one in self._places), *(one.name for one in self._away)]
        self._list(names.index(name) if name in names else None)
        if self._places != before:
            self._assess()

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _list(self, at: int | None = None) -> None:
        options = self.query_one(OptionList)
        at = at if at is not None else options.highlighted or 0
        wide = max(map(cell_len, map(safe, [*map(self._where, self._places), *(one.name for one in self._away)])))
        room = options.scrollable_content_region.width
        wide = min(wide, max(_LEAST_CELLS, room - _TOLD_CELLS))
        options.clear_options()
        options.add_options(Option(self._row(one, wide)) for one in self._places)
        signs = glyphs_of(self.app)
        options.add_options(Option(away_option(one, wide, room, signs)) for one in self._away)
        options.highlighted = min(at, options.option_count - 1)
        self.query_one("#told", Chrome).repaint()

    def _row(self, place: Contender, wide: int) -> Content:
        signs = glyphs_of(self.app)
        now = place.node == self._contender.node
        other = "  another file" if place.size != self._contender.size else ""
        split = "  split" if is_split(place) else ""
        return Content.assemble(
            (f" {signs.pointer}  " if now else "    ", "$accent"),
            (fit(safe(self._where(place)), wide), "bold" if now else ""),
            "  ",
            fit_mark(self._verdicts.get(place.node), signs),
            (split + (f"{other}, {size(place.size or None)}" if other else ""), "$muted"),
        )

    def _where(self, place: Contender) -> str:
        names = [f"{name} (here)" if name == self._own_name else name for name in machines(place)]
        return " + ".join(names)

    def _told(self, width: int, height: int) -> list[SpanRow]:
        at = self.query_one(OptionList).highlighted
        name = self._name_at(at)
        away = next((one for one in self._away if one.name == name), None)
        if away is not None:
            if away.problem:
                return sentence_rows(f"{safe(away.problem)} (enter tries again)", width, "bad")[:height]
            if away.connecting_s is not None:
                return sentence_rows(f"Connecting {safe(away.how)}; esc stops it.", width, "muted")[:height]
            return sentence_rows(f"Enter connects to it, {safe(away.how)}.", width, "muted")[:height]
        place = next((one for one in self._places if one.node == name), None)
        verdict = self._verdicts.get(name)
        if place is None or verdict is None:
            return []
        rows = sentence_rows(safe(verdict.sentence), width, "" if verdict.ok else "bad")
        if is_split(place):
            rows += sentence_rows("Each token goes through one machine after another: no faster.", width, "muted")
        return rows[:height]

    def _name_at(self, at: int | None) -> str:
        names = [*(one.node for one in self._places), *(one.name for one in self._away)]
        return names[at] if at is not None and at < len(names) else ""

    # -- what is done ----------------------------------------------------------------------------------------------

    def _assess(self) -> None:
        for place in self._places:
            # Each by itself: a machine that does not answer keeps no other one waiting.
            self.run_worker(partial(self._ask, place), thread=True, group="fit", exit_on_error=False)

    def _ask(self, place: Contender) -> None:
        verdict = self._fits(place)
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._take, place.node, verdict)

    def _take(self, node: str, verdict: Verdict) -> None:
        self._verdicts[node] = verdict
        if self.is_mounted and self.is_current:
            self._list()

    @on(OptionList.OptionHighlighted)
    def _other(self) -> None:
        self.query_one("#told", Chrome).repaint()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        if event.option_index < len(self._places):
            self.dismiss(self._places[event.option_index])
        elif self._away[event.option_index - len(self._places)].connecting_s is None:
            self._reaching.connect(self._away[event.option_index - len(self._places)].name)

    def action_walk(self, step: int) -> None:
        """Goes to the next place, and from the last to the first."""
        options = self.query_one(OptionList)
        options.highlighted = ((options.highlighted or 0) + step) % options.option_count

    def action_leave(self) -> None:
        """Stops connecting; if nobody is connected to, leaves everything as it was."""
        if not self._reaching.give_up():
            self.dismiss(None)
