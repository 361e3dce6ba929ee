"""Can these figures be trusted? What speaks against each run, and what could not be judged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from sparktop.model.document import RequestRecord
from sparktop.model.snapshot import measured_record
from sparktop.model.summary import Summary, summarise
from sparktop.model.verdicts import Severity
from sparktop.report.document import Block, Listing, Section, Text, Tone
from sparktop.report.language import Language
from sparktop.report.runs import Run

_TONES: Final = {Severity.FAULT: Tone.FAULT, Severity.NOTE: Tone.NOTE, Severity.FINDING: Tone.PLAIN}

MOST_FAILURES: Final = 20
"""Kinds of failures that are listed; more are counted."""

_CHECKED: Final = ("total_s", "qps", "aggregate_tok_s", "mean_response_ms", "completed", "failed", "n")
_SPREADS: Final = ("decode_tok_s", "tpot_ms", "ttft_ms", "response_ms", "prefill_tok_s")


def validity(runs: tuple[Run, ...], language: Language) -> Section:
    """Returns the section about what is to be thought of the figures, run by run."""
    return Section(
        id="validity",
        title=language.say("validity"),
        blocks=(Text(text=language.say("validity.rule")),),
        sections=(*(_run(run, language) for run in runs), *_missing(runs, language)),
    )


def _missing(runs: tuple[Run, ...], language: Language) -> Iterator[Section]:
    """What could not be read, each thing once, with the runs where that was not so in all of them."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for reading in run.snapshot.missing:
            text = language.labelled(f"{reading.node} {reading.channel}", language.sentence(reading.reason))
            labels = found.setdefault(text, [])
            if run.label not in labels:
                labels.append(run.label)
    if found:
        items = tuple(
            Text(text=language.with_remark(text, language.listed(labels) if len(labels) < len(runs) else ""))
            for text, labels in found.items()
        )
        title = language.say("validity.missing")
        yield Section(id="validity.missing", title=title, blocks=(Listing(items=items),))


def headline(run: Run, language: Language) -> Text:
    """Returns whether a run is valid, in one sentence."""
    say = language.say
    if edited := disagreements(run):
        text = say("validity.edited", what=language.listed(edited))
        return Text(text=language.labelled(run.label, text), tone=Tone.FAULT)
    found = run.snapshot.validity
    # A file that was edited may say that it is valid and hold a fault.
    valid = found.valid and all(verdict.severity is not Severity.FAULT for verdict in found.verdicts)
    unjudged = len(found.unjudged)
    text = say("validity.valid" if valid else "validity.invalid")
    if unjudged:
        text = language.together([text, say("validity.unjudged", count=unjudged)])
    return Text(text=language.labelled(run.label, text), tone=Tone.GOOD if valid else Tone.FAULT)


def disagreements(run: Run) -> list[str]:
    """Returns which rows of a run's summary don't follow from its requests: the file was edited, or is damaged."""
    stored = {(row.contender, row.batch): row for row in run.snapshot.summary}
    rows = summarise((measured_record(request) for request in run.snapshot.requests), run.snapshot.scenario.slo)
    counted = {(row.contender, row.batch): row for row in rows}
    found = []
    for key in dict.fromkeys((*stored, *counted)):
        if key not in stored or key not in counted or not _same(stored[key], counted[key]):
            found.append(f"{key[0]} × {key[1]}")
    return found


def _same(stored: Summary, counted: Summary) -> bool:
    pairs = [(getattr(stored, name), getattr(counted, name)) for name in _CHECKED]
    if stored.goodput is not None:  # older versions did not count it
        pairs.append((stored.goodput, counted.goodput))
    pairs += [(getattr(stored, name).median, getattr(counted, name).median) for name in _SPREADS]
    return all(
        one == other or (one is not None and other is not None and math.isclose(one, other, rel_tol=1e-6))
        for one, other in pairs
    )


def _run(run: Run, language: Language) -> Section:
    say, one = language.say, run.snapshot
    blocks: list[Block] = [headline(run, language)]
    if one.validity.verdicts:
        blocks.append(
            Listing(
                items=tuple(
                    Text(
                        text=language.labelled(
                            f"{say(f'severity.{verdict.severity.value}')} · {language.known('code', verdict.code)}",
                            language.sentence(verdict.text),
                        ),
                        tone=_TONES[verdict.severity],
                    )
                    for verdict in one.validity.verdicts
                )
            )
        )
    blocks += _listing(
        say("validity.not-judged"),
        [
            language.labelled(language.known("code", finding.code), language.sentence(finding.reason))
            for finding in one.validity.unjudged
        ],
    )
    blocks += _listing(say("validity.failures"), _failures(run, language), Tone.FAULT)
    blocks += _listing(say("validity.notices"), [language.sentence(notice.text) for notice in one.notices])
    return Section(
        id=f"validity.{run.label}",
        title=language.with_remark(run.label, one.scenario.name),
        blocks=tuple(blocks),
    )


def _listing(title: str, texts: list[str], tone: Tone = Tone.PLAIN) -> Iterator[Block]:
    if texts:
        yield Text(text=title)
        yield Listing(items=tuple(Text(text=text, tone=tone) for text in texts))


def _failures(run: Run, language: Language) -> list[str]:
    """One line for each way in which requests failed, however many."""
    alike: dict[tuple[str, str], list[RequestRecord]] = {}
    for request in run.snapshot.requests:
        if request.error:
            alike.setdefault((request.contender, request.error), []).append(request)
    lines = []
    for (contender, error), requests in alike.items():
        more = language.say("failures.more", count=len(requests) - 1) if len(requests) > 1 else ""
        who = language.with_remark(f"{contender} {requests[0].item}", more)
        lines.append(language.labelled(who, language.sentence(error)))
    if len(lines) > MOST_FAILURES:
        rest = language.say("failures.others", count=len(lines) - MOST_FAILURES)
        return [*lines[:MOST_FAILURES], rest]
    return lines
