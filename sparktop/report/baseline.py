"""The baseline: how fast each contender is with one stream, or with the fewest that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sparktop.model.tiers import tier
from sparktop.report.document import Cell, Section
from sparktop.report.figures import Measurement
from sparktop.report.language import Language
from sparktop.report.rounding import Figure
from sparktop.report.runs import Part
from sparktop.report.tables import Better, Maker, Measure, Quantity, matrix

DECODE: Final = Quantity("decode_tok_s", 2, Better.HIGHER)
TPOT: Final = Quantity("tpot_ms", 2, Better.LOWER)
TTFT: Final = Quantity("ttft_ms", 1, Better.LOWER)
TTFA: Final = Quantity("ttfa_ms", 1, Better.LOWER)
PREFILL: Final = Quantity("prefill_tok_s", 2, Better.HIGHER)
RESPONSE: Final = Quantity("mean_response_s", 2, Better.LOWER)
LATENCY: Final = Quantity("latency_128_ms", 0, Better.LOWER)
TOKENS: Final = Quantity("answer_tokens", 0)

_FIGURES: Final[tuple[tuple[Quantity, Callable[[Measurement], Figure]], ...]] = (
    (DECODE, lambda cell: cell.decode_tok_s),
    (LATENCY, lambda cell: cell.latency_ms),
    (TPOT, lambda cell: cell.tpot_ms),
    (TTFT, lambda cell: cell.ttft_ms),
    (TTFA, lambda cell: cell.ttfa_ms),
    (PREFILL, lambda cell: cell.prefill_tok_s),
    (RESPONSE, lambda cell: cell.mean_response_s),
    (TOKENS, lambda cell: cell.answer_tokens),
)


def baseline(part: Part, first: list[Measurement], language: Language) -> Section | None:
    """Returns the baseline of a part; None where nothing was asked.

    Args:
        part: The part.
        first: Of each contender that was asked anything the figures at its smallest batch.
        language: The report's language.
    """
    if not first:
        return None
    say, maker = language.say, Maker(language)
    measures = []
    for quantity, figure in _FIGURES:
        if quantity is TTFA and not any(cell.reasons_first for cell in first):
            continue
        cells = maker.compared([figure(cell) for cell in first], quantity)
        measures.append(
            Measure(
                quantity.id,
                say(f"figure.{quantity.id}"),
                tuple(cells),
                comparable=quantity.better is not Better.NEITHER,
            )
        )
        if quantity is DECODE:
            tiers = tuple(tier_cell(cell, maker) for cell in first)
            measures.append(Measure("tier", say("figure.tier"), tiers))
    measures.append(Measure("requests", say("figure.requests"), tuple(requests_cell(cell, maker) for cell in first)))
    names = [cell.entrant.label for cell in first]
    table = matrix(
        maker, f"{part.id}.baseline", say("baseline.title"), names, measures, corner=say("figure"), best=True
    )
    return Section(id=f"{part.id}.baseline", title=say("baseline"), blocks=(table,))


def tier_cell(cell: Measurement, maker: Maker) -> Cell:
    """Returns the tier of a contender's decode speed, which is that of one stream."""
    speed = cell.decode_tok_s
    if speed.value is None:
        return maker.missing(speed.reason)
    if cell.batch > 1:
        return maker.missing(maker.language.say("why.tier-one-stream"))
    return Cell(text=maker.language.say(f"tier.{tier(speed.value).value}"))


def requests_cell(cell: Measurement, maker: Maker) -> Cell:
    """Returns how many requests were answered, and how many failed."""
    failed = maker.language.say("requests.failed", count=cell.failed) if cell.failed else ""
    return Cell(text=maker.language.with_remark(f"{cell.completed}/{cell.asked}", failed))
