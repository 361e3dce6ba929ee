"""The opening screen: what to ask, whom, and whether it fits."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from sparktop import __version__
from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario
from sparktop.runner.contenders import BadContender
from sparktop.runner.plan import Plan
from sparktop.scenarios.fields import BadScenario
from sparktop.scenarios.library import Entry
from sparktop.ui import work
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of, safe, sentence_rows, spread_out
from sparktop.ui.panels.choice import (
    about_rows,
    away_rows,
    connecting_text,
    enter_row,
    fit_rows,
)
from sparktop.ui.ports import Ports
from sparktop.ui.screens.placed import PlacedScreen
from sparktop.ui.widgets.labels import cut, fit
from sparktop.ui.widgets.line_widget import SpanRow

FIRST = "sutra-qa"
"""The scenario that enter starts at once."""

NAME_CELLS: Final = 24

_MOST_SUMMARY: Final = 4
"""Lines of a sentence above the keys; the last resort where nothing else has room for it."""


class MenuScreen(PlacedScreen):
    """The opening screen.

    Args:
        ports: The ways out.
        options: What the fields say at first.
    """

    CSS_PATH = "menu.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.MENU)
    scopes = (Scope.MENU, Scope.EVERYWHERE)
    AUTO_FOCUS = "#scenarios"

    def __init__(self, ports: Ports, options: Options) -> None:
        self._no_demos = ""
        demos: tuple[Contender, ...] = ()
        try:
            demos = ports.demos()
        except BadContender as error:
            self._no_demos = f"{error}; o adds a model of your own"
        super().__init__(ports, demos)
        self._options = options
        self._entries: tuple[Entry, ...] = ()

    def compose(self) -> ComposeResult:
        """Makes the lists and the fields."""
        yield Chrome(self._title, id="title")
        with Container(id="menu"):
            with Vertical(id="ask"):
                scenarios = OptionList(id="scenarios", classes="panel", markup=False)
                scenarios.border_title = "What to ask"
                yield scenarios
                about = Chrome(self._about, id="about", classes="panel")
                about.border_title = "About it"
                yield about
            with Vertical(id="whom"):
                self._whom.border_title = "Whom to ask"
                yield self._whom
                fit = Chrome(self._fit, id="fit", classes="panel")
                fit.border_title = "Does it fit?"
                yield fit
                with Vertical(id="own", classes="panel") as own:
                    own.border_title = "Add a model of your own"
                    elsewhere = ", MODEL@NODE+NODE" if self._reaching.anybody else ""
                    hint = f"a .gguf file{elsewhere} or a server's URL"
                    yield Input(id="path", placeholder=hint, compact=True)
                with Horizontal(id="options", classes="panel") as options:
                    options.border_title = "Options"
                    yield Label("items ", classes="field")
                    yield Input(self._number(self._options.limit), id="limit", placeholder="all", type="integer")
                    yield Label(" tokens ", classes="field")
                    tokens = self._number(self._options.max_tokens)
                    yield Input(tokens, id="max-tokens", placeholder="auto", type="integer")
                    yield Label(" ", classes="field")
                    yield OptionList(id="together", markup=False)
        yield Chrome(self._summary, id="summary")
        yield KeyBar(footer(*self.scopes))

    def on_mount(self) -> None:
        """Reads the scenarios."""
        self.refresh_entries()
        self._list_together()

    def on_screen_resume(self) -> None:
        """Reads the scenarios again, since their files may have been edited."""
        if self._entries:
            self.refresh_entries()

    # -- what is shown ---------------------------------------------------------------------------------------------

    def refresh_entries(self) -> None:
        """Reads every scenario file."""
        try:
            found = self._ports.scenarios()
        except BadScenario as error:
            found, self._problem = (), str(error)
        self._entries = tuple(sorted(found, key=lambda e: (e.name != FIRST, e.scenario is None, e.own, e.name)))
        scenarios = self.query_one("#scenarios", OptionList)
        at = scenarios.highlighted or 0
        scenarios.clear_options()
        titles = [safe(e.scenario.title if e.scenario else e.name) for e in self._entries]
        wide = max((min(cell_len(t), NAME_CELLS) for t in titles), default=0)
        for entry, title in zip(self._entries, titles, strict=True):
            if entry.scenario is None:
                fact, style = f"{self.sparktop.glyphs.failed} broken", "$error"
            else:
                fact, style = work.brief(entry.scenario) + ("  yours" if entry.own else ""), "$muted"
            scenarios.add_option(Option(Content.assemble(fit(title, wide), "  ", (fact, style)), id=entry.name))
        if self._entries:
            scenarios.highlighted = min(at, len(self._entries) - 1)
        self._redraw()

    def _list_together(self) -> None:
        together = self.query_one("#together", OptionList)
        signs = self.sparktop.glyphs
        together.clear_options()
        on = self._options.together
        box = (signs.on if on else signs.off, "bold $accent" if on else "$muted")
        together.add_option(Content.assemble(box, " together"))
        together.highlighted = 0

    def _title(self, width: int, height: int) -> list[SpanRow]:
        dot = glyphs_of(self.app).dot
        motto = "  how fast, what holds it back, is the answer good"
        left = [("sparktop ", "title"), (__version__, "muted"), (motto, "muted")]
        running = self.sparktop.current
        if running and running.active:
            return [spread_out(left[:2], [(f"a run goes on {dot} d: its dashboard ", "warn")], width)]
        return [spread_out(left, [], width)]

    def _about(self, width: int, height: int) -> list[SpanRow]:
        entry = self._entry()
        return about_rows(entry, self._options, width, height) if entry is not None else []

    def _fit(self, width: int, height: int) -> list[SpanRow]:
        if (away := self._pointed_away) is not None:
            return away_rows(away, width)[:height]
        if (contender := self._whom.pointed) is None:
            return []
        return fit_rows(contender, self._choice.verdicts.get(contender.name), width, glyphs_of(self.app))[:height]

    def _summary(self, width: int, height: int) -> list[SpanRow]:
        connecting = connecting_text(self._reaching.away, glyphs_of(self.app))
        if connecting:
            return [((cut(connecting, width), "warn"),)]
        away = self._pointed_away
        if self._problem or (away is not None and away.problem):
            problem = self._problem or (f"{away.problem} (enter tries again)" if away is not None else "")
            return self._in_full(safe(problem), width, "bad")
        if away is not None:
            return [((cut(f"Enter connects to {safe(away.name)}, {safe(away.how)}.", width), ""),)]
        entry, contenders = self._entry(), self._choice.chosen
        if entry is None or entry.scenario is None:
            return [(("This scenario can't run until its file is repaired.", "warn"),)]
        if not self._choice.contenders:
            return self._in_full(safe(self._no_demos), width, "bad")
        if not contenders:
            return [(("Choose at least one contender (tab, then space).", "warn"),)]
        if (unfit := self._choice.unfit) is not None:
            return self._in_full(f"{safe(unfit.name)}: {self._choice.verdicts[unfit.name].sentence}", width, "bad")
        planned = self._ports.plan(entry.scenario, contenders, self._options).planned
        return [enter_row(entry.scenario, contenders, planned, self._options, width, glyphs_of(self.app))]

    @staticmethod
    def _in_full(sentence: str, width: int, style: str) -> list[SpanRow]:
        rows = sentence_rows(sentence, width, style)
        if len(rows) <= _MOST_SUMMARY:
            return rows
        (last, _), *_ = rows[_MOST_SUMMARY - 1]
        return [*rows[: _MOST_SUMMARY - 1], ((cut(f"{last} ...", width), style),)]

    @staticmethod
    def _number(value: int) -> str:
        return str(value) if value else ""

    def _redraw(self) -> None:
        summary = self.query_one("#summary", Chrome)
        summary.styles.height = max(1, len(self._summary(summary.content_size.width or self.size.width - 2, 1)))
        for chrome in self.query(Chrome):
            chrome.repaint()

    # -- what is chosen --------------------------------------------------------------------------------------------

    def _entry(self) -> Entry | None:
        at = self.query_one("#scenarios", OptionList).highlighted
        return self._entries[at] if at is not None and at < len(self._entries) else None

    def _scenario(self) -> Scenario | None:
        entry = self._entry()
        return entry.scenario if entry else None

    def _plan(self) -> Plan | None:
        scenario = self._scenario()
        return self._ports.plan(scenario, tuple(self._choice.contenders), self._options) if scenario else None

    @on(OptionList.OptionHighlighted, "#scenarios")
    def _other_scenario(self) -> None:
        self._problem = ""
        self._redraw()
        self._assess()

    @on(OptionList.OptionHighlighted, "#contenders")
    def _other_contender(self) -> None:
        self._redraw()

    @on(OptionList.OptionSelected, "#scenarios")
    def _scenario_picked(self) -> None:
        self.action_start()

    @on(OptionList.OptionSelected, "#contenders")
    def _contender_picked(self) -> None:
        # Enter starts; space chooses, by its own binding.
        if self._whom.pointed_away is not None:
            self._connect_pointed()
        else:
            self.action_start()

    @on(OptionList.OptionSelected, "#together")
    def _together_picked(self) -> None:
        self.action_start()

    @on(Input.Changed, "#limit")
    @on(Input.Changed, "#max-tokens")
    def _options_changed(self) -> None:
        self._options = replace(self._options, limit=self._field("#limit"), max_tokens=self._field("#max-tokens"))
        self._redraw()
        if self._entries:
            self._assess()

    def _field(self, name: str) -> int:
        text = self.query_one(name, Input).value.strip()
        return int(text) if text.isdecimal() else 0

    @on(Input.Submitted, "#limit")
    @on(Input.Submitted, "#max-tokens")
    def _options_submitted(self) -> None:
        self.action_start()

    # -- what is done ----------------------------------------------------------------------------------------------

    def action_choose(self) -> None:
        """Chooses what the cursor is on, or leaves it out."""
        if self.focused is None or self.focused.id not in ("contenders", "together"):
            self.set_focus(self.query_one("#contenders"))
            return
        if self.focused.id == "together":
            self._options = replace(self._options, together=not self._options.together)
            self._list_together()
            self._redraw()
        elif (contender := self._whom.pointed) is not None:
            self._choice.toggle(contender)
            self._list_contenders()
        else:
            self._connect_pointed()

    def action_own_model(self) -> None:
        """Goes to the field for a path, and shows it where there was no room for it."""
        self.add_class("-asked")
        self.set_focus(self.query_one("#path"))

    def action_start(self) -> None:
        """Starts the chosen scenario."""
        scenario, contenders = self._scenario(), self._choice.chosen
        if scenario is None or not contenders or self._choice.unfit is not None:
            # The line above the keys says why; this only points to it.
            self.app.bell()
            self._redraw()
            return
        self.sparktop.begin(self._ports.plan(scenario, contenders, self._options))
