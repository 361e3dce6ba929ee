"""The lines of the menu: what a scenario is, who a contender is, and what enter would do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario
from sparktop.scenarios.library import Entry
from sparktop.ui import work
from sparktop.ui.chrome import safe, spread_out
from sparktop.ui.format import plural, size
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.ports import Verdict
from sparktop.ui.widgets.labels import cut, fit
from sparktop.ui.widgets.line_widget import SpanRow
from sparktop.ui.widgets.wrap import WrappedText


def contender_option(
    contender: Contender, chosen: bool, verdict: Verdict | None, wide: int, room: int, signs: Glyphs
) -> Content:
    """A contender's line in the list.

    What is told last would be cut off first, and whether it fits matters more than how large it is.

    Args:
        contender: The contender.
        chosen: Whether it is going to be asked.
        verdict: Whether it fits; None while that is not known.
        wide: Cells of the column of names.
        room: Cells of the whole line.
        signs: What this terminal can show.
    """
    if verdict is None:
        fits = ("checking" + signs.ellipsis, "$muted")
    elif verdict.ok:
        fits = (f"{signs.ok} fits", "$success")
    else:
        fits = (f"{signs.failed} too big", "$error")
    sign = f"{signs.on if chosen else signs.off} "
    toy = " toy" if contender.toy else ""
    large = f"  {size(contender.size or None):>7}  "
    if cell_len(sign) + wide + cell_len(large + fits[0] + toy) > room:
        large = "  "
    return Content.assemble(
        (sign, "bold $accent" if chosen else "$muted"),
        (fit(safe(contender.name), wide), "bold" if chosen else ""),
        (large, "$muted"),
        fits,
        (toy, "$muted"),
    )


def about_rows(entry: Entry, options: Options, width: int, height: int) -> list[SpanRow]:
    """What a scenario is, and as many of its questions as there is room for; or what is wrong with its file."""
    scenario = entry.scenario
    if scenario is None:
        return [*_wrap(safe(entry.error), width, "bad"), (), *_wrap(str(entry.path), width, "muted")]
    rows: list[SpanRow] = [
        *_wrap(safe(scenario.description), width, ""),
        (),
        *_wrap(work.shape(scenario, options), width, "label"),
    ]
    if scenario.items and len(rows) + 2 <= height:
        rows.append(())
        shown = scenario.items[: max(0, height - len(rows))]
        rows += [((fit(safe(i.id), 5), "muted"), (cut(safe(i.title or i.prompt), width - 5), "")) for i in shown]
    return rows


def fit_rows(contender: Contender, verdict: Verdict | None, width: int, signs: Glyphs) -> list[SpanRow]:
    """Who a contender is, and whether it fits."""
    toy = f" {signs.dot} a toy that comes with sparktop" if contender.toy else ""
    rows: list[SpanRow] = [
        ((cut(safe(contender.name), width), "value"),),
        ((cut(f"{safe(contender.engine)} on {safe(contender.node)}{toy}", width), "label"),),
        ((cut(safe(contender.url or contender.model), width), "muted"),),
    ]
    return [*rows, *_wrap(safe(verdict.sentence), width, "" if verdict.ok else "bad")] if verdict else rows


def enter_row(
    scenario: Scenario, contenders: Sequence[Contender], planned: int, options: Options, width: int, signs: Glyphs
) -> SpanRow:
    """What enter would do: how many requests, and in which order."""
    warm = ", warm-up included" if scenario.warmup else ""
    each = f"{planned // len(contenders)} {signs.times} {plural(len(contenders), 'contender')}{warm}"
    how = "one after another" if len({c.node for c in contenders}) == 1 else "on each machine one after another"
    if options.together:
        how = "together, so their figures are marked as contended"
    spans = [("Enter runs ", ""), (plural(planned, "request"), "value"), (f" ({each}), ", "muted")]
    return spread_out([*spans, (how, "muted"), (".", "muted")], [], width)


def _wrap(text: str, width: int, style: str) -> list[SpanRow]:
    wrapped = WrappedText(width)
    wrapped.append(text)
    return [((row.text, style),) for row in wrapped.rows]
