"""`sparktop nodes`: which machines there are."""

from __future__ import annotations

import argparse
import json
import platform
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from sparktop.cli.console import Console, Exit
from sparktop.cli.remote import named, stop
from sparktop.headless.columns import Align, table
from sparktop.model import channels
from sparktop.model.events import Event, SampleTaken
from sparktop.model.interfaces import Interface, links
from sparktop.model.records import Node
from sparktop.model.text import one_line
from sparktop.nodes.local import describe_local, own_identity
from sparktop.nodes.mdns import AGENT, Announced, NotAsked, announced
from sparktop.nodes.place import Place, Unreachable
from sparktop.nodes.protocol import ModelFile
from sparktop.nodes.remote import RemoteNode
from sparktop.telemetry.interfaces import own_interfaces
from sparktop.telemetry.machine import sources
from sparktop.telemetry.once import read_once, together

_FIRST_S: Final = 3.0
"""How long a reading is waited for; they come twice a second."""

_HEAD: Final = ["NODE", "MACHINE", "MEMORY", "AVAILABLE", "GPU", "LLAMA.CPP", "CLOCK", "MODELS"]
_ALIGNS: Final = [
    *(Align.LEFT, Align.LEFT, Align.RIGHT, Align.RIGHT),
    *(Align.LEFT, Align.LEFT, Align.RIGHT, Align.RIGHT),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A node as it answered, or why it did not."""

    name: str
    node: Node | None = None
    sparktop: str = ""
    available: float | None = None
    models: tuple[ModelFile, ...] = ()
    clock: Mapping[str, float] = field(default_factory=dict)
    interfaces: tuple[Interface, ...] = ()
    identity: str = ""
    error: str = ""


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists this machine and the others.

    Raises:
        Refused: A name or the configuration is not understood.
    """
    places = named(arguments.nodes, arguments.token_file, console)
    if not arguments.nodes:
        # One config.toml may do for all machines.
        places = [one for one in places if one.name != platform.node()]
    others = [RemoteNode(one) for one in places]
    try:
        for other in others:
            other.begin()
        found = [] if arguments.nodes else [_here()]
        found += [_ask(other, place) for other, place in zip(others, places, strict=True)]
        heard, silence = _network(console, places) if not arguments.nodes else ((), "")
    finally:
        stop(others)
    if arguments.json:
        documents = [*map(_document, found), *map(_heard_document, heard)]
        console.say(json.dumps(documents, ensure_ascii=False, indent=2))
    else:
        if rows := [_row(one) for one in found if one.node is not None]:
            console.say("\n".join(table(_HEAD, _ALIGNS, rows)))
        for one in found:
            if one.models and others:
                console.say(f"{one.name}: {', '.join(one_line(model.name) for model in one.models)}")
        # Where only others are asked for, the way to them still begins here.
        here = [_Found(name=platform.node(), interfaces=own_interfaces(), identity=own_identity())]
        for line in _links(here + found if arguments.nodes else found):
            console.say(line)
        for machine in heard:
            console.say(_heard_line(machine))
        if silence:
            console.note(f"other machines were not looked for by mDNS: {silence}")
        if not others:
            console.note('no other node is named in config.toml: "sparktop nodes --help" shows how')
    for one in found:
        if one.error:
            console.note(f"sparktop: {one.error}")
    return Exit.UNREACHABLE if any(one.error for one in found) else Exit.OK


def _here() -> _Found:
    node = describe_local()
    reading = together(read_once(sources()).values())
    available = reading.values.get(channels.MEMORY_AVAILABLE)
    return _Found(name=node.name, node=node, available=available, interfaces=own_interfaces(), identity=node.identity)


def _ask(remote: RemoteNode, place: Place) -> _Found:
    read = threading.Event()
    available: list[float | None] = [None]
    clock: dict[str, float] = {}

    def listen(event: Event) -> None:
        if isinstance(event, SampleTaken) and channels.MEMORY_TOTAL in event.values:
            available[0] = event.values.get(channels.MEMORY_AVAILABLE)
            read.set()
        elif (uncertainty := getattr(event, "uncertainty_s", None)) is not None:
            clock.update(uncertainty_s=uncertainty, rtt_s=getattr(event, "rtt_s", 0.0))

    try:
        hello = remote.connect()
        remote.start(listen, time.monotonic())
        read.wait(_FIRST_S)
    except Unreachable as error:
        return _Found(name=place.shown, error=str(error))
    return _Found(
        name=remote.name,
        node=hello.node,
        sparktop=hello.sparktop,
        available=available[0],
        models=hello.models,
        clock=clock,
        interfaces=hello.interfaces,
        identity=hello.node.identity,
    )


def _network(console: Console, places: Sequence[Place]) -> tuple[tuple[Announced, ...], str]:
    """Returns who announces itself in the network and is not named in config.toml; else why that is not known."""
    known = {urlsplit(place.url).hostname or "" for place in places if place.url}
    known |= {name.casefold() for place in places for name in (place.name, place.ssh.rpartition("@")[2])}
    try:
        heard = announced(console.environ)
    except NotAsked as error:
        return (), str(error)
    return tuple(
        one
        for one in heard
        if known.isdisjoint({one.address, one.host.casefold(), one.host.casefold().removesuffix(".local")})
    ), ""


def _heard_line(one: Announced) -> str:
    if one.kind == AGENT:
        return (
            f'found by mDNS: {one.name} at {one.url} runs "sparktop node": name it in config.toml with its token_file'
        )
    return (
        f'found by mDNS: {one.host} ({one.address}) takes ssh: "sparktop nodes {one.host}" tells if sparktop is there'
    )


def _heard_document(one: Announced) -> dict[str, Any]:
    """Nobody has tried whether it can be reached."""
    url = {"url": one.url} if one.kind == AGENT else {"ssh": one.host}
    return {"name": one.name, "reachable": None, "mdns": {"host": one.host, "address": one.address, **url}}


def _document(found: _Found) -> dict[str, Any]:
    document: dict[str, Any] = {"name": found.name, "reachable": not found.error}
    if found.node is None:
        return {**document, "error": found.error}
    return {
        **document,
        "node": msgspec.to_builtins(found.node),
        "memory_available": found.available,
        "models": msgspec.to_builtins(found.models),
        "interfaces": msgspec.to_builtins(found.interfaces),
        **({"sparktop": found.sparktop, "clock": dict(found.clock)} if found.sparktop else {}),
    }


def _links(found: Sequence[_Found]) -> Iterator[str]:
    """Says by which networks the nodes are connected, the best link first: a model could be split over it."""
    for one, other in combinations([each for each in found if not each.error], 2):
        those = links(one.interfaces, other.interfaces)
        if one.identity and one.identity == other.identity:
            yield f"{one_line(one.name)} - {one_line(other.name)}: the same machine, under two names"
        elif not those:
            yield (
                f"{one_line(one.name)} - {one_line(other.name)}: no link, for they have no IPv4 network in common "
                "on interfaces that are up"
            )
        for link in those:
            ends = (f"{end.address} ({one_line(end.name)})" for end in (link.here, link.there))
            speed = f"{link.speed * 8 / 1e9:.3g} Gb/s" if link.speed is not None else "speed unknown"
            rdma = "RDMA" if link.rdma else "no RDMA"
            yield f"{one_line(one.name)} - {one_line(other.name)}: {' - '.join(ends)}, {speed}, {rdma}"


def _row(found: _Found) -> list[str]:
    node = found.node
    assert node is not None
    return [
        one_line(found.name),
        one_line(node.machine or node.cpu) or "unknown",
        _gib(node.memory),
        _gib(found.available) if found.available is not None else "n/a",
        one_line(", ".join(node.gpus)) or "none",
        one_line(node.llama_cpp) or "none",
        f"±{found.clock['uncertainty_s'] * 1e3:.1f} ms" if found.clock else "here" if not found.sparktop else "n/a",
        str(len(found.models)) if found.sparktop else "",
    ]


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB" if size else "unknown"
