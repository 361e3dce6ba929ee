"""The opening screen: what to ask, whom, and whether it fits."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option
from textual.worker import Worker

from sparktop import __version__
from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario
from sparktop.runner.contenders import BadContender, longer_name
from sparktop.scenarios.fields import BadScenario
from sparktop.scenarios.library import Entry
from sparktop.ui import work
from sparktop.ui.actions import Scope, bindings, footer
from sparktop.ui.chrome import Chrome, KeyBar, glyphs_of, safe, spread_out
from sparktop.ui.panels.choice import about_rows, contender_option, enter_row, fit_rows
from sparktop.ui.ports import Ports, Verdict
from sparktop.ui.screens.base import ScopedScreen
from sparktop.ui.widgets.labels import cut, fit
from sparktop.ui.widgets.line_widget import SpanRow

FIRST = "sutra-qa"
"""The scenario that enter starts at once."""

NAME_CELLS = 24


class MenuScreen(ScopedScreen):
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
        super().__init__()
        self._ports = ports
        self._options = options
        self._entries: tuple[Entry, ...] = ()
        self._problem = ""
        self._contenders: list[Contender] = []
        self._no_demos = ""
        try:
            self._contenders += ports.demos()
        except BadContender as error:
            self._no_demos = f"{error}; o adds a model of your own"
        self._chosen = {contender.name for contender in self._contenders}
        self._contenders += [replace(c, name=longer_name(c)) for c in ports.elsewhere()]
        self._verdicts: dict[str, Verdict] = {}

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
                contenders = OptionList(id="contenders", classes="panel", markup=False)
                contenders.border_title = "Whom to ask"
                yield contenders
                fit = Chrome(self._fit, id="fit", classes="panel")
                fit.border_title = "Does it fit?"
                yield fit
                with Vertical(id="own", classes="panel") as own:
                    own.border_title = "Add a model of your own"
                    elsewhere = ", MODEL@NODE+NODE" if len({c.node for c in self._contenders}) > 1 else ""
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
        self._list_contenders()
        self._list_together()
        self._assess()

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

    def _list_contenders(self) -> None:
        contenders = self.query_one("#contenders", OptionList)
        at = contenders.highlighted or 0
        contenders.clear_options()
        for contender in self._contenders:
            contenders.add_option(Option(self._row(contender), id=contender.name))
        contenders.highlighted = min(at, len(self._contenders) - 1)
        self._redraw()

    def _row(self, contender: Contender) -> Content:
        wide = max((min(cell_len(safe(c.name)), NAME_CELLS) for c in self._contenders), default=0)
        room = self.query_one("#contenders", OptionList).scrollable_content_region.width
        verdict = self._verdicts.get(contender.name)
        return contender_option(contender, contender.name in self._chosen, verdict, wide, room, self.sparktop.glyphs)

    def on_resize(self, event: events.Resize) -> None:
        """Lists the contenders as wide as they can be now."""
        self.call_after_refresh(self._list_contenders)

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
        at = self.query_one("#contenders", OptionList).highlighted
        if at is None or at >= len(self._contenders):
            return []
        contender = self._contenders[at]
        return fit_rows(contender, self._verdicts.get(contender.name), width, glyphs_of(self.app))[:height]

    def _summary(self, width: int, height: int) -> list[SpanRow]:
        if self._problem:
            return [((cut(safe(self._problem), width), "bad"),)]
        entry, contenders = self._entry(), self._selected()
        if entry is None or entry.scenario is None:
            return [(("This scenario can't run until its file is repaired.", "warn"),)]
        if not self._contenders:
            return [((cut(safe(self._no_demos), width), "bad"),)]
        if not contenders:
            return [(("Choose at least one contender (tab, then space).", "warn"),)]
        unfit = [c.name for c in contenders if (v := self._verdicts.get(c.name)) and not v.ok]
        if unfit:
            return [((cut(f"{safe(unfit[0])}: {self._verdicts[unfit[0]].sentence}", width), "bad"),)]
        planned = self._ports.plan(entry.scenario, contenders, self._options).planned
        return [enter_row(entry.scenario, contenders, planned, self._options, width, glyphs_of(self.app))]

    @staticmethod
    def _number(value: int) -> str:
        return str(value) if value else ""

    def _redraw(self) -> None:
        for chrome in self.query(Chrome):
            chrome.repaint()

    # -- what is chosen --------------------------------------------------------------------------------------------

    def _entry(self) -> Entry | None:
        at = self.query_one("#scenarios", OptionList).highlighted
        return self._entries[at] if at is not None and at < len(self._entries) else None

    def _scenario(self) -> Scenario | None:
        entry = self._entry()
        return entry.scenario if entry else None

    def _selected(self) -> tuple[Contender, ...]:
        return tuple(c for c in self._contenders if c.name in self._chosen)

    def _assess(self) -> None:
        """Asks in a thread whether the contenders fit."""
        if (scenario := self._scenario()) is None:
            return
        contenders = tuple(self._contenders)
        plan = self._ports.plan(scenario, contenders, self._options)

        def ask() -> None:
            verdicts = {contender.name: self._ports.fits(plan, contender) for contender in contenders}
            self.app.call_from_thread(self._take, verdicts)

        self.run_worker(ask, thread=True, exclusive=True, group="fit", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tells of a sum that could not be done."""
        self.sparktop.on_worker_state_changed(event)

    def _take(self, verdicts: dict[str, Verdict]) -> None:
        self._verdicts = verdicts
        self._list_contenders()

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

    @on(Input.Blurred, "#path")
    def _path_left(self) -> None:
        self.remove_class("-asked")

    @on(Input.Submitted, "#path")
    def _path_submitted(self, event: Input.Submitted) -> None:
        spec = event.value.strip()
        if not spec:
            self.set_focus(self.query_one("#scenarios"))
            return
        try:
            contender = self._ports.resolve(spec)
        except BadContender as error:
            self._problem = str(error)
        else:
            self._problem = ""
            event.input.clear()
            self._add(contender)
            self._list_contenders()
            contenders = self.query_one("#contenders", OptionList)
            contenders.highlighted = len(self._contenders) - 1
            self.set_focus(contenders)
            self._assess()
        self._redraw()

    def _add(self, contender: Contender) -> None:
        """Adds a contender, and chooses it; one of the same name elsewhere is told from it by where it is."""
        where = (contender.node, contender.url, contender.model)
        others = [c for c in self._contenders if (c.node, c.url, c.model) != where]
        if any(c.name == contender.name for c in others):
            contender = replace(contender, name=longer_name(contender))
        self._contenders = [c for c in others if c.name != contender.name] + [contender]
        self._chosen.add(contender.name)

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
            return
        at = self.query_one("#contenders", OptionList).highlighted
        if at is not None:
            self._chosen ^= {self._contenders[at].name}
            self._list_contenders()

    def action_own_model(self) -> None:
        """Goes to the field for a path, and shows it where there was no room for it."""
        self.add_class("-asked")
        self.set_focus(self.query_one("#path"))

    def action_start(self) -> None:
        """Starts the chosen scenario."""
        scenario, contenders = self._scenario(), self._selected()
        unfit = [v.sentence for c in contenders if (v := self._verdicts.get(c.name)) and not v.ok]
        if scenario is None or not contenders or unfit:
            # The line above the keys says why; this only points to it.
            self.app.bell()
            self._redraw()
            return
        self.sparktop.begin(self._ports.plan(scenario, contenders, self._options))
