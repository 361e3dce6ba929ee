"""A screen with a list of contenders that can be placed on machines, some of which are yet to be connected to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import groupby

from textual import on
from textual.timer import Timer
from textual.widgets import Input
from textual.worker import Worker, get_current_worker

from sparktop.model.records import Contender
from sparktop.runner.contenders import BadContender
from sparktop.runner.others import Away
from sparktop.runner.plan import Plan
from sparktop.ui.choice import Choice
from sparktop.ui.panels.whom import Whom
from sparktop.ui.ports import Ports, Verdict
from sparktop.ui.reaching import Reaching
from sparktop.ui.screens.base import ScopedScreen
from sparktop.ui.screens.placing import Placing

_LOOK_S = 0.2
"""How often is looked whether a machine is connected to."""


class PlacedScreen(ScopedScreen):
    """A screen with a list of contenders, and with a field (#path) to type more.

    Args:
        ports: The ways out.
        chosen: Contenders that are chosen to begin with.
    """

    def __init__(self, ports: Ports, chosen: Iterable[Contender]) -> None:
        super().__init__()
        self._ports = ports
        self._problem = ""
        self._choice = Choice(chosen)
        self._reaching = Reaching(ports.machines, self._choice, self._tried)
        self._whom = Whom(self._choice)
        self._looking: Timer | None = None

    def on_mount(self) -> None:
        """Lists the contenders, and asks whether they fit."""
        self._list_contenders()
        self._assess()
        self._looking = self.set_interval(_LOOK_S, self._look, pause=not self._reaching.trying)

    def on_unmount(self) -> None:
        """Leaves nobody waiting: the program could not end before a silent machine is given up."""
        self._ports.machines.leave()

    def _plan(self) -> Plan | None:
        """The run of all contenders that could be chosen, which tells what they need; None if there is none."""
        raise NotImplementedError

    def _redraw(self) -> None:
        """Shows what is known now."""
        raise NotImplementedError

    def _list_contenders(self, name: str | None = None) -> None:
        self._whom.away = self._reaching.away
        self._whom.fill(name)
        self._redraw()

    @property
    def _pointed_away(self) -> Away | None:
        """The machine that the cursor is on, while the list is being used."""
        return self._whom.pointed_away if self._whom.has_focus else None

    # -- whether they fit ------------------------------------------------------------------------------------------

    def _assess(self) -> None:
        """Asks in threads whether the contenders fit, for each machine in one: none waits for another."""
        if (plan := self._plan()) is None:
            return
        for node, those in groupby(sorted(self._choice.contenders, key=lambda c: c.node), key=lambda c: c.node):
            ask = partial(self._ask, plan, tuple(those))
            self.run_worker(ask, thread=True, exclusive=True, group=f"fit {node}", exit_on_error=False)

    def _ask(self, plan: Plan, contenders: tuple[Contender, ...]) -> None:
        verdicts = {contender.name: self._ports.fits(plan, contender) for contender in contenders}
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._take, verdicts)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tells of a sum that could not be done."""
        self.sparktop.on_worker_state_changed(event)

    def _take(self, verdicts: dict[str, Verdict]) -> None:
        self._choice.verdicts |= verdicts
        self._list_contenders()

    # -- what is typed ---------------------------------------------------------------------------------------------

    @on(Input.Blurred, "#path")
    def _path_left(self) -> None:
        self.remove_class("-asked")

    @on(Input.Submitted, "#path")
    def _path_submitted(self, event: Input.Submitted) -> None:
        spec = event.value.strip()
        if not spec:
            self.set_focus(self.query_one("#scenarios"))
            return
        self._problem = ""
        try:
            spec = self._reaching.by_name(spec)
            if self._reaching.begin(spec):
                self._look()
            else:
                self._take_typed(spec)
        except BadContender as error:
            self._problem = str(error)
        self._redraw()

    def _take_typed(self, spec: str) -> None:
        """Adds what was typed, once all its machines are connected to; raises BadContender."""
        if not spec.startswith("@"):
            self._list_contenders(self._choice.add(self._ports.resolve(spec)).name)
            self._assess()
        self.query_one("#path", Input).clear()
        self.set_focus(self._whom)

    # -- other machines --------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Takes in what came of connecting to other machines, and shows how long it has gone on."""
        if self._looking is not None and not self._reaching.trying:
            self._looking.pause()
        pointed, machine = self._whom.pointed_name, self._whom.pointed_away
        if (news := self._reaching.look()) is None:
            return
        at = self._reaching.has(machine.name) if machine is not None and machine.name in news.met else pointed
        self._list_contenders(at)
        for name in news.met:
            if not self._reaching.has(name):
                self.sparktop.say(f"{name} has no models: start its agent with --models", "warning")
        if news.met:
            self._assess()
        self._problem = news.refused or self._problem
        for name, why in news.failed:
            # Who points to it reads it there.
            if why != news.refused and (machine is None or machine.name != name):
                self.sparktop.say(why, "warning")
        if news.typed:
            try:
                self._take_typed(news.typed)
            except BadContender as error:
                self._problem = str(error)
        self._redraw()
        if isinstance(self.app.screen, Placing):
            self.app.screen.refresh_places()

    def _tried(self) -> None:
        if self._looking is not None:
            self._looking.resume()

    def _connect_pointed(self) -> None:
        if (away := self._whom.pointed_away) is not None:
            self._problem = ""
            self._reaching.connect(away.name)
            self._look()

    def action_give_up(self) -> None:
        """Stops connecting to other machines, or takes away what is wrong."""
        self._problem = ""
        self._reaching.give_up()
        self._look()
        self._redraw()

    def action_place(self) -> None:
        """Shows where the contender could run that the cursor is on."""
        contender, plan = self._whom.pointed, self._plan()
        if contender is None or plan is None:
            self._connect_pointed()
            return
        if contender.url:
            self.sparktop.say(f"{contender.name} runs where its server is.")
            return

        def taken(place: Contender | None) -> None:
            if place is not None:
                self._list_contenders(self._choice.move(contender, place).name)
                self._assess()
            self.set_focus(self._whom)

        machines = self._ports.machines
        placing = Placing(
            contender,
            places=lambda: machines.placements(contender, self._choice.here()),
            fits=partial(self._ports.fits, plan),
            reaching=self._reaching,
            own_name=machines.own_name,
        )
        self.app.push_screen(placing, taken)
