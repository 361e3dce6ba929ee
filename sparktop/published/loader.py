"""Reading the published results that come with sparktop: one TOML file for each document, and the catalogue."""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from sparktop.model.catalogue import CatalogueModel, Quantization
from sparktop.model.published import Evaluation, Published, PublishedSpeed, Source

FOLDER: Final = Path(__file__).resolve().parent

_CATALOGUE: Final = "catalogue.toml"
_FIGURES: Final = ("pp", "tg", "ceiling", "tok_s", "tpot_ms")
_FIGURES_BY_NAME: Final = ("mean_response_s", "response_s")

_Record = TypeVar("_Record")


class BadPublished(ValueError):
    """A file of published results is not as it should be; the message names it and says why."""


@cache
def load_published(folder: Path = FOLDER) -> Published:
    """Returns all published results and the catalogue; read once.

    Args:
        folder: Where the files are.

    Raises:
        BadPublished: A file can't be read, or says something that is not known.
    """
    catalogue = _read(folder / _CATALOGUE)
    models = _records(folder / _CATALOGUE, catalogue.get("models"), CatalogueModel)
    speeds: list[PublishedSpeed] = []
    evaluations: list[Evaluation] = []
    for path in sorted(folder.glob("*.toml"), key=_order):
        if path.name == _CATALOGUE:
            continue
        values = _read(path)
        source = _record(path, values.get("source"), Source)
        speeds += [
            _record(path, {**_figured(row), "source": values["source"]}, PublishedSpeed)
            for row in values.get("speeds", [])
        ]
        if "evaluation" in values:
            given = values["evaluation"]
            given["models"] = [_figured(row) for row in given["models"]]
            evaluations.append(_record(path, {"id": source.id, "source": values["source"], **given}, Evaluation))
    published = Published(
        models=tuple(models),
        quantizations=tuple(_records(folder / _CATALOGUE, catalogue.get("quantizations"), Quantization)),
        speeds=tuple(speeds),
        evaluations=tuple(evaluations),
    )
    _check(published)
    return published


def _order(path: Path) -> tuple[bool, str]:
    """The table of models first: it is what people ask for."""
    return not path.name.startswith("one-spark"), path.name


def _read(path: Path) -> dict[str, Any]:
    try:
        # Numbers as they are written: 58.10 has two digits after the point.
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise BadPublished(f"{path}: {error}") from error


def _figured(row: dict[str, Any]) -> dict[str, Any]:
    """Figures as records: 82.74 is one, and so is "~58"."""
    made = dict(row)
    for key in _FIGURES:
        if key in made:
            made[key] = _figure(made[key])
    for key in _FIGURES_BY_NAME:
        if key in made:
            made[key] = {name: _figure(value) for name, value in made[key].items()}
    return made


def _figure(value: Any) -> dict[str, Any]:
    text = str(value)
    try:
        number = Decimal(text.removeprefix("~"))
    except InvalidOperation:
        return {"value": value}  # refused with the rest of its record
    exponent = number.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return {"value": float(number), "about": text.startswith("~"), "decimals": decimals}


def _records(path: Path, rows: Any, cls: type[_Record]) -> list[_Record]:
    return [_record(path, row, cls) for row in rows or []]


def _record(path: Path, values: Any, cls: type[_Record]) -> _Record:
    try:
        return msgspec.convert(_plain(values), cls)
    except msgspec.ValidationError as error:
        named = values.get("id") or values.get("key") or values.get("name") if isinstance(values, dict) else ""
        raise BadPublished(f"{path}: {named or cls.__name__}: {error}") from error


def _plain(value: Any) -> Any:
    """Decimals as floats."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _check(published: Published) -> None:
    """Every row is of a model and a quantization that the catalogue has, and has an id of its own."""
    models = {model.key for model in published.models}
    quantizations = {quantization.name for quantization in published.quantizations}
    rows: set[str] = set()
    for row in published.speeds:
        if row.model not in models or row.quantization not in quantizations or row.id in rows:
            raise BadPublished(
                f"{row.source.id}: {row.id}: unknown model or quantization, or an id that is there twice"
            )
        rows.add(row.id)
    for evaluation in published.evaluations:
        if missing := {model.model for model in evaluation.models} - models:
            raise BadPublished(f"{evaluation.id}: unknown model: {', '.join(sorted(missing))}")
