"""Two runs held against each other, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sparktop.headless.columns import Align, table
from sparktop.model.change_text import amount, label, share, span, verdict
from sparktop.model.changes import Verdict
from sparktop.model.comparison import Comparison, Row
from sparktop.model.text import one_line

_HEAD: Final = ["FIGURE", "BEFORE", "AFTER", "CHANGE", "RANGE", "VERDICT"]
_ALIGNS: Final = [Align.LEFT, *[Align.RIGHT] * 4, Align.LEFT]
_LEGEND: Final = (
    "BEFORE and AFTER are medians over what both runs did; CHANGE is the middle of the changes of the same",
    "question or batch, and RANGE where it lies. Where RANGE holds 0, chance explains it: within the spread.",
    "RANGE knows how much figures vary within the runs. What lasted through one of them (heat, another",
    "program) looks like a change of the model: repeat both before you blame it.",
)


def comparison_lines(found: Comparison, threshold: float) -> list[str]:
    """Returns what a person reads of a comparison.

    Args:
        found: The comparison.
        threshold: Share from which on something that got worse counts.
    """
    lines = [f"{one_line(found.title)}: {one_line(found.before.id)} -> {one_line(found.after.id)}", ""]
    batches = any(row.batch > 1 for row in found.rows)
    for row in found.rows:
        lines += [one_line(row.name) + (f", batch {row.batch}" if batches else ""), *_row(row, threshold), ""]
    lines += [*_LEGEND, ""]
    reasons = {
        f"{one_line(row.name)}{f', batch {row.batch}' if batches else ''}: {change.reason}"
        for row in found.rows
        for change in row.changes
        if change.verdict is Verdict.UNKNOWN
    }
    lines += _section("Not judged:", sorted(reasons))
    lines += _section("What speaks against comparing them:", found.cautions)
    lines += _section("What else changed:", found.differences)
    return [*lines, conclusion(found, threshold)]


def conclusion(found: Comparison, threshold: float) -> str:
    """Returns in one sentence whether anything got worse."""
    worse = found.worse(threshold)
    unjudged = f"; {found.unjudged} figures could not be judged" if found.unjudged else ""
    if not worse:
        return f"Nothing got worse by more than {threshold * 100:g} % and more than it varies{unjudged}."
    figures = "figure" if len(worse) == 1 else "figures"
    return f"{len(worse)} {figures} got worse by more than {threshold * 100:g} % and more than they vary{unjudged}."


def _row(row: Row, threshold: float) -> list[str]:
    cells = [
        [label(one), amount(one.before), amount(one.after), share(one), span(one), verdict(one, threshold)]
        for one in row.changes
    ]
    return table(_HEAD, _ALIGNS, cells)


def _section(head: str, sentences: tuple[str, ...] | list[str]) -> Iterator[str]:
    if sentences:
        yield head
        yield from (f"  {one_line(sentence)}" for sentence in sentences)
        yield ""
