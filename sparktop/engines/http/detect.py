"""Which server this is, and which of its models is meant.

A server's list of models says who owns them, which tells the known ones apart; how much more it says
of itself is asked where that kind of server says it, and does without an answer.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from sparktop.engines.http.client import Client, Reply
from sparktop.engines.http.dialect import (
    DIALECTS,
    GENERIC,
    LLAMA_CPP_PYTHON,
    LLAMA_SERVER,
    OLLAMA,
    SGLANG,
    TENSORRT_LLM,
    VLLM,
    Dialect,
)
from sparktop.engines.http.failures import Dropped, NotHttp, RequestLost, Unreachable, refused, tidy, wants_tls
from sparktop.model.records import ModelInfo
from sparktop.model.servers import OLLAMA_ROOT, kind_of_models

_ENDPOINTS: Final = ("/chat/completions", "/completions", "/models")
"""What people copy with the address from an example."""

_LONGEST_NAME: Final = 512
"""Characters of a model's name; a longer one is no name."""

_NAMED: Final = 8
"""Models that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model on a server.

    Attributes:
        model: Its name, as requests give it.
        dialect: How the server is spoken to.
        info: What it says of the model.
    """

    model: str
    dialect: Dialect
    info: ModelInfo


class Loading(Exception):
    """The server is there and still loads its model."""


async def detect(client: Client, wanted: str) -> Served:
    """Finds out which server this is.

    Args:
        wanted: The model's name; empty if the server should have only one.

    Raises:
        Loading: It has to be asked again.
        RequestLost: It can't be reached, is no such server, or has no such model.
    """
    hint = ": is it https:// instead of http://?" if client.where.startswith("http:") else ""
    try:
        reply = await client.ask("/models")
    except (Dropped, NotHttp) as error:
        raise Unreachable(f"{error}{hint}") from None
    if hint and wants_tls(reply.status, reply.body):
        raise Unreachable(f"{client.where} speaks TLS{hint}")
    if reply.status == 503:
        raise Loading
    document = reply.document
    listed = document.get("data") if isinstance(document, dict) else None
    if reply.status != 200 and not (reply.status in (404, 405) and wanted and reply.document is not None):
        path = urlsplit(client.base).path
        asked = f"{client.where} (asked for its models at {path}/models)"
        lost = refused(reply.status, reply.kind, reply.body, asked)
        if reply.status == 404 and (end := next((end for end in _ENDPOINTS if path.endswith(end)), "")):
            lost = RequestLost(f"{lost}; name where the API begins, {client.base.removesuffix(end)}")
        raise lost
    if reply.status == 200 and not isinstance(listed, list):
        if document is None:
            raise (
                refused(200, reply.kind, reply.body, client.where)
                if reply.body.lstrip()[:1] == b"<"
                else RequestLost(
                    f"{client.where} answers with something that is not JSON: is this the address of its API?"
                )
            )
        raise RequestLost(f"{client.where} sends no list of models: is this the address of an OpenAI-compatible API?")
    models = [model for model in listed or () if isinstance(model, dict) and isinstance(model.get("id"), str)]
    model = _choose(models, wanted, client.where)
    dialect = await _dialect(client, reply, model)
    info = await _info(client, dialect, model)
    name = model["id"]
    if name.isprintable() and len(name) <= _LONGEST_NAME:
        info = replace(info, name=name)
    return Served(model=name, dialect=dialect, info=info)


def _choose(models: list[dict[str, Any]], wanted: str, where: str) -> dict[str, Any]:
    if not wanted:
        if len(models) == 1:
            return models[0]
        if not models:
            raise RequestLost(f"{where} serves no model, or does not list it: name it as URL#MODEL")
        raise RequestLost(
            f"{where} serves {len(models)} models: add one of them to the address, as in #{_names(models)}"
        )
    if not models:
        return {"id": wanted}
    exact = [model for model in models if wanted in (model["id"], *_strings(model.get("aliases")))]
    # llama-server calls a model by the path of its file.
    alike = [model for model in models if wanted in (PurePosixPath(model["id"]).name, PurePosixPath(model["id"]).stem)]
    if found := exact or alike:
        return found[0]
    close = difflib.get_close_matches(wanted, [model["id"] for model in models], n=1)
    hint = f"did you mean {tidy(close[0])}?" if close else f"it has {_names(models)}"
    raise RequestLost(f"{where} has no model {tidy(wanted)}: {hint}")


def _names(models: list[dict[str, Any]]) -> str:
    names = [tidy(model["id"]) for model in models[:_NAMED]]
    return ", ".join(names) + (", ..." if len(models) > _NAMED else "")


def _strings(value: Any) -> Iterable[str]:
    return (text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


async def _dialect(client: Client, reply: Reply, model: dict[str, Any]) -> Dialect:
    kind = kind_of_models({"data": [model]})
    if kind is not None:
        return DIALECTS[kind]
    if reply.server.lower().startswith("llama.cpp"):
        return LLAMA_SERVER
    if model.get("owned_by") == "me" and "permissions" in model:
        return LLAMA_CPP_PYTHON
    return OLLAMA if (await _get(client, "/")).startswith(OLLAMA_ROOT) else GENERIC


async def _info(client: Client, dialect: Dialect, model: dict[str, Any]) -> ModelInfo:
    info = ModelInfo(
        description=dialect.label,
        parameters=None,
        size=None,
        context=_count(model.get("max_model_len")),
        slots=None,
        vocabulary=None,
        layers=None,
        devices=(),
        chat_template=None,
    )
    if dialect is LLAMA_SERVER:
        return await _llama_server(client, info, model)
    if dialect in (VLLM, TENSORRT_LLM):
        return _versioned(info, await _peek(client, "/version"))
    if dialect is SGLANG:
        # /get_server_info is what releases before 0.5.4 call it.
        return _versioned(info, await _peek(client, "/server_info") or await _peek(client, "/get_server_info"))
    if dialect is OLLAMA:
        return await _ollama(client, info, model["id"])
    return info


async def _llama_server(client: Client, info: ModelInfo, model: dict[str, Any]) -> ModelInfo:
    meta = model.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    props = await _peek(client, "/props")
    props = props if isinstance(props, dict) else {}
    settings = props.get("default_generation_settings")
    build, kind = props.get("build_info"), meta.get("ftype")
    words = [info.description, *(tidy(word) for word in (build, kind) if isinstance(word, str))]
    return replace(
        info,
        description=" ".join(words),
        parameters=_count(meta.get("n_params")),
        size=_count(meta.get("size")),
        context=_count(settings.get("n_ctx") if isinstance(settings, dict) else meta.get("n_ctx")),
        slots=_count(props.get("total_slots")),
        vocabulary=_count(meta.get("n_vocab")),
        chat_template=bool(props["chat_template"]) if "chat_template" in props else None,
    )


async def _ollama(client: Client, info: ModelInfo, name: str) -> ModelInfo:
    info = _versioned(info, await _peek(client, "/api/version"))
    shown = await _peek(client, "/api/show", {"model": name})
    shown = shown if isinstance(shown, dict) else {}
    # The context that it was loaded with; what the model could have is more.
    running = await _peek(client, "/api/ps")
    loaded = running.get("models") if isinstance(running, dict) else None
    mine = [one for one in loaded or () if isinstance(one, dict) and one.get("name") == name]
    details, facts = shown.get("details"), shown.get("model_info")
    facts = facts if isinstance(facts, dict) else {}
    level = details.get("quantization_level") if isinstance(details, dict) else None
    blocks = next((value for key, value in facts.items() if key.endswith(".block_count")), None)
    return replace(
        info,
        description=f"{info.description} {tidy(level)}" if isinstance(level, str) else info.description,
        parameters=_count(facts.get("general.parameter_count")),
        layers=_count(blocks),
        context=_count(mine[0].get("context_length")) if mine else None,
        chat_template=bool(shown["template"]) if "template" in shown else None,
    )


def _versioned(info: ModelInfo, document: Any) -> ModelInfo:
    version = document.get("version") if isinstance(document, dict) else None
    return replace(info, description=f"{info.description} {tidy(version)}") if isinstance(version, str) else info


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53 else None


async def _peek(client: Client, path: str, fields: dict[str, Any] | None = None) -> Any:
    """Returns the JSON at a path behind the server's root; None if there is none."""
    try:
        return msgspec.json.decode(await _get(client, path, fields))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _get(client: Client, path: str, fields: dict[str, Any] | None = None) -> bytes:
    """Returns what is at a path behind the server's root; nothing if the server does not give it."""
    try:
        reply = await client.ask(client.root + path, fields)
    except RequestLost:
        return b""
    return reply.body if reply.status == 200 else b""
