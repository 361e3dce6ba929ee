"""Who runs: loading, ready, done, or failed and why."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult

from sparktop.model import metrics
from sparktop.model.log_text import log_end
from sparktop.model.state import ContenderState, Phase, RunState
from sparktop.ui.chrome import Chrome, crop, glyphs_of, safe, whole
from sparktop.ui.format import NA, millis, seconds, size, speed
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.base import Panel, series_style
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import fit
from sparktop.ui.widgets.line_widget import Span, SpanRow
from sparktop.ui.widgets.wrap import WrappedText

BAR_CELLS = 12

WORDED_CELLS = 50
"""Where there is less room, the phase is told in the line below the figures."""

_PHASES = {Phase.QUEUED: "queued", Phase.FAILED: "failed", Phase.DONE: "done", Phase.READY: "running"}


class ContendersPanel(Panel):
    """The state of each contender.

    Args:
        logs: Folder of the engines' logs.
    """

    def __init__(self, logs: Path) -> None:
        super().__init__("contenders", "Contenders")
        self._logs = logs
        self._state: RunState | None = None

    def compose(self) -> ComposeResult:
        """Makes the lines."""
        yield Chrome(self._rows, id="contender-lines")

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        self._state = run.state
        self.query_one("#contender-lines", Chrome).repaint()

    def _rows(self, width: int, height: int) -> list[SpanRow]:
        if self._state is None:
            return []
        signs = glyphs_of(self.app)
        contenders = list(self._state.contenders.values())
        roomy = height >= 2 * len(contenders)
        wide = min(max((len(c.contender.name) for c in contenders), default=0), max(8, width // 3))
        rows: list[SpanRow] = []
        for index, contender in enumerate(contenders):
            worded = width >= WORDED_CELLS
            bar_cells = max(4, min(BAR_CELLS, width - wide - 18))
            groups = self._headline(contender, series_style(index), wide, signs, worded, bar_cells)
            rows.append(tuple(whole(groups, width)))
            if contender.phase is Phase.FAILED:
                # However long the reason is, those that come after stay in sight.
                room = height - len(rows) - (len(contenders) - index - 1)
                rows += self._failure(contender, width)[: max(1, room)]
            elif roomy:
                # The headline tells the phase where it has room to.
                told = worded or contender.phase in (Phase.LOADING, Phase.QUEUED)
                facts = ([] if told else [_PHASES[contender.phase]]) + self._details(contender)
                pieces = [[(("  " if at == 0 else ", ") + fact, "muted")] for at, fact in enumerate(facts)]
                rows.append(tuple(whole(pieces, width)))
        return rows[:height]

    def _headline(
        self, contender: ContenderState, style: str, wide: int, signs: Glyphs, worded: bool, bar_cells: int
    ) -> list[list[Span]]:
        sign, sign_style = {
            Phase.QUEUED: (signs.waiting, "muted"),
            Phase.FAILED: (signs.failed, "bad"),
            Phase.DONE: (signs.ok, "ok"),
        }.get(contender.phase, (signs.working, "key"))
        who: list[Span] = [(f"{sign} ", sign_style), (fit(safe(contender.contender.name), wide), style)]
        if contender.phase is Phase.LOADING:
            full = round(contender.fraction * bar_cells)
            bar = [(signs.full * full, style), (signs.empty * (bar_cells - full), "track")]
            return [who, [("  loading ", "key"), *bar], [(f" {contender.fraction:4.0%}", "value")]]
        word: list[Span] = [(f"  {_PHASES[contender.phase]:<7}", sign_style)]
        if contender.phase in (Phase.QUEUED, Phase.FAILED):
            return [who, word]
        return [who, *([word] if worded else []), *self._figures(contender)]

    def _figures(self, contender: ContenderState) -> list[list[Span]]:
        assert self._state
        requests = self._state.measured(contender.contender.name)
        done = sum(r.ended is not None for r in requests)
        streams = [r.stream for r in requests]
        decode = metrics.percentile([v for s in streams if (v := metrics.decode_tok_s(s)) is not None], 50)
        first = metrics.percentile([v for s in streams if (v := metrics.ttft_ms(s)) is not None], 50)
        return [
            [(f" {done:>3}/{len(requests)}", "value")],
            [(f" {speed(decode):>6}", "value"), (" tok/s", "muted")],
            [(f" {millis(first):>8}", "value"), (" TTFT", "muted")],
        ]

    def _details(self, contender: ContenderState) -> list[str]:
        placed = contender.contender
        # A name that says where it runs need not be told so twice.
        apart = self._state is not None and len(self._state.nodes) > 1 and not placed.name.endswith(f"@{placed.node}")
        facts = [f"on {safe(placed.node)}"] if apart else []
        facts += ["toy"] if placed.toy else []
        if contender.contender.url and (info := contender.info):
            # Nothing was loaded for the run, and what a server does not tell of its model is nothing to wait for.
            named = [safe(info.name)] if info.name and not info.name.endswith(contender.contender.name) else []
            facts += [*named, safe(info.description)]
            facts += [size(info.size)] if info.size is not None else []
            facts += [f"{info.context:,} context"] if info.context is not None else []
            return facts
        if info := contender.info:
            context = NA if info.context is None else f"{info.context:,}"
            facts += [safe(info.description), size(info.size), *map(safe, info.devices), f"{context} context"]
        else:
            facts += [size(contender.contender.size or None)]
        if contender.load_s is not None:
            facts.append(f"loaded in {seconds(contender.load_s)}")
        return facts

    def _failure(self, contender: ContenderState, width: int) -> list[SpanRow]:
        wrapped = WrappedText(max(8, width - 2))
        wrapped.append(safe(contender.error))
        rows: list[SpanRow] = [(("  ", ""), (row.text, "bad")) for row in wrapped.rows]
        last = "".join(log_end(contender.log, 1))
        # The reason names the log in most cases.
        where = "its log ends" if str(self._logs) in contender.error else f"log in {self._logs}"
        where += f': "{safe(last)}"' if last else ""
        return [*rows, tuple(crop([("  ", ""), (where, "muted")], width))]
