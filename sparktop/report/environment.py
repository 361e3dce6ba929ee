"""What the runs ran on: the runs themselves, the machines, the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from sparktop.model.document import ContenderRecord
from sparktop.model.events import Status
from sparktop.model.naming import quantization_of
from sparktop.model.records import Node
from sparktop.report.connections import machine_links
from sparktop.report.document import Align, Block, Cell, Column, Row, Section, Text, Tone
from sparktop.report.language import Language
from sparktop.report.runs import Part, Run
from sparktop.report.split import split_models
from sparktop.report.tables import Maker, name_column


def quantization(record: ContenderRecord) -> str:
    """Returns how a model's weights are kept, as its engine or its name says; empty if neither does."""
    told = record.info.description if record.info is not None else ""
    return quantization_of(record.contender.model, record.contender.name, told)


def environment(runs: tuple[Run, ...], parts: tuple[Part, ...], language: Language) -> Section:
    """Returns the section about runs, machines and models."""
    blocks: list[Block] = [_runs(runs, language)]
    blocks += _nodes(runs, language)
    blocks += machine_links(runs, language)
    blocks.append(_models(parts, language))
    blocks += split_models(parts, language)
    return Section(id="environment", title=language.say("environment"), blocks=tuple(blocks))


def _runs(runs: tuple[Run, ...], language: Language) -> Block:
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("run")),
        *(
            Column(id=key, title=say(f"run.{key}"), align=Align.LEFT)
            for key in ("scenario", "created", "status", "duration", "version", "id")
        ),
    ]
    rows = []
    for run in runs:
        one = run.snapshot
        status = language.known("status", one.status.value)
        rows.append(
            Row(
                id=run.label,
                cells=(
                    Cell(text=run.label),
                    Cell(text=language.with_remark(one.scenario.name, _changes(run, language))),
                    Cell(text=language.date(one.created)),
                    Cell(text=status if one.status is Status.COMPLETED else status.upper()),
                    Cell(text=language.duration(one.duration_s)),
                    Cell(text=one.sparktop),
                    Cell(text=one.id),
                ),
            )
        )
    return maker.table("runs", say("runs"), columns, rows)


def _changes(run: Run, language: Language) -> str:
    """What was chosen that is not the scenario's own."""
    options = run.snapshot.options
    said = [
        language.say(f"option.{name}", value=value)
        for name, value in (("limit", options.limit), ("max_tokens", options.max_tokens), ("seed", options.seed))
        if value
    ]
    if options.together:
        said.append(language.say("option.together"))
    return language.listed(said)


def _nodes(runs: tuple[Run, ...], language: Language) -> Iterator[Block]:
    say, maker = language.say, Maker(language)
    seen: dict[Node, list[str]] = {}
    for run in runs:
        for node in run.snapshot.nodes:
            seen.setdefault(node, []).append(run.label)
    if not seen:
        yield Text(text=say("nodes.none"), tone=Tone.NOTE)
        return
    several = len(runs) > 1
    columns = [
        name_column(say("node")),
        *(
            Column(id=key, title=say(f"node.{key}"), align=Align.LEFT)
            for key in ("machine", "gpu", "memory", "cpu", "os", "driver", "llama_cpp", *(("runs",) if several else ()))
        ),
    ]
    rows = [
        Row(
            id=node.name,
            cells=(
                Cell(text=node.name),
                Cell(text=node.machine or say("unknown")),
                Cell(text=language.listed(node.gpus) or say("node.no-gpu")),
                Cell(text=language.size(node.memory) if node.memory else say("unknown")),
                Cell(text=language.with_remark(node.cpu or say("unknown"), say("node.cores", count=node.cores))),
                Cell(text=node.os or say("unknown")),
                Cell(text=node.driver or say("none")),
                Cell(text=node.llama_cpp or say("none")),
                *((Cell(text=language.listed(labels)),) if several else ()),
            ),
        )
        for node, labels in seen.items()
    ]
    yield maker.table("nodes", say("nodes"), columns, rows)
    worst: dict[str, float] = {}
    for clock in (clock for run in runs for clock in run.snapshot.clocks):
        worst[clock.node] = max(worst.get(clock.node, 0.0), clock.uncertainty_s)
    if worst:
        known = (say("node.clock", node=name, ms=language.short(s * 1e3)) for name, s in worst.items())
        yield Text(text=say("node.clocks", clocks=language.listed(known)), tone=Tone.NOTE)


def _models(parts: tuple[Part, ...], language: Language) -> Block:
    say, maker = language.say, Maker(language)
    columns = [
        name_column(say("contender")),
        *(
            Column(id=key, title=say(f"model.{key}"), align=Align.LEFT)
            for key in ("file", "engine", "size", "parameters", "quantization", "context", "place", "load")
        ),
    ]
    rows: dict[tuple[str, ...], Row] = {}
    for part in parts:
        for entrant in part.entrants:
            rows.setdefault((entrant.label, *entrant.identity), _model(entrant.label, entrant.record, maker))
    return maker.table("models", say("models"), columns, rows.values())


def _model(label: str, record: ContenderRecord, maker: Maker) -> Row:
    language, contender, info = maker.language, record.contender, record.info
    say = language.say
    devices = language.listed(info.devices) if info is not None else ""
    size = contender.size or (info.size if info is not None else None)
    failed = maker.word(say("model.failed"), record.error or "") if record.error else None
    return Row(
        id=label,
        cells=(
            Cell(text=label),
            Cell(text=(contender.model or say("unknown")) if contender.url else PurePath(contender.model).name),
            Cell(text=language.with_remark(_engine(record), contender.url)),
            Cell(text=language.size(size) if size else say("unknown")),
            Cell(text=language.count(info.parameters) if info is not None and info.parameters else say("unknown")),
            Cell(text=quantization(record) or say("unknown")),
            Cell(text=f"{info.context:,}" if info is not None and info.context else say("unknown")),
            Cell(text=language.with_remark(language.listed(contender.node.split("+")), devices)),
            failed or Cell(text=say("span.load", s=f"{record.load_s:.2f}") if _loaded(record) else say("unknown")),
        ),
    )


def _engine(record: ContenderRecord) -> str:
    """What ran a model; of a server also which it is, as it says."""
    served = record.contender.url and record.info is not None
    return record.info.description if served and record.info is not None else record.contender.engine


def _loaded(record: ContenderRecord) -> bool:
    """Whether it was loaded for the run; a server had done so before."""
    return record.load_s is not None and not record.contender.url
