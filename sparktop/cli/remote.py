"""Nodes that a person names on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.nodes.place import BadPlace, Place, Unreachable, place, read_places
from sparktop.nodes.remote import RemoteNode


def named(texts: Sequence[str], token_file: str | None, console: Console) -> list[Place]:
    """Returns the places of what a person typed; of nothing, those of config.toml.

    Raises:
        Refused: A name or the configuration is not understood.
    """
    try:
        known = read_places(places(console).config / "config.toml")
        if not texts:
            return list(known.values())
        token = Path(token_file).expanduser().absolute() if token_file else None
        found = [place(text, known, token) for text in texts]
    except BadPlace as error:
        raise Refused(str(error)) from error
    if len(set(found)) < len(found):
        raise Refused("a node is named twice")
    return found


def connected(those: Sequence[Place], own_name: str) -> list[RemoteNode]:
    """Connects to all of them at once, and gives each a name of its own.

    Args:
        those: Where they are.
        own_name: What this machine is called.

    Raises:
        Refused: One of them can't be reached.
    """
    nodes = [RemoteNode(one) for one in those]
    try:
        if nodes:
            with ThreadPoolExecutor(len(nodes)) as pool:
                list(pool.map(RemoteNode.connect, nodes))
    except Unreachable as error:
        stop(nodes)
        raise Refused(str(error), Exit.UNREACHABLE) from error
    except BaseException:
        stop(nodes)
        raise
    taken = {own_name}
    for number, node in enumerate(nodes, start=2):
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
