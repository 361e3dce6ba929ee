"""Nodes that a person names on the command line: found, connected to, and printed."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.config import BadConfig, own_path
from sparktop.model.channels import PROCESS_LEFT
from sparktop.model.events import Event, Notice, SampleTaken
from sparktop.model.text import one_line
from sparktop.nodes.place import BadPlace, Place, Unreachable, place, read_places
from sparktop.nodes.remote import RemoteNode
from sparktop.runner.backlog import MOST
from sparktop.runner.contenders import placed
from sparktop.runner.others import hint
from sparktop.runner.split_fit import AND
from sparktop.telemetry.latest import Latest
from sparktop.telemetry.reading import Reading

if TYPE_CHECKING:
    from sparktop.runner.watch import LiveMachine

_EVERY_S: Final = 0.9
"""Readings come twice a second; every second one is printed."""

_ONCE: Final = 3
"""The first has no rates, and what is told of the second may be from before."""


def named(texts: Sequence[str], token_file: str | None, console: Console) -> list[Place]:
    """Returns the places of what a person typed; of nothing, those of config.toml.

    Raises:
        Refused: A name or the configuration is not understood.
    """
    try:
        known = read_places(places(console).config_file)
        if not texts:
            return list(known.values())
        token = own_path(token_file).absolute() if token_file else None
        found = [place(text, known, token) for text in texts]
    except (BadPlace, BadConfig) as error:
        raise Refused(str(error)) from error
    if len(set(found)) < len(found):
        raise Refused("a node is named twice")
    return found


def taking_part(
    contenders: Sequence[str], nodes: Sequence[str], token_file: str | None, console: Console, own_name: str
) -> list[RemoteNode]:
    """Connects to the nodes of a run: those that are named, and those that contenders are placed on.

    Args:
        contenders: As a person typed them, MODEL@NODE among them.
        nodes: As a person typed them.
        token_file: Copy of the token for addresses.
        console: Where it is said that it takes a while.
        own_name: What this machine is called.

    Raises:
        Refused: One of them can't be reached, or is not understood.
    """
    wanted = [node for spec in contenders for node in placed(spec)[1].split(AND) if node and node != own_name]
    if not wanted and not nodes:
        return []
    if console.err.isatty():
        # Over ssh, through another host, it may take seconds.
        console.note(f"connecting to {', '.join(dict.fromkeys(map(one_line, (*nodes, *wanted))))}")
    known = [one.name for one in named((), None, console)]
    found = connected(named(nodes, token_file, console), own_name, known=known) if nodes else []
    more = [node for node in dict.fromkeys(wanted) if all(node != one.name for one in found)]
    try:
        return found + (connected(named(more, token_file, console), own_name, found, known) if more else [])
    except BaseException:
        stop(found)
        raise


def connected(
    those: Sequence[Place], own_name: str, beside: Sequence[RemoteNode] = (), known: Sequence[str] | None = None
) -> list[RemoteNode]:
    """Connects to all of them at once, and gives each a name of its own.

    Args:
        those: Where they are.
        own_name: What this machine is called.
        beside: Those that are connected to already.
        known: What config.toml names, for whoever has typed something like it; None to say nothing of that.

    Raises:
        Refused: One of them can't be reached, or is there twice.
    """
    nodes = [RemoteNode(one) for one in those]
    try:
        for node in nodes:
            node.begin()
        # Here and not in threads, which Ctrl+C would not reach.
        for one, node in zip(those, nodes, strict=True):
            try:
                node.connect()
            except Unreachable as error:
                more = hint(one.name, error, known) if known is not None and one.ssh else ""
                raise Refused(f"{error}{more}", Exit.UNREACHABLE) from error
        for number, node in enumerate(nodes):
            if again := node.among((*beside, *nodes[:number])):
                raise Refused(again)
    except BaseException:
        stop(nodes)
        raise
    taken = {own_name, *(node.name for node in beside)}
    for number, node in enumerate(nodes, start=len(beside) + 2):
        # Machines that were set up from one image are called the same.
        if node.name in taken:
            node.name = f"{node.name}-{number}"
        taken.add(node.name)
    return nodes


def stop(nodes: Sequence[RemoteNode]) -> None:
    """Ends all connections, at once."""
    if nodes:
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(RemoteNode.stop, nodes))


def watch(
    machine: LiveMachine,
    names: Sequence[str],
    console: Console,
    *,
    once: bool,
    seconds: int | None,
    listen: Callable[[Event], None] = lambda event: None,
) -> Iterator[tuple[str, Reading]]:
    """Yields the readings of several machines by name, each about once a second; their times are Unix time here.

    Args:
        machine: This one, with the others beside it.
        names: Of all of them.
        console: Where it is said that a node is cut off.
        once: One of each and no more, with rates.
        seconds: For how long; None for ever.
        listen: Called with every event before the reading is yielded that it leads to.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    told = {name: _Told() for name in names}
    began, started = time.time(), time.monotonic()

    def put(event: Event) -> None:
        # A pager that takes no more lines must not fill the memory; reasons are told once, and stay.
        if events.qsize() < MOST or not isinstance(event, SampleTaken) or event.missing:
            events.put(event)

    machine.start(put)
    try:
        while True:
            event = events.get()
            listen(event)
            if isinstance(event, Notice):
                console.note(f"sparktop: {event.text}")
            if not isinstance(event, SampleTaken) or (one := told.get(event.node)) is None:
                continue
            one.add(event)
            if once:
                if all(each.count >= _ONCE for each in told.values()):
                    for name, each in told.items():
                        yield name, replace(each.reading, t=began + each.reading.t)
                    return
            elif one.count >= _ONCE and event.t - one.shown >= _EVERY_S:
                one.shown = event.t
                yield event.node, replace(one.reading, t=began + event.t)
            if seconds is not None and time.monotonic() - started > seconds:
                return
    finally:
        machine.stop()


class _Told:
    """What is known of a machine now: its events tell reasons when they change."""

    def __init__(self) -> None:
        self._latest = Latest()
        self._missing: dict[str, str] = {}
        self.reading = Reading(t=0.0)
        self.count = 0
        self.shown = float("-inf")

    def add(self, event: SampleTaken) -> None:
        self.count += 1
        for name in event.values:
            self._missing.pop(name, None)
            self._missing.pop(name.partition(".")[0], None)
        # Told once: else every line would name every process that ever was there.
        self._missing = {name: why for name, why in self._missing.items() if why != PROCESS_LEFT} | event.missing
        values = self._latest.add(Reading(t=event.t, values=event.values, missing=event.missing)).values
        self.reading = Reading(t=event.t, values=values, missing=dict(self._missing))
