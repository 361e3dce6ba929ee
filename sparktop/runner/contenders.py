"""From what a person types to who runs: names, paths of .gguf files, and addresses of servers."""

from __future__ import annotations

import difflib
import os
import platform
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from sparktop.engines.gguf import BadModelFile, read_header
from sparktop.model.codec import without_surrogates
from sparktop.model.records import Contender
from sparktop.model.text import one_line
from sparktop.resources import demo_dir
from sparktop.runner.named import BadContender, Named, read_named
from sparktop.runner.split_fit import AND

if TYPE_CHECKING:
    from sparktop.nodes.protocol import ModelFile

__all__ = [
    "DEMOS",
    "BadContender",
    "demo_contenders",
    "file_name",
    "is_elsewhere",
    "longer_name",
    "on_node",
    "placed",
    "resolve_contenders",
    "whereabouts",
]

DEMOS: Final = ("demo-base", "demo-sutra")
"""Names of the models that come with sparktop."""

_HOST_AND_PORT: Final = re.compile(r"^[\w.-]+:\d+(/v\d.*)?(#.*)?$")
_NODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,252}")
_MOST_NODES: Final = 16
"""GGML_RPC_MAX_SERVERS (ggml-rpc.h)."""

_VARIABLE: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_SPLIT: Final = re.compile(r"-\d{5}-of-\d{5}$")


def resolve_contenders(
    specs: Sequence[str],
    key_env: str = "",
    environ: Mapping[str, str] = os.environ,
    config: Path | None = None,
    elsewhere: Mapping[str, Sequence[ModelFile]] = MappingProxyType({}),
) -> tuple[Contender, ...]:
    """Returns the contenders of the specs; of none, both demo models.

    Names are made distinct: two files of the same name are told apart by their folder, and two models of the
    same name on servers by those.

    Args:
        specs: As a person types them.
        key_env: Name of the environment variable with the API key of those that are on servers; empty for none.
        environ: The environment that is meant.
        config: The person's config.toml, which may name contenders; None for none.
        elsewhere: What other machines can load, by the name of the machine.

    Raises:
        BadContender: A name that is no demo and no file, a file that is no GGUF, an address that is none, a key
            that is not there, or a configuration that is not understood.
    """
    if not specs:
        return demo_contenders()
    named = read_named(config) if config is not None else {}
    if key_env:
        _check_key(key_env, environ)
    found = [_find(spec, named, key_env, environ, elsewhere) for spec in specs]
    names = _distinct([(contender.name, longer_name(contender)) for contender in found])
    return tuple(replace(contender, name=name) for name, contender in zip(names, found, strict=True))


def placed(spec: str) -> tuple[str, str]:
    """Returns the model and the machine of MODEL@NODE; the machine is empty where the spec names none.

    Addresses are not placed, since their server is where it is, nor is a file that has an "@" in its own name, whether
    it is there or was meant to be.
    """
    model, at, node = spec.rpartition("@")
    if not at or not model or "://" in spec or not _NODE.fullmatch(node) or node.endswith(".gguf"):
        return spec, ""
    if os.path.exists(os.path.expanduser(spec)):
        return spec, ""
    return model, node


def _find(
    spec: str,
    named: Mapping[str, Named],
    key_env: str,
    environ: Mapping[str, str],
    elsewhere: Mapping[str, Sequence[ModelFile]],
) -> Contender:
    model, node = placed(spec)
    if AND in node:
        return _find_split(
            spec,
            model,
            node.split(AND),
            partial(_find, named=named, key_env=key_env, environ=environ, elsewhere=elsewhere),
            elsewhere,
        )
    if node in elsewhere:
        return _resolve_elsewhere(model, node, elsewhere[node])
    if node and node != platform.node():
        raise BadContender(f"{spec}: no node {node} is connected to")
    spec = model
    if spec in DEMOS or (known := named.get(spec)) is None:
        return _resolve_url(spec, key_env) if "://" in spec else _resolve(spec, named)
    if known.key_env:
        _check_key(known.key_env, environ)
    found = _resolve_url(known.spec, known.key_env) if "://" in known.spec else _resolve(known.spec, named)
    return replace(found, name=spec)


def _find_split(
    spec: str,
    model: str,
    nodes: Sequence[str],
    find: Callable[[str], Contender],
    elsewhere: Mapping[str, Sequence[ModelFile]],
) -> Contender:
    """The first machine has the model and runs it; the others lend their memory."""
    if not all(nodes):
        raise BadContender(f'{spec}: a machine is missing beside "{AND}": MODEL@NODE{AND}NODE')
    if unknown := [node for node in nodes if node not in elsewhere and node != platform.node()]:
        raise BadContender(f"{spec}: no node {unknown[0]} is connected to")
    if len(set(nodes)) < len(nodes):
        raise BadContender(f"{spec}: a model can't be split over a machine and itself")
    if len(nodes) > _MOST_NODES:
        raise BadContender(f"{spec}: llama.cpp splits a model over {_MOST_NODES} machines at most")
    try:
        found = find(f"{model}@{nodes[0]}")
    except BadContender as error:
        name = model.removesuffix(".gguf")
        here = platform.node() if os.path.isfile(os.path.expanduser(model)) else ""
        has_it = [
            node for node in nodes[1:] if node == here or any(one.name == name for one in elsewhere.get(node, ()))
        ]
        if not has_it:
            raise
        others = AND.join(node for node in nodes if node != has_it[0])
        raise BadContender(
            f"{spec}: {nodes[0]} does not have that model, and the first machine must: {model}@{has_it[0]}{AND}{others}"
        ) from error
    if found.url:
        raise BadContender(f"{spec}: a model on a server is split by that server, not by sparktop")
    return replace(found, node=AND.join(nodes))


def _resolve_elsewhere(model: str, node: str, models: Sequence[ModelFile]) -> Contender:
    wanted = model.removesuffix(".gguf")
    found = next((one for one in models if one.name in (model, wanted)), None)
    if found is None:
        names = [one.name for one in models]
        close = difflib.get_close_matches(wanted, names, n=1)
        hint = f"did you mean {close[0]}@{node}?" if close else f"it has {', '.join(names) or 'none'}"
        raise BadContender(f'{node} has no model "{model}" in the folders that its agent was started with: {hint}')
    return on_node(found, node)


def on_node(found: ModelFile, node: str) -> Contender:
    """Returns the contender of a model that another machine has."""
    return Contender(
        name=_short(found.name), engine="llama.cpp", model=found.name, node=node, size=found.size, toy=found.toy
    )


def file_name(model: str) -> str:
    """Returns what a model's file is called, here or elsewhere, without folder, ending and number of its part."""
    return _SPLIT.sub("", _short(model))


def is_elsewhere(contender: Contender) -> bool:
    """Whether another machine has a contender's model: there it has a name, here a path."""
    return not contender.url and not os.path.isabs(contender.model)


def longer_name(contender: Contender) -> str:
    """Returns a name that tells a contender from another one of the same name, which is somewhere else."""
    if is_elsewhere(contender) or AND in contender.node:
        return f"{contender.name}@{contender.node}"
    return f"{whereabouts(contender)}/{contender.name}"


def whereabouts(contender: Contender) -> str:
    """Returns what tells a contender from another of the same name: a file's folder, a server's address."""
    if contender.url:
        return urlsplit(contender.url).netloc
    folder: str = without_surrogates(Path(contender.model).parent.name)
    return folder


def _distinct(pairs: list[tuple[str, str]]) -> list[str]:
    """Names for (name, longer name) pairs: the name alone, else the longer one, else with a number.

    The only one of its name that is here keeps that: those on other machines have the machine in theirs.
    """
    everywhere = Counter(name for name, _ in pairs)
    here = Counter(name for name, long in pairs if not long.startswith(f"{name}@"))
    longer = [
        name if everywhere[name] == 1 or (here[name] == 1 and not long.startswith(f"{name}@")) else long
        for name, long in pairs
    ]
    names: list[str] = []
    for name in longer:
        number = next(n for n in count(1) if (name if n == 1 else f"{name} #{n}") not in names)
        names.append(name if number == 1 else f"{name} #{number}")
    return names


def demo_contenders() -> tuple[Contender, ...]:
    """The models that come with sparktop: demo-base and demo-sutra."""
    return tuple(_resolve(name) for name in DEMOS)


def _resolve(spec: str, named: Mapping[str, Named] | None = None) -> Contender:
    demo = spec in DEMOS
    try:
        path = demo_dir() / f"{spec}.gguf" if demo else Path(spec).expanduser().absolute()
    except RuntimeError:
        raise BadContender(f"{spec}: there is no such home folder; name the whole path") from None
    if (
        not demo
        and not os.path.exists(path)
        and path.suffix != ".gguf"
        and ("/" not in spec or _HOST_AND_PORT.match(spec))
    ):
        raise BadContender(_unknown(spec, (*(named or {}), *DEMOS)))
    try:
        header = read_header(path)
    except BadModelFile as error:
        raise BadContender(str(error)) from None
    # Events name contenders in JSON, which cannot hold what is no UTF-8 in the name of a file.
    name = spec if demo else without_surrogates(_SPLIT.sub("", path.name.removesuffix(".gguf")))
    return Contender(
        name=name, engine="llama.cpp", model=str(header.files[0]), node=platform.node(), size=header.size, toy=demo
    )


def _resolve_url(spec: str, key_env: str) -> Contender:
    try:
        parts = urlsplit(spec)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadContender(f"{one_line(spec)} is no address of a server: {error}") from None
    if parts.scheme not in ("http", "https") or not host or not spec.isprintable() or " " in spec:
        raise BadContender(f"{one_line(spec)} is no address of a server: it goes like http://HOST:PORT/v1#MODEL")
    if parts.username is not None or parts.query:
        what = "a user or password" if parts.username is not None else "a query"
        raise BadContender(
            f"the address of {host} must not hold {what}, as it is written into every run:"
            " put a key into an environment variable and name that by --api-key-env"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port is not None else ""
    model = unquote(parts.fragment)
    return Contender(
        name=without_surrogates(_short(model)) or netloc,
        engine="http",
        model=model,
        node=platform.node() if _is_here(host) else host,
        url=f"{parts.scheme}://{netloc}{parts.path.rstrip('/') or '/v1'}",
        key_env=key_env,
    )


def _short(model: str) -> str:
    """A model's name without the folder or the owner in front of it."""
    return model.rstrip("/").rpartition("/")[2].removesuffix(".gguf")


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1", platform.node().lower()) or host.startswith("127.")


def _check_key(name: str, environ: Mapping[str, str]) -> None:
    if not _VARIABLE.match(name):
        # Not repeated: it may be the key itself.
        raise BadContender("an API key is named by the environment variable that holds it, as in --api-key-env MY_KEY")
    key = environ.get(name)
    if not key:
        raise BadContender(f"the environment variable {name}, which is to hold the API key, is not set")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadContender(f"what the environment variable {name} holds can't be an API key")


def _unknown(spec: str, known: Sequence[str]) -> str:
    if _HOST_AND_PORT.match(spec):
        return f'no contender "{spec}": did you mean http://{spec}?'
    close = difflib.get_close_matches(spec, known, n=1)
    names = ", ".join(known)
    hint = f"did you mean {close[0]}?" if close else f"name {names}, the path of a .gguf file, or a server's address"
    return f'no contender "{spec}": {hint}'
