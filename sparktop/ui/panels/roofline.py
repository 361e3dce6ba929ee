"""How near to the memory's bandwidth a model decodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sparktop.model.live import live_roofline
from sparktop.model.roofline import Roofline, sentence
from sparktop.model.state import ContenderState, Phase, RunState
from sparktop.ui.chrome import Chrome, crop, glyphs_of, safe, whole
from sparktop.ui.format import NA, bandwidth, percent, speed
from sparktop.ui.panels.base import series_style
from sparktop.ui.run import Run
from sparktop.ui.widgets.line_widget import Span, SpanRow, merge_spans, row_width
from sparktop.ui.widgets.series import Reference

_SENTENCE: Final = re.compile(r"(.*? GB/s)(?:, (\d+ %)( of [^:;]+))?([:;] .+)?")
"""Rate, share, ceiling and judgement in `roofline.sentence`: some of it gives way where room is short."""

LEAST_BAR: Final = 12
"""Cells of a bar in which the band can be told from its surroundings."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The roofline of a contender, as it is shown.

    Attributes:
        name: The contender.
        style: Its style.
        found: The newest that has a speed; None before there was one.
        fresh: Whether it is of this moment: between two answers the last one stays in sight.
        why: Why there is none.
    """

    name: str
    style: str
    found: Roofline | None
    fresh: bool
    why: str


class RooflineGauge(Chrome):
    """A bar of bytes read per second against the memory's ceilings, and what is to be said of it."""

    def __init__(self) -> None:
        super().__init__(classes="roofline")
        self._last: dict[str, Roofline] = {}
        self._shown: list[Shown] = []

    @property
    def known(self) -> bool:
        """Whether there is anything better than a reason."""
        return any(one.found is not None for one in self._shown)

    @property
    def ceiling(self) -> Reference | None:
        """The ceiling in tokens per second, while one contender decodes."""
        fresh = [one.found for one in self._shown if one.fresh and one.found is not None]
        most = fresh[0].ceiling_tok_s if len(fresh) == 1 else None
        return Reference(most, f"ceiling {speed(most)} tok/s", "axis", in_scale=False) if most else None

    def show(self, run: Run, rows: int) -> None:
        """Draws the roofline as it is now.

        Args:
            run: The run.
            rows: Rows that there are for it; 0 hides it.
        """
        self._shown = self._look(run.state, run.now)
        needed = sum(1 + _has_bar(one.found) for one in self._shown)
        height = min(rows, needed) if rows > 1 else rows
        if self.display != (height > 0):
            self.display = height > 0
        if height and (self.styles.height is None or self.styles.height.value != height):
            self.styles.height = height
        self.repaint()

    def _look(self, state: RunState, now: float) -> list[Shown]:
        names = list(state.contenders)
        decoding = dict.fromkeys(r.queued.contender for r in state.active() if r.times)
        # Of those that rest, the one that ran last.
        resting = [name for name in names if state.contenders[name].phase in (Phase.READY, Phase.DONE)][-1:]
        shown = []
        for name in list(decoding) or resting or names[:1]:
            contender = state.contenders.get(name)
            if contender is None:
                continue
            found = live_roofline(state, contender, now) if name in decoding else None
            fresh = found is not None and found.achieved is not None
            if found is not None and fresh:
                self._last[name] = found
            why = "no speed yet" if found is not None else _why(contender, name in decoding)
            shown.append(Shown(safe(name), series_style(names.index(name)), self._last.get(name), fresh, why))
        return shown

    def build(self, width: int, height: int) -> list[SpanRow]:
        """Lays out the rows for a size; see `LineWidget.build`."""
        if height == 1:
            return [self._line(self._shown[0], width)] if self._shown else []
        rows: list[SpanRow] = []
        # Where there is no room for every bar, each contender's line is worth more than one's bar.
        bars = height >= sum(1 + _has_bar(one.found) for one in self._shown)
        for one in self._shown:
            if one.found is None:
                rows.append(self._line(one, width))
                continue
            if bars and _has_bar(one.found):
                rows.append(tuple(self._bar(one.found, one, width)))
            name: list[Span] = [(f"{one.name} ", one.style)] if len(self._shown) > 1 else []
            rows.append((*name, *self._words(one.found, one, width - row_width(name))))
        return rows[:height]

    def _line(self, one: Shown, width: int) -> SpanRow:
        if one.found is None:
            return tuple(crop([("roofline ", "label"), (NA, "warn"), (f" ({one.why})", "muted")], width))
        words = self._words(one.found, one, width)
        room = width - row_width(words) - 1
        if room < LEAST_BAR or not _has_bar(one.found):
            return tuple(words)
        return (*self._bar(one.found, one, room), (" ", ""), *words)

    def _bar(self, found: Roofline, one: Shown, width: int) -> list[Span]:
        """A gauge up to the highest ceiling, with the usual band and the ceiling that was measured."""
        ceilings = found.ceilings
        most = _highest(found)
        if most is None or found.achieved is None:
            return []
        ascii_only = glyphs_of(self.app).ascii
        heavy, light = ("=", "-") if ascii_only else ("━", "─")
        full = round(min(1.0, found.achieved / most) * width)
        style = one.style if one.fresh else "muted"
        cells: list[Span] = [(heavy, style)] * full + [(light, "track")] * (width - full)
        marks: list[tuple[float | None, str]] = []
        if ceilings.theoretical is not None:
            marks = [(share, sign) for share, sign in ((ceilings.low, "["), (ceilings.high, "]")) if share]
            marks.append((ceilings.measured / most if ceilings.measured else None, "|"))
        for share, sign in marks:
            if share is not None and share < 1:
                cells[min(width - 1, int(share * width))] = (sign, "value")
        return list(merge_spans(cells))

    def _words(self, found: Roofline, one: Shown, width: int) -> list[Span]:
        """What is to be said; where room is short, the amount of the ceiling gives way to the judgement."""
        match = _SENTENCE.fullmatch(sentence(found))
        rate, share, ceiling, rest = match.groups(default="") if match else (sentence(found), "", "", "")
        style = "value" if one.fresh else "muted"
        start: list[Span] = [("" if one.fresh else "last ", "muted"), (rate, style)]
        judged: list[Span] = [(rest, "" if one.fresh else "muted")] if rest else []
        short_of: list[Span] = [(f", {share}", style)] if share else []
        whole_of: list[Span] = [(f", {share}{ceiling}", style)] if share else []
        full = [*start, *whole_of, *judged]
        if row_width(full) > width:
            brief: list[Span] = [(text.partition(" (")[0], look) for text, look in judged]
            told = ([*short_of, *judged], [*short_of, *brief], short_of)
            return [*start, *next((some for some in told if row_width([*start, *some]) <= width), [])]
        more: list[list[Span]] = []
        if found.share_theoretical is not None and found.share_measured is not None:
            measured = f"; {percent(found.share_measured * 100)} of {bandwidth(found.ceilings.measured)} measured"
            more.append([(measured, "muted")])
        more.append([(f"; {found.bytes_per_token / 1e9:.3g} GB a token", "muted")])
        more += [[(f"; {safe(reason)}", "muted")] for reason in found.approximations]
        return whole([full, *more], width)


def _highest(found: Roofline) -> float | None:
    return max(filter(None, (found.ceilings.theoretical, found.ceilings.measured)), default=None)


def _has_bar(found: Roofline | None) -> bool:
    return found is not None and _highest(found) is not None


def _why(contender: ContenderState, decoding: bool) -> str:
    if contender.phase is Phase.FAILED:
        return "the contender failed"
    if contender.info is None:
        return "no model is loaded"
    if contender.footprint is None or contender.ceilings is None:
        return "bytes per token are not known"
    return "the length of a prompt is not known" if decoding else "nothing was decoded yet"
