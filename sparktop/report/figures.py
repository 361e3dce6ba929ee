"""The figures of a report, each with its noise, computed again from the requests.

Nothing is taken from a run's summary that follows from its requests, so that figures of runs of different versions, or
of a file that somebody edited, are still of one kind. Costs are taken as they are: they need all readings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sparktop.model import metrics
from sparktop.model.cost import TokenCost
from sparktop.model.decoding import row_roofline
from sparktop.model.document import RequestRecord
from sparktop.model.events import Finish, TokenSource
from sparktop.model.metrics import Stream
from sparktop.model.roofline import Roofline
from sparktop.model.scoring import Score, is_scored, score
from sparktop.model.snapshot import measured_record
from sparktop.model.summary import Summary, cells, prefill_speed, summarise
from sparktop.model.tiers import modelled_latency_ms
from sparktop.report.language import Language
from sparktop.report.rounding import Figure, mean_of, median_of, none, ratio_of
from sparktop.report.runs import Entrant, Part

Answers = dict[tuple[str, str], list["Answer"]]
"""Answers by contender's label and item, by repetition."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request for an item, and what its answer brought.

    Attributes:
        request: The request.
        score: The answer held against its item; None where it did not end, or nothing was asked for.
    """

    request: RequestRecord
    score: Score | None

    @property
    def ended(self) -> bool:
        """Whether it came to its natural end."""
        return self.request.finish in (Finish.STOP, Finish.LENGTH)


def answers_of(part: Part) -> Answers:
    """Returns every answer, scored by today's rule: runs that were kept by other versions may have another one."""
    found: Answers = {}
    for item in part.items:
        for entrant in part.entrants:
            found[entrant.label, item.id] = [
                Answer(
                    request,
                    score(item, request.answer)
                    if is_scored(item) and request.finish in (Finish.STOP, Finish.LENGTH)
                    else None,
                )
                for request in entrant.answers(item.id)
            ]
    return found


class Measurement:
    """The figures of one contender at one batch size."""

    def __init__(self, entrant: Entrant, batch: int, language: Language) -> None:
        """Takes the contender's requests of that batch size."""
        self.entrant = entrant
        self.batch = batch
        self._say = language.say
        records = [request for request in entrant.requests if request.batch == batch]
        self._measured = [measured_record(record) for record in records]
        self._done = [one for one in self._measured if one.completed]
        self._streams = [one.stream for one in self._done]
        self._cells = [[one.stream for one in cell] for cell in cells(self._measured)]
        sources = {record.tokens.source for record in records}
        self._guessed = TokenSource.CHUNKS in sources
        self.asked = len(records)
        self.completed = len(self._done)
        self.failed = sum(one.failed for one in self._measured)

    def _nothing(self, reason: str) -> str:
        return self._say("why.no-request") if not self._done else reason

    def _samples(self, metric: Callable[[Stream], float | None], reason: str, *, tokens: bool = False) -> Figure:
        found = [value for stream in self._streams if (value := metric(stream)) is not None]
        return median_of(found, self._nothing(reason), estimate=tokens and self._guessed)

    def _cell(self, metric: Callable[[Sequence[Stream]], float | None], reason: str, *, tokens: bool = False) -> Figure:
        found = [value for streams in self._cells if (value := metric(streams)) is not None]
        return median_of(found, self._nothing(reason), estimate=tokens and self._guessed)

    @cached_property
    def decode_tok_s(self) -> Figure:
        """Tokens per second of one stream."""
        return self._samples(metrics.decode_tok_s, self._say("why.too-few-tokens"), tokens=True)

    @cached_property
    def tpot_ms(self) -> Figure:
        """Milliseconds per output token."""
        return self._samples(metrics.tpot_ms, self._say("why.too-few-tokens"), tokens=True)

    @property
    def tpots_ms(self) -> list[float]:
        """TPOT of each answer."""
        return [tpot for stream in self._streams if (tpot := metrics.tpot_ms(stream)) is not None]

    @cached_property
    def ttft_ms(self) -> Figure:
        """Milliseconds to the first token."""
        return self._samples(metrics.ttft_ms, self._say("why.no-token"))

    @cached_property
    def ttfa_ms(self) -> Figure:
        """Milliseconds to the first token of the answer."""
        return self._samples(metrics.ttfa_ms, self._say("why.no-token"))

    @property
    def reasons_first(self) -> bool:
        """Whether any answer began with reasoning."""
        return any(stream.first_answer not in (0, None) for stream in self._streams)

    @cached_property
    def prefill_tok_s(self) -> Figure:
        """Prompt tokens read per second."""
        found = [prefill_speed(one) for one in self._done]
        known = [(value, estimated) for value, estimated in found if value is not None]
        reason = self._say("why.prompt-unknown")
        if any(one.prompt_tokens is not None for one in self._done):
            reason = self._say("why.prefill-too-short")
        return median_of(
            [value for value, _ in known], self._nothing(reason), estimate=any(estimated for _, estimated in known)
        )

    @cached_property
    def mean_response_s(self) -> Figure:
        """Mean seconds to the last token; its noise is that of repetitions, as questions differ by themselves."""
        by_repetition: dict[int, list[float]] = {}
        for one in self._done:
            if (response := metrics.e2e_ms(one.stream)) is not None:
                by_repetition.setdefault(one.repetition, []).append(response / 1e3)
        everything = [response for responses in by_repetition.values() for response in responses]
        whole = metrics.mean(everything)
        if whole is None:
            return none(self._nothing(self._say("why.no-token")))
        means = [sum(responses) / len(responses) for responses in by_repetition.values()]
        return Figure(value=whole, noise=mean_of(means, "").noise)

    @cached_property
    def answer_tokens(self) -> Figure:
        """Mean number of tokens of an answer."""
        counted = metrics.mean([float(stream.tokens) for stream in self._streams])
        if counted is None:
            return none(self._nothing(self._say("why.no-token")))
        # Counted, not measured.
        return Figure(value=counted, noise=0.0, estimate=self._guessed)

    @cached_property
    def total_s(self) -> Figure:
        """Seconds from the first request sent until the last token."""
        return self._cell(metrics.total_s, self._say("why.broken-batch"))

    @cached_property
    def qps(self) -> Figure:
        """Completed requests per second."""
        return self._cell(metrics.qps, self._say("why.broken-batch"))

    @cached_property
    def goodput(self) -> Figure:
        """Requests per second that met every objective of the scenario."""
        slo = self.entrant.run.snapshot.scenario.slo
        return self._cell(lambda streams: metrics.goodput(streams, slo), self._say("why.no-objectives"))

    @cached_property
    def aggregate_tok_s(self) -> Figure:
        """Tokens per second of all streams together."""
        return self._cell(metrics.aggregate_tok_s, self._say("why.broken-batch"), tokens=True)

    @cached_property
    def steady_tok_s(self) -> Figure:
        """Tokens per second while all streams decoded."""
        return self._cell(metrics.steady_tok_s, self._say("why.never-together"), tokens=True)

    @cached_property
    def latency_ms(self) -> Figure:
        """Milliseconds that 128 tokens take at this decode speed."""
        speed = self.decode_tok_s
        if not speed.value:
            return none(speed.reason)
        value = modelled_latency_ms(speed.value)
        noise = None if speed.noise is None else value * speed.noise / speed.value
        return Figure(value=value, noise=noise, estimate=speed.estimate)

    @cached_property
    def summary(self) -> Summary | None:
        """The row that follows from the requests; None without any."""
        return next(iter(summarise(self._measured)), None)

    @cached_property
    def stored(self) -> Summary | None:
        """The row that the run was kept with."""
        rows = self.entrant.run.snapshot.summary
        return next((row for row in rows if (row.contender, row.batch) == (self.entrant.name, self.batch)), None)

    @cached_property
    def roofline(self) -> Roofline | None:
        """Its decode speed held against its ceiling; None where it is not known what the model reads."""
        record = self.entrant.record
        if self.summary is None or record.footprint is None or record.ceilings is None:
            return None
        return row_roofline(self.summary, self._measured, record.footprint, record.ceilings)

    @property
    def together_tok_s(self) -> Figure:
        """Tokens per second of all streams while all decode: of one stream its own speed."""
        return self.decode_tok_s if self.batch == 1 else self.steady_tok_s

    def cost(self, field: str, *, prefill: bool = False) -> Figure:
        """Returns a field of `TokenCost`, with the reason in English where there is none."""
        row = self.stored
        cost = None if row is None else row.prefill_cost if prefill else row.decode_cost
        value = getattr(cost or TokenCost(), field)
        if value is None:
            return none(cost.notes.get(field, "") if cost is not None else self._say("why.not-counted"))
        return Figure(value=value)


def speedup_of(cell: Measurement, single: Measurement | None, language: Language) -> tuple[Figure, Figure]:
    """Returns how much more all streams get done than one alone, and that over the size of the batch."""
    if single is None:
        missing = none(language.say("why.no-single"))
        return missing, missing
    speedup = ratio_of(cell.aggregate_tok_s, single.aggregate_tok_s, language.say("why.no-single"))
    return speedup, speedup.scaled(1 / cell.batch)


def cells_of(entrant: Entrant, language: Language) -> list[Measurement]:
    """Returns a contender's figures at every batch size, the smallest first."""
    return [Measurement(entrant, batch, language) for batch in entrant.batches()]
