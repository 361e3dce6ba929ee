"""Models that are split over machines: what each machine holds, and what goes between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sparktop.model.parts import LinkUse, SplitPart
from sparktop.report.document import Align, Block, Cell, Column, Row, Text, Tone
from sparktop.report.language import Language
from sparktop.report.runs import Part
from sparktop.report.tables import Maker, name_column

_HELD: Final = ("layers", "weights", "kv", "compute")
_SENT: Final = ("transport", "token", "waited", "rtt")


def split_models(parts: tuple[Part, ...], language: Language) -> Iterator[Block]:
    """Yields a table of the machines of every split contender, and what to expect of it; nothing where none is."""
    say, maker = language.say, Maker(language)
    rows: list[Row] = []
    for part in parts:
        for entrant in part.entrants:
            links = {link.node: link for link in entrant.record.links}
            for held in entrant.record.parts:
                told = _sent(links.get(held.node), held, maker)
                cells = (Cell(text=entrant.label), Cell(text=held.node), *_held(held, language), *told)
                rows.append(Row(id=f"{entrant.label} {held.node}", cells=cells))
    if not rows:
        return
    columns = [
        name_column(say("contender")),
        Column(id="node", title=say("node"), align=Align.LEFT),
        *(Column(id=key, title=say(f"split.{key}"), align=Align.RIGHT) for key in (*_HELD, *_SENT)),
    ]
    yield maker.table("split", say("split.title"), columns, rows)
    yield Text(text=say("split.slow"), tone=Tone.NOTE)


def _held(part: SplitPart, language: Language) -> list[Cell]:
    sizes = (part.weights, part.kv, part.compute)
    return [Cell(text=str(part.layers)), *(Cell(text=language.size(size)) for size in sizes)]


def _sent(link: LinkUse | None, part: SplitPart, maker: Maker) -> list[Cell]:
    """The cells of a machine's connection; the first machine has none, since the others connect to it."""
    language = maker.language
    say = language.say
    if link is None:
        why = say("split.unmeasured") if part.address else say("split.first")
        return [maker.missing(why) for _ in _SENT]
    per_token = link.bytes_per_token
    return [
        maker.word(link.transport, language.sentence(link.proof)),
        maker.missing(say("split.uncounted"))
        if per_token is None
        else Cell(text=f"{language.short(per_token / 1e3)} kB"),
        maker.missing(say("split.unknown", why=language.sentence(link.reason)))
        if link.waiting is None
        else Cell(text=language.percent(f"{link.waiting * 100:.0f}")),
        maker.missing(say("split.unmeasured"))
        if link.rtt_ms is None
        else Cell(text=f"{language.short(link.rtt_ms)} ms"),
    ]
