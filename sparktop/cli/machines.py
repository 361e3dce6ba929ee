"""The other machines of a command: connected to only where there are any, since what connects costs 0.2 s to import."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sparktop.cli.console import Console, Refused
from sparktop.cli.library import places
from sparktop.runner.contenders import placed

if TYPE_CHECKING:
    from sparktop.nodes.remote import RemoteNode
    from sparktop.runner.others import Others


@contextmanager
def machines(
    contenders: Sequence[str], nodes: Sequence[str], token_file: str | None, console: Console
) -> Iterator[list[RemoteNode]]:
    """Connects to the machines that are named and those that contenders are placed on; lets them go at the end.

    Args:
        contenders: As a person typed them.
        nodes: As a person typed them.
        token_file: Copy of the token for addresses.
        console: Where it is said that it takes a while.

    Raises:
        Refused: One of them can't be reached, or is not understood.
    """
    if not nodes and not any(placed(spec)[1] for spec in contenders):
        if token_file:
            raise Refused("--token-file is for nodes: name one with --node")
        yield []
        return
    from sparktop.cli.remote import stop, taking_part

    found = taking_part(contenders, nodes, token_file, console, platform.node())
    try:
        yield found
    finally:
        stop(found)


@contextmanager
def in_menu(console: Console, nodes: Sequence[RemoteNode] = (), *, begin: bool) -> Iterator[tuple[Others, str]]:
    """Gives what the menu offers of other machines, and what is wrong with config.toml (empty if nothing is).

    Args:
        console: Where the person's folders are.
        nodes: Those that are connected to.
        begin: Whether those are connected to at once that config.toml wants always.
    """
    from sparktop.nodes.place import BadPlace, read_places
    from sparktop.runner.others import Others

    problem, known = "", {}
    try:
        known = read_places(places(console).config_file)
    except BadPlace as error:
        # Said on the screen: what has nothing to do with other machines works all the same.
        problem = str(error)
    if not begin:
        known = {name: replace(place, always=False) for name, place in known.items()}
    others = Others(nodes, known)
    try:
        yield others, problem
    finally:
        others.stop()
