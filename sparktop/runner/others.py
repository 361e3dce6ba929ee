"""Machines elsewhere that the runs of a program may use, one run after another."""

from __future__ import annotations

import difflib
import platform
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sparktop.model.records import Contender
from sparktop.nodes.place import BadPlace, Place, Unreachable, place
from sparktop.runner.contenders import BadContender, longer_name, on_node, placed
from sparktop.runner.placements import placements
from sparktop.runner.plan import Plan
from sparktop.runner.split_fit import AND, is_split, machines

if TYPE_CHECKING:
    # What speaks to them takes 4 MB, and who has one machine alone needs none of it.
    from sparktop.nodes.fit import Fit
    from sparktop.nodes.protocol import ModelFile
    from sparktop.nodes.remote import RemoteNode
    from sparktop.runner.fleet import Fleet

_AT_ADDRESS: Final = re.compile(r"(?:^|@)(?=[^@]*(?<![a-z])wss?://)", re.IGNORECASE)
"""What stands before machines of which one at least is given by its address."""

_POLL_S: Final = 0.05
_END_S: Final = 4.0
"""How long attempts that were given up are waited for as the program ends: ssh takes three seconds at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A machine that could be connected to.

    Attributes:
        name: As the person calls it.
        how: The way there, for people.
        connecting_s: For how long that has been tried; None while it is not.
        problem: Why it did not work the last time, in one sentence; empty if it was not tried.
    """

    name: str
    how: str
    connecting_s: float | None = None
    problem: str = ""


class Others:
    """Keeps a connection to each of them to ask what fits; a run has connections of its own.

    Machines that are not connected to are those of config.toml, and what else was asked for by its name. But for `fits`
    and `stop`, nothing here waits, and all but `fits` is called from one thread.

    Args:
        nodes: They are connected to, and each has a name of its own.
        known: Machines of config.toml; of those that are to be connected to always, it is begun at once.
        own_name: What this machine is called.
        clock: Seconds.

    Attributes:
        own_name: The same.
    """

    def __init__(
        self,
        nodes: Sequence[RemoteNode] = (),
        known: Mapping[str, Place] = MappingProxyType({}),
        own_name: str = platform.node(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = tuple(nodes)
        self.own_name = own_name
        self._known = dict(known)
        self._clock = clock
        self._places = {name: one for name, one in known.items() if name != own_name}
        self._attempts: dict[str, tuple[RemoteNode, float]] = {}
        self._problems: dict[str, str] = {}
        self._ending: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._asked: Fleet | None = None
        if nodes:
            self._asked = _fleet(nodes)
            self._asked.start(lambda event: None, time.monotonic())
        for name, one in self._places.items():
            if one.always and name not in self:
                self.connect(name)

    def __contains__(self, name: str) -> bool:
        return any(node.name == name for node in self._nodes)

    # -- those that are connected to -------------------------------------------------------------------------------

    @property
    def models(self) -> Mapping[str, Sequence[ModelFile]]:
        """What each of them can load."""
        return {node.name: node.hello.models for node in self._nodes if node.hello is not None}

    def contenders(self) -> tuple[Contender, ...]:
        """All that they can load, as contenders; their names tell where they are."""
        found: dict[str, Contender] = {}
        for node, models in self.models.items():
            for model in models:
                one = on_node(model, node)
                # In another folder there may be one of the same name.
                name = longer_name(one) if longer_name(one) not in found else f"{model.name}@{node}"
                found[name] = replace(one, name=name)
        return tuple(found.values())

    def placements(self, contender: Contender, here: Sequence[Contender]) -> tuple[Contender, ...]:
        """Returns a contender once for every place where it could run; see `placements`."""
        return placements(contender, here, self.models, self.own_name)

    def nodes(self) -> list[RemoteNode]:
        """Returns them once more, not connected to."""
        return [node.again() for node in self._nodes]

    def fleet(self) -> Fleet:
        """Returns them for one run, which connects to them."""
        return _fleet(self.nodes())

    def fits(self, plan: Plan, contender: Contender) -> Fit:
        """Returns whether a contender fits where it is placed; takes as long as those machines take to answer."""
        asked = self._asked
        if asked is None and not is_split(contender):
            from sparktop.runner.fit import assess

            return assess(plan, contender)
        from sparktop.nodes.fit import Fit
        from sparktop.runner.sums import Sums

        asked = asked or _fleet(())
        sums = Sums(plan, asked)
        while (fit := sums.find(contender)) is None:
            if self._stopped.wait(_POLL_S):
                return Fit(0, 0, 0, None, 0, "", problem="nobody waits for the answer any more")
        return fit if not is_split(contender) else _linked(asked, contender, fit)

    # -- those that are not ----------------------------------------------------------------------------------------

    @property
    def away(self) -> tuple[Away, ...]:
        """Those that could be connected to, in the order of config.toml."""
        now = self._clock()
        found = []
        for name, one in self._places.items():
            if name in self:
                continue
            attempt = self._attempts.get(name)
            waited = now - attempt[1] if attempt is not None else None
            found.append(Away(name=name, how=one.how, connecting_s=waited, problem=self._problems.get(name, "")))
        return tuple(found)

    def by_name(self, spec: str) -> str:
        """Returns a contender as it is typed, with the names of its machines where it has their addresses.

        An address alone is a machine without a model, as "@NODE" is.

        Raises:
            BadContender: An address is none, or of a machine that nothing is known of: its token would be missing.
        """
        if (found := _AT_ADDRESS.search(spec)) is None:
            return spec
        names = [self._name(one) if "://" in one else one for one in spec[found.end() :].split(AND)]
        return f"{spec[: found.start()]}@{AND.join(names)}"

    def _name(self, address: str) -> str:
        try:
            url = place(address, {}).url
        except BadPlace as error:
            raise BadContender(str(error).removeprefix("--node: ")) from error
        connected = {node.name: node.url for node in self._nodes}
        known = connected | {name: one.url for name, one in self._places.items()}
        name = next((name for name, its in known.items() if its.lower() == url.lower()), None)
        if name is None:
            raise BadContender(
                f"config.toml names no machine at {url}: write [nodes.NAME] there with url and token_file "
                "(a copy of its token), and start sparktop again"
            )
        return name

    def missing(self, spec: str) -> tuple[str, ...]:
        """Returns the machines that a contender, as it is typed, is placed on and that are not connected to."""
        names = placed(spec)[1].split(AND)
        return tuple(name for name in dict.fromkeys(names) if name and name != self.own_name and name not in self)

    def connect(self, name: str) -> None:
        """Begins to connect to a machine, by its name in config.toml or as ssh takes it.

        Raises:
            BadContender: Nothing can be made of the name.
        """
        if name in self._attempts or name in self:
            return
        if name not in self._places:
            try:
                self._places[name] = place(name, {})
            except BadPlace as error:
                raise BadContender(str(error).removeprefix("--node: ")) from error
        from sparktop.nodes.remote import RemoteNode

        self._problems.pop(name, None)
        node = RemoteNode(self._places[name])
        node.name = name
        self._attempts[name] = node, self._clock()
        node.begin()

    def give_up(self) -> tuple[str, ...]:
        """Stops all attempts to connect; returns whom they were for."""
        names = tuple(self._attempts)
        for name in names:
            node, _ = self._attempts.pop(name)
            self._let_go(name, node)
        return names

    def look(self) -> tuple[str, ...]:
        """Takes in what came of attempts; returns whom they were for."""
        names = tuple(name for name, (node, _) in self._attempts.items() if node.tried)
        for name in names:
            node, _ = self._attempts.pop(name)
            try:
                node.connect()
            except Unreachable as error:
                self._problems[name] = f"{error}{hint(name, error, self._known)}"
                self._forget(name)
                continue
            if again := node.among(self._nodes):
                self._problems[name] = again
                self._let_go(name, node)
                continue
            self._nodes = (*self._nodes, node)
            self._asked = _fleet(self._nodes)
            node.start(lambda event: None, time.monotonic())
        return names

    def problem(self, name: str) -> str:
        """Returns why a machine could not be connected to the last time that it was tried; empty if it was."""
        return self._problems.get(name, "")

    def leave(self) -> None:
        """Lets nobody wait any more: neither for a connection nor, in another thread, for what fits."""
        self._stopped.set()
        self.give_up()

    def stop(self) -> None:
        """Ends the connections, and the attempts."""
        self.leave()
        if self._asked is not None:
            self._asked.stop()
        for thread in self._ending:
            thread.join(_END_S)

    def _let_go(self, name: str, node: RemoteNode) -> None:
        self._forget(name)
        thread = threading.Thread(target=node.stop, name=f"let go {name}", daemon=True)
        self._ending = [*(one for one in self._ending if one.is_alive()), thread]
        thread.start()

    def _forget(self, name: str) -> None:
        """Offers a machine no more that a person has typed and nobody knows."""
        if name not in self._known:
            del self._places[name]


def _fleet(nodes: Sequence[RemoteNode]) -> Fleet:
    from sparktop.runner.fleet import Fleet

    return Fleet(nodes)


def _linked(asked: Fleet, contender: Contender, fit: Fit) -> Fit:
    """What fits into several machines must also get there."""
    from sparktop.engines.llama.rpc import RpcFailed
    from sparktop.runner.split import find_link

    first, *others = machines(contender)
    try:
        for name in others:
            find_link(asked, first, name)
    except RpcFailed as error:
        return replace(fit, problem=fit.problem or str(error))
    return fit


def hint(name: str, error: Unreachable, known: Iterable[str]) -> str:
    """Returns what to add to the sentence that a machine can't be reached, where config.toml does not name it."""
    names = list(known)
    if name in names or error.final:
        return ""
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else f", or config.toml say where it is ([nodes.{name}])"
