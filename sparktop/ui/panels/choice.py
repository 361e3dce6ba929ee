"""The lines of the menu: what a scenario is, who a contender is, and what enter would do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario
from sparktop.runner.others import Away
from sparktop.scenarios.library import Entry
from sparktop.ui import work
from sparktop.ui.chrome import safe, sentence_rows, spread_out
from sparktop.ui.format import plural, size
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.ports import Verdict
from sparktop.ui.widgets.labels import cut, fit
from sparktop.ui.widgets.line_widget import SpanRow
from sparktop.ui.widgets.names import placed_name


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
    fits = fit_mark(verdict, signs)
    sign = f"{signs.on if chosen else signs.off} "
    toy = " toy" if contender.toy else ""
    large = f"  {size(contender.size or None):>7}  "
    if cell_len(sign) + wide + cell_len(large + fits[0] + toy) > room:
        large = "  "
    return Content.assemble(
        (sign, "bold $accent" if chosen else "$muted"),
        (fit(short_name(contender, wide), wide), "bold" if chosen else ""),
        (large, "$muted"),
        fits,
        (toy, "$muted"),
    )


def short_name(contender: Contender, wide: int) -> str:
    """A contender's name in so many cells: where it runs is kept, and the model gives way."""
    name = safe(contender.name)
    return placed_name(name, wide) if name.endswith(f"@{safe(contender.node)}") else cut(name, wide)


def fit_mark(verdict: Verdict | None, signs: Glyphs) -> tuple[str, str]:
    """Whether something fits, in a word, with its style; no verdict means that it is not known yet."""
    if verdict is None:
        return "checking" + signs.ellipsis, "$muted"
    if verdict.ok:
        return f"{signs.ok} fits", "$success"
    return f"{signs.failed} too big" if verdict.summed else f"{signs.failed} can't", "$error"


def away_option(away: Away, wide: int, room: int, signs: Glyphs) -> Content:
    """The line of a machine that is not connected to.

    Args:
        away: It.
        wide: Cells of the column of names.
        room: Cells of the whole line.
        signs: What this terminal can show.
    """
    if away.connecting_s is not None:
        sign, told, style = signs.working, f"connecting{signs.ellipsis} {away.connecting_s:.0f} s", "$warning"
    elif away.problem:
        sign, told, style = signs.failed, "not reached", "$error"
    else:
        sign, told, style = signs.dot, "not connected", "$muted"
    wide = max(4, min(wide, room - cell_len(f" {sign}    {told}")))
    return Content.assemble((f" {sign}  ", style), (fit(safe(away.name), wide), ""), "  ", (told, style))


def away_rows(away: Away, width: int) -> list[SpanRow]:
    """What is known of a machine that is not connected to."""
    rows: list[SpanRow] = [
        ((cut(safe(away.name), width), "value"),),
        ((cut(f"another machine, {safe(away.how)}", width), "label"),),
    ]
    if away.problem:
        return [*rows, (), *sentence_rows(safe(away.problem), width, "bad")]
    if away.connecting_s is not None:
        return [*rows, (), *sentence_rows("Esc stops connecting.", width, "muted")]
    return [*rows, (), *sentence_rows("Enter connects to it; what it can load is listed then.", width, "muted")]


def connecting_text(away: Sequence[Away], signs: Glyphs) -> str:
    """Whom is being connected to, and for how long; empty if nobody is."""
    those = [one for one in away if one.connecting_s is not None]
    if not those:
        return ""
    names = ", ".join(safe(one.name) for one in those)
    waited = max(one.connecting_s or 0.0 for one in those)
    return f"connecting to {names}{signs.ellipsis} {waited:.0f} s   esc stops it"


def about_rows(entry: Entry, options: Options, width: int, height: int) -> list[SpanRow]:
    """What a scenario is, and as many of its questions as there is room for; or what is wrong with its file."""
    scenario = entry.scenario
    if scenario is None:
        return [*sentence_rows(safe(entry.error), width, "bad"), (), *sentence_rows(str(entry.path), width, "muted")]
    rows: list[SpanRow] = [
        *sentence_rows(safe(scenario.description), width, ""),
        (),
        *sentence_rows(work.shape(scenario, options), width, "label"),
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
    return [*rows, *sentence_rows(safe(verdict.sentence), width, "" if verdict.ok else "bad")] if verdict else rows


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
