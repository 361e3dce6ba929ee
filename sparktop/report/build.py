"""Making the report of some runs: once, in one language, for every format."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model.document import Snapshot
from sparktop.model.published import Published
from sparktop.model.scenario import Kind
from sparktop.report.answers import question
from sparktop.report.bandwidth import bandwidth
from sparktop.report.baseline import baseline
from sparktop.report.charts import charts
from sparktop.report.comparison import comparison
from sparktop.report.document import Block, Listing, Report, Section, Text, Tone
from sparktop.report.environment import environment
from sparktop.report.figures import answers_of, cells_of
from sparktop.report.flat import figures_table
from sparktop.report.language import Lang, Language, language
from sparktop.report.overall import Counted, overall, part_title
from sparktop.report.questions import Questions, questions
from sparktop.report.ratings import ratings
from sparktop.report.runs import Part, label_runs, sort_into_parts
from sparktop.report.throughput import speeds, throughput
from sparktop.report.validity import headline, validity

_DEFINED = (
    *("decode_tok_s", "tier", "latency_128_ms", "tpot_ms", "ttft_ms", "prefill_tok_s", "mean_response_s"),
    *("total_s", "qps", "aggregate_tok_s", "steady_tok_s", "speedup", "efficiency", "roofline_share", "gpu_j"),
)
"""Figures that the glossary explains, in the order of the report."""


def build(
    snapshots: Sequence[Snapshot],
    lang: Lang,
    published: Published | None = None,
    *,
    full: bool = False,
) -> Report:
    """Returns the report of some runs.

    Args:
        snapshots: The runs, each of them sound (see `sparktop.report.sound`).
        lang: Its language.
        published: Results of others, to hold the runs against; None for none.
        full: Whether answers are quoted in full.

    Raises:
        ValueError: There are no runs.
    """
    if not snapshots:
        raise ValueError("a report needs a run")
    spoken = language(lang)
    say = spoken.say
    runs = label_runs(snapshots)
    parts = sort_into_parts(runs, say("toy"))
    counted = [
        Counted(
            part,
            answers_of(part),
            [cells for entrant in part.entrants if (cells := cells_of(entrant, spoken))],
        )
        for part in parts
    ]
    blocks: list[Block] = [Listing(items=tuple(headline(run, spoken) for run in runs))]
    if any(entrant.record.contender.toy for part in parts for entrant in part.entrants):
        blocks.append(Text(text=say("toys"), tone=Tone.NOTE))
    if len(parts) > 1:
        names = spoken.listed(part_title(part, spoken) for part in parts)
        blocks.append(Text(text=say("parts.apart", count=len(parts), names=names), tone=Tone.NOTE))
    names = spoken.listed(dict.fromkeys(part_title(part, spoken) for part in parts))
    return Report(
        language=lang.value,
        title=spoken.labelled(say("report"), names),
        runs=tuple(one.id for one in snapshots),
        blocks=tuple(blocks),
        sections=(
            overall(counted, spoken),
            environment(runs, parts, spoken),
            *(_part(one, spoken, published, full) for one in counted),
            validity(runs, spoken),
            _glossary(spoken),
        ),
        figures=figures_table(counted, spoken),
    )


def _part(one: Counted, spoken: Language, published: Published | None, full: bool) -> Section:
    part, say = one.part, spoken.say
    first = [cells[0] for cells in one.measured]
    sections = (
        # Where reading and writing are measured apart, their table holds all of the baseline.
        baseline(part, first, spoken) if part.kind is not Kind.PREFILL_DECODE else None,
        speeds(part, one.measured, spoken),
        throughput(part, one.measured, spoken),
        _questions(one, spoken, full=full) if part.kind is Kind.QUESTIONS else None,
        ratings(part, spoken),
        comparison(part, published, spoken) if published is not None else None,
        bandwidth(part, one.measured, spoken),
        charts(part, one.measured, spoken),
    )
    scenario = part.scenario
    about = [Text(text=spoken.sentence(scenario.description))] if scenario.description else []
    about += [Text(text=sentence, tone=Tone.NOTE) for sentence in _remarks(part, spoken)]
    if not one.measured:
        about.append(Text(text=say("part.nothing"), tone=Tone.FAULT))
    return Section(
        id=part.id,
        title=spoken.with_remark(part_title(part, spoken), scenario.name),
        blocks=tuple(about),
        sections=tuple(section for section in sections if section is not None),
    )


def _questions(one: Counted, spoken: Language, *, full: bool) -> Section:
    asked = Questions(one.part, one.answers, spoken)
    return Section(
        id=f"{one.part.id}.questions",
        title=spoken.say("questions"),
        blocks=questions(one.part, one.answers, spoken),
        sections=tuple(question(item, asked, full=full) for item in one.part.items),
    )


def _remarks(part: Part, spoken: Language) -> list[str]:
    said = []
    if len(part.runs) > 1:
        said.append(spoken.say("part.several", count=len(part.runs), names=spoken.listed(r.label for r in part.runs)))
        if len({run.snapshot.scenario.repetitions for run in part.runs}) > 1:
            said.append(spoken.say("part.repetitions"))
    if part.changed:
        said.append(spoken.say("part.changed", name=part.scenario.name))
    return said


def _glossary(spoken: Language) -> Section:
    say = spoken.say
    items = [Text(text=spoken.labelled(say(f"figure.{name}"), say(f"defined.{name}"))) for name in _DEFINED]
    return Section(
        id="definitions",
        title=say("definitions"),
        blocks=(Listing(items=tuple(items)), Text(text=say("rounding.rule")), Text(text=say("marks.rule"))),
    )
