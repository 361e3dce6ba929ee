"""From a TOML file to a `Scenario`: every rule of the format, each with its own error."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from sparktop.model.scenario import (
    MAX_BATCH,
    Dimension,
    Item,
    Judge,
    Kind,
    Mode,
    Picture,
    Rating,
    Sampling,
    Scenario,
    Slo,
)
from sparktop.model.toml_lines import key_lines
from sparktop.scenarios.fields import BadScenario, Source, Table
from sparktop.scenarios.pictures import BadPicture, find_picture

MAX_BYTES: Final = 1_000_000
"""A larger file is no scenario but a mistake, such as a model named .toml."""

MAX_TOKENS: Final = 1_000_000
MAX_SEED: Final = 2**31 - 1
MAX_SLO_MS: Final = 86_400_000.0
"""A day."""

MAX_DIMENSIONS: Final = 8
"""More would not fit beside an answer, and nobody would rate them all."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_POSITION: Final = re.compile(r" \(at line (\d+), column (\d+)\)$")
_TOP_KEYS: Final = (
    *("title", "description", "kind", "system", "items", "sampling"),
    *("batches", "mode", "repetitions", "warmup", "isl", "osl", "rating", "judge", "slo"),
)
_SAMPLING_KEYS: Final = ("temperature", "top_k", "top_p", "seed", "max_tokens", "ignore_eos", "stop")
_DIMENSION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_ITEM_KEYS: Final = (
    "id",
    "prompt",
    "title",
    "category",
    "points",
    "ordered",
    "source",
    "source_names",
    "avoid",
    "image",
)
_ONLY_FOR: Final = {
    "batches": (Kind.BATCH,),
    "mode": (Kind.BATCH,),
    "isl": (Kind.PREFILL_DECODE,),
    "osl": (Kind.PREFILL_DECODE,),
    "items": (Kind.QUESTIONS, Kind.BATCH),
    "system": (Kind.QUESTIONS, Kind.BATCH),
    "rating": (Kind.QUESTIONS,),
    "judge": (Kind.QUESTIONS,),
}


def load_scenario(path: Path) -> Scenario:
    """Reads a scenario file.

    Args:
        path: The file; its name less ".toml" is the scenario's name.

    Raises:
        BadScenario: The file can't be read, is not TOML, or breaks a rule of the format.
    """
    name = path.stem
    if path.suffix != ".toml" or not _NAME.fullmatch(name):
        raise BadScenario(
            f"{path}: the file's name is the scenario's name;"
            ' expected lower-case letters, digits and dashes, then ".toml"'
        )
    text = _read(path)
    values = _parse(path, text)
    top = Table(Source(str(path), key_lines(text)), (), values)
    top.only(_TOP_KEYS, {"name": "unknown key; the scenario's name is the name of its file"})
    kind = top.choice("kind", Kind)
    for key, kinds in _ONLY_FOR.items():
        if key in top.values and kind not in kinds:
            meant = " or ".join(f'"{k}"' for k in kinds)
            raise top.error(key, f'only for kind = {meant}, and this scenario has kind = "{kind}"')
    prefill_decode = kind is Kind.PREFILL_DECODE
    # TPOT needs a second token, so an OSL of 1 would measure no decoding.
    osl = top.integer("osl", 2, MAX_TOKENS) if prefill_decode else 0
    return Scenario(
        name=name,
        title=top.text("title"),
        description=top.text("description", ""),
        kind=kind,
        system=top.text("system", "", lines=True),
        items=() if prefill_decode else _items(top, path.parent),
        sampling=_sampling(top.table("sampling"), kind, osl),
        batches=_batches(top) if kind is Kind.BATCH else (1,),
        mode=top.choice("mode", Mode, Mode.CONCURRENT),
        repetitions=top.integer("repetitions", 1, 1000, 1),
        warmup=top.integer("warmup", 0, 100, 0),
        isl=top.integer("isl", 1, MAX_TOKENS) if prefill_decode else 0,
        osl=osl,
        rating=_rating(top.table("rating")),
        judge=_judge(top.table("judge")),
        slo=_slo(top.table("slo")),
    )


def _read(path: Path) -> str:
    try:
        # Opening a pipe that nobody writes to would hang; the kind is known before the opening.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise BadScenario(f"{path}: expected a file, found {_file_kind(mode)}")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadScenario(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise BadScenario(f"{path}: expected at most {MAX_BYTES // 1_000_000} MB, found more; is this a scenario?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadScenario(
            f"{path}:{line}: expected UTF-8, found the byte 0x{data[error.start]:02x}; save the file as UTF-8"
        ) from error


def _file_kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise BadScenario(f"{path}: not TOML: nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python converts
        reason = str(error)
        if position := _POSITION.search(reason):
            place = f"{path}:{position[1]}:{position[2]}"
            reason = reason[: position.start()]
        else:
            place = f"{path}:{text.rstrip().count(chr(10)) + 1}" if "end of document" in reason else str(path)
        raise BadScenario(f"{place}: not TOML: {reason}") from error


def _sampling(table: Table, kind: Kind, osl: int) -> Sampling:
    table.only(_SAMPLING_KEYS)
    ignore_eos = table.flag("ignore_eos", kind is Kind.PREFILL_DECODE)
    if kind is Kind.QUESTIONS and ignore_eos:
        raise table.error("ignore_eos", 'not for kind = "questions": an answer ends where the model ends it')
    if kind is Kind.PREFILL_DECODE:
        if not ignore_eos:
            raise table.error(
                "ignore_eos", 'has to be true for kind = "prefill-decode": exactly osl tokens are decoded'
            )
        if "max_tokens" in table.values:
            raise table.error("max_tokens", 'not for kind = "prefill-decode": osl says how many tokens are decoded')
    # "\n\n" is a usual one.
    stop = table.texts("stop", blank=True)
    if ignore_eos and stop:
        raise table.error("stop", "contradicts ignore_eos = true: a request would end early all the same")
    default = Sampling()
    top_p = table.number("top_p", 0, 1, default.top_p)
    if top_p == 0:
        raise table.wrong("top_p", "a number above 0 and up to 1")
    return Sampling(
        temperature=table.number("temperature", 0, 10, default.temperature),
        top_k=table.integer("top_k", 0, 1_000_000, default.top_k),
        top_p=top_p,
        seed=table.integer("seed", 0, MAX_SEED, default.seed),
        max_tokens=osl or table.integer("max_tokens", 1, MAX_TOKENS, default.max_tokens),
        ignore_eos=ignore_eos,
        stop=stop,
    )


def _batches(top: Table) -> tuple[int, ...]:
    batches = top.integers("batches")
    if not all(1 <= batch <= MAX_BATCH for batch in batches):
        raise top.wrong("batches", f"whole numbers from 1 to {MAX_BATCH}")
    if batches != sorted(set(batches)):
        raise top.wrong("batches", "ascending numbers, each once")
    return tuple(batches)


def _items(top: Table, folder: Path) -> tuple[Item, ...]:
    tables = top.tables("items")
    if not tables:
        raise top.error("items", "missing; expected at least one question, under [[items]]")
    items: dict[str, Item] = {}
    for table in tables:
        item = _item(table, folder)
        if item.id in items:
            first = list(items).index(item.id)
            raise table.error("id", f'"{item.id}" is also the id of items[{first}]; expected an id of its own')
        items[item.id] = item
    return tuple(items.values())


def _item(table: Table, folder: Path) -> Item:
    table.only(_ITEM_KEYS)
    source = table.text("source", "")
    source_names, avoid = table.texts("source_names"), table.texts("avoid")
    for key, names in (("source", (source,)), ("source_names", source_names), ("avoid", avoid)):
        if any(mark in name for name in names for mark in "《》"):
            raise table.wrong(key, "the title alone, without 《》")
    if source_names and not source:
        raise table.error("source_names", "gives other names of the source, but there is no source")
    points = table.rows("points")
    ordered = table.flag("ordered", False)
    if ordered and not points:
        raise table.error("ordered", "says that the points are a chain, but there are no points")
    identity = table.text("id")
    if len(identity) > 32:
        raise table.wrong("id", "at most 32 characters")
    return Item(
        id=identity,
        prompt=table.text("prompt", lines=True),
        title=table.text("title", ""),
        category=table.text("category", ""),
        points=points,
        ordered=ordered,
        source=source,
        source_names=source_names,
        avoid=avoid,
        image=_image(table, folder) if "image" in table.values else None,
    )


def _image(table: Table, folder: Path) -> Picture:
    name = table.text("image")
    try:
        return find_picture(folder, name)
    except BadPicture as error:
        raise table.error("image", f"expected {error}") from error


def _rating(table: Table) -> Rating:
    table.only(("dimensions",))
    if not table.values:
        return Rating()
    tables = table.tables("dimensions")
    if not tables:
        raise table.error("dimensions", "missing; expected at least one, under [[rating.dimensions]]")
    if len(tables) > MAX_DIMENSIONS:
        raise table.error("dimensions", f"expected at most {MAX_DIMENSIONS}, found {len(tables)}")
    dimensions: dict[str, Dimension] = {}
    for one in tables:
        one.only(("id", "en", "zh"))
        identity = one.text("id")
        if not _DIMENSION.fullmatch(identity):
            raise one.wrong("id", "at most 32 lower-case letters, digits and dashes")
        if identity in dimensions:
            first = list(dimensions).index(identity)
            raise one.error("id", f'"{identity}" is also the id of dimensions[{first}]; expected an id of its own')
        dimensions[identity] = Dimension(
            id=identity, en=one.text("en", "") or identity, zh=one.text("zh", "") or one.text("en", "") or identity
        )
    return Rating(dimensions=tuple(dimensions.values()))


def _judge(table: Table) -> Judge:
    table.only(("rubric", "max_tokens"))
    default = Judge()
    rubric = table.text("rubric", default.rubric, lines=True)
    if not rubric.strip():
        raise table.wrong("rubric", "text that is not empty")
    return Judge(rubric=rubric, max_tokens=table.integer("max_tokens", 1, MAX_TOKENS, default.max_tokens))


def _slo(table: Table) -> Slo:
    names = ("ttft_ms", "tpot_ms", "response_ms")
    table.only(names)
    return Slo(**{name: _milliseconds(table, name) for name in names if name in table.values})


def _milliseconds(table: Table, key: str) -> float:
    value = table.number(key, 0, MAX_SLO_MS, 0.0)
    if value == 0:
        raise table.wrong(key, f"a number above 0 and up to {MAX_SLO_MS:g}")
    return value
