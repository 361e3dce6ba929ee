"""One contender's way through a plan: load, warm up, ask, unload, see the memory come back.

A lane is a generator of conditions: it yields a function, and goes on when that returns true. The
session runs one lane after another or several side by side without a thread for each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sparktop.engines.gguf import BadModelFile
from sparktop.engines.protocol import Clock, Emit, Engine, Generation
from sparktop.model.events import (
    ContenderFailed,
    Finish,
    FootprintKnown,
    Notice,
    RequestDone,
    RequestFailed,
    RequestQueued,
    RequestSent,
    TokenSource,
)
from sparktop.model.records import Contender, ModelInfo
from sparktop.model.roofline import Ceilings
from sparktop.model.scenario import Item, Kind
from sparktop.model.shape import Footprint
from sparktop.model.state import Phase, RunState
from sparktop.nodes.ceilings import no_roofline
from sparktop.nodes.fit import Fit
from sparktop.nodes.orders import PATIENCE_S
from sparktop.runner.course import Condition, Course
from sparktop.runner.plan import RANDOM_ITEM, Plan, Wave
from sparktop.scenarios.pictures import BadPicture, data_uri

Examine = Callable[[ModelInfo], tuple[Footprint, Ceilings] | None]
"""Tells what a loaded model reads for each token, and how fast that can be read; None if that can't be told. Takes
less than a second, and no time at all once a machine is known. Raises BadModelFile where its file can't be read."""

_CANCEL_S: Final = 3.0
"""How long an engine may take to end its requests, or to go, before it is killed."""

_AWAY_S: Final = 0.5
"""The same where its machine can't be reached: it will hardly answer, and whoever cancels wants to be out."""

_UNLOAD_S: Final = 30.0
"""How long an engine may take to free a large model."""

_MEMORY_S: Final = 5.0
_MEMORY_SHARE: Final = 0.8
"""Memory counts as given back when this share of what the load took is there again."""

_NOTABLE: Final = 256 << 20
"""Below this many bytes, other programs' comings and goings hide what a load took."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the plan with its number."""

    number: int
    item: Item
    wave: Wave
    index: int


class Lane:
    """Runs one contender.

    Args:
        first: Number of its first request in the run.
        make_engine: Makes the engine, which loads nothing yet.
        assess: Does the sum of memory, when it is this contender's turn; None while another machine still does it.
        available: Bytes that can be had now; None if the machine doesn't tell.
        examine: Tells what the loaded model reads for each token.
        publish: Takes this lane's own events; they are in `state` when it returns.
        state: The run, kept up to date by the session.
        may_ask: Whether a loaded contender may begin: side by side, all begin together.
        away: Those of its machines that can't be reached now.
    """

    def __init__(
        self,
        plan: Plan,
        contender: Contender,
        *,
        first: int,
        make_engine: Callable[[], Engine],
        assess: Callable[[], Fit | None],
        available: Callable[[], int | None],
        examine: Examine,
        publish: Emit,
        state: RunState,
        clock: Clock,
        cancelled: Condition,
        may_ask: Condition = lambda: True,
        away: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self.contender = contender
        self._plan = plan
        self._make_engine = make_engine
        self._assess = assess
        self._available = available
        self._examine = examine
        self._publish = publish
        self._state = state
        self._clock = clock
        self._cancelled = cancelled
        self._may_ask = may_ask
        self._away = away
        self._fit: Fit | None = None
        self._hangs = False
        self._images: dict[str, str] = {}
        self._waves: list[list[Asked]] = []
        number = first
        for wave in plan.waves():
            asked = []
            for item in wave.items:
                asked.append(Asked(number, item, wave, number - first))
                number += 1
            self._waves.append(asked)
        self._requests = [asked for wave in self._waves for asked in wave]

    @property
    def after(self) -> int:
        """Number of the first request of the next lane."""
        return self._requests[-1].number + 1 if self._requests else 0

    def announce(self) -> None:
        """Publishes every request as queued."""
        for asked in self._requests:
            self._publish(
                RequestQueued(
                    t=self._clock(),
                    request=asked.number,
                    contender=self.contender.name,
                    item=asked.item.id,
                    repetition=asked.wave.repetition,
                    batch=asked.wave.batch,
                    prompt=asked.item.prompt,
                    max_tokens=self._plan.scenario.sampling.max_tokens,
                    warmup=asked.wave.warmup,
                )
            )

    def start(self) -> Course | None:
        """Sets out; None if it has arrived already."""
        steps = self._steps()
        condition = next(steps, None)
        return None if condition is None else Course(steps, condition)

    def _steps(self) -> Generator[Condition, None, None]:
        """The way; ends when the contender's memory is free again. Closed before, it leaves no process behind."""
        if not self._assessed():
            yield lambda: self._assessed() or self._cancelled()
        fit = self._fit
        if fit is None or self._cancelled():
            self._give_up()
            return
        if not fit.ok:
            self._publish(ContenderFailed(t=self._clock(), contender=self.contender.name, error=fit.sentence))
            self._give_up(fit.sentence)
            return
        try:
            # Before anything is timed: a large batch of pictures takes a while to read.
            self._images = {item.id: data_uri(item.image) for item in self._plan.scenario.items if item.image}
        except BadPicture as error:
            text = f"a picture of the scenario can't be sent: expected {error}"
            self._publish(ContenderFailed(t=self._clock(), contender=self.contender.name, error=text))
            self._give_up(text)
            return
        before = self._available()
        engine = self._make_engine()
        try:
            engine.open()
            yield lambda: self._phase not in (Phase.QUEUED, Phase.LOADING) or self._cancelled()
            if self._phase is Phase.READY:
                yield lambda: self._may_ask() or self._phase is Phase.FAILED or self._cancelled()
                self._tell_footprint()
                yield from self._ask(engine)
            self._give_up(self._state.contenders[self.contender.name].error)
            yield from self._leave(engine)
        finally:
            if not self._gone:
                engine.kill()
        if not self._cancelled():
            yield from self._see_memory_back(before, fit)

    def _assessed(self) -> bool:
        self._fit = self._fit or self._assess()
        return self._fit is not None

    @property
    def _phase(self) -> Phase:
        return self._state.contenders[self.contender.name].phase

    def _tell_footprint(self) -> None:
        """Says what the model reads for each token: before its first request, so that the live figures have it."""
        info = self._state.contenders[self.contender.name].info
        if info is None or self._phase is not Phase.READY or self._cancelled():
            return
        name = self.contender.name
        try:
            found = self._examine(info)
        except BadModelFile as error:
            self._publish(Notice(t=self._clock(), text=no_roofline(name, error)))
            return
        if found is not None:
            model, ceilings = found
            self._publish(FootprintKnown(t=self._clock(), contender=name, footprint=model, ceilings=ceilings))

    def _ask(self, engine: Engine) -> Iterator[Condition]:
        for wave in self._waves:
            if self._cancelled() or self._phase is Phase.FAILED:
                return
            generations = [self._generation(asked) for asked in wave]
            # Stamped and sent before it is told: telling a large batch would count as waiting.
            sent = self._clock()
            engine.submit(generations)
            for asked in wave:
                self._publish(RequestSent(t=sent, request=asked.number))
            yield partial(self._ended_or_cancelled, wave)
            if self._cancelled() and not self._ended(wave):
                engine.cancel()
                yield partial(self._ended_or_late, wave, self._clock())
                self._hangs = not self._ended(wave)

    def _generation(self, asked: Asked) -> Generation:
        scenario = self._plan.scenario
        return Generation(
            request=asked.number,
            prompt=asked.item.prompt,
            system=scenario.system,
            random_tokens=scenario.isl if asked.item is RANDOM_ITEM else 0,
            uncached=scenario.kind is not Kind.QUESTIONS,
            sampling=replace(scenario.sampling, seed=scenario.sampling.seed + asked.index),
            image=self._images.get(asked.item.id, ""),
        )

    def _ended(self, wave: Sequence[Asked]) -> bool:
        return all(self._state.requests[asked.number].ended is not None for asked in wave)

    def _ended_or_cancelled(self, wave: Sequence[Asked]) -> bool:
        return self._ended(wave) or self._cancelled()

    def _ended_or_late(self, wave: Sequence[Asked], since: float) -> bool:
        return self._ended(wave) or self._late(since)

    def _late(self, since: float) -> bool:
        """Whether an engine that was told to end has had its time."""
        patience = _UNLOAD_S if not self._cancelled() else _AWAY_S if self._away() else _CANCEL_S
        return self._clock() - since > patience

    def _give_up(self, error: str = "") -> None:
        """Ends the requests that never got their turn."""
        for asked in self._requests:
            if self._state.requests[asked.number].ended is not None:
                continue
            if error:
                self._publish(RequestFailed(t=self._clock(), request=asked.number, error=error))
                continue
            if not self._cancelled():
                continue
            self._publish(
                RequestDone(
                    t=self._clock(),
                    request=asked.number,
                    finish=Finish.CANCELLED,
                    prompt_tokens=None,
                    cached_tokens=None,
                    output_tokens=self._state.requests[asked.number].output_tokens,
                    prefill_ms=None,
                    token_source=TokenSource.TOKEN_IDS,
                )
            )

    def _leave(self, engine: Engine) -> Iterator[Condition]:
        if self._phase is Phase.FAILED:
            # It has said why, and was to go by itself; what hangs would hold its memory against the next one.
            engine.kill()
            return
        # What did not end its requests would not end itself either.
        if self._phase is Phase.READY and not self._hangs:
            engine.close()
            since = self._clock()
            yield lambda: self._gone or self._late(since)
        if not self._gone:
            if away := self._away():
                own_end = f"what ran there ends by itself, after {PATIENCE_S:.0f} s at most"
                self._publish(Notice(t=self._clock(), text=f"{' and '.join(away)} can't be reached: {own_end}"))
            engine.kill()
            yield lambda: self._gone

    @property
    def _gone(self) -> bool:
        return self._phase in (Phase.DONE, Phase.FAILED)

    def _see_memory_back(self, before: int | None, fit: Fit) -> Iterator[Condition]:
        """Waits until the next model would find the memory that this one found."""
        if before is None or fit.need < _NOTABLE:
            return
        enough = before - (1 - _MEMORY_SHARE) * fit.need
        deadline = self._clock() + _MEMORY_S
        yield lambda: (self._available() or 0) >= enough or self._cancelled() or self._clock() > deadline
        now = self._available()
        if now is not None and now < enough and not self._cancelled():
            self._publish(
                Notice(
                    t=self._clock(),
                    text=f"{(before - now) / (1 << 30):.1f} GiB of memory did not come back after"
                    f" {self.contender.name} was unloaded: what runs next is measured with less",
                )
            )
