"""Has a model judge the answers of a run that is over, on the runner's own engines."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import sparktop
from sparktop.model.events import (
    Event,
    Finish,
    ModelReady,
    RequestDone,
    RequestFailed,
    RunEnded,
    RunStarted,
    Status,
)
from sparktop.model.judging import Pairing, read_verdict
from sparktop.model.rating_events import Choice, Judged, JudgingBegan
from sparktop.model.state import RunState
from sparktop.nodes.local import describe_local
from sparktop.places import Places
from sparktop.runner.background import Background, Outcome
from sparktop.runner.engines import Engines
from sparktop.runner.fleet import Fleet
from sparktop.runner.lane import Lane
from sparktop.runner.plan import Plan
from sparktop.runner.split_fit import machines
from sparktop.runner.sums import Sums
from sparktop.store.rating_book import RatingBook


class JudgeSession(Background):
    """Asks a judge for its verdicts; each is in the run's files as soon as it came.

    It is driven as a run is, and its events tell of its own requests; nothing of it becomes a run.

    Args:
        plan: The judge, and what it is asked: one item for each of `pairs`.
        pairs: The answers that it compares.
        rubric: What it was told to look for.
        book: Where verdicts are kept.
        places: Where the engine's log goes.
        listen: Takes every event, from the session's thread.
        fleet: The other machines, on one or several of which the judge may be; they are let go with the session.
        environ: Environment of the engine.
        root: Where /proc and /sys are looked for.

    Attributes:
        judging: Number of what was kept; 0 as long as nothing was, as before the model is loaded.
    """

    def __init__(
        self,
        plan: Plan,
        pairs: Sequence[Pairing],
        rubric: str,
        book: RatingBook,
        places: Places,
        listen: Callable[[Event], None],
        *,
        fleet: Fleet | None = None,
        environ: Mapping[str, str] = os.environ,
        root: Path = Path("/"),
    ) -> None:
        super().__init__("judging")
        (self._judge,) = plan.contenders
        self._plan = plan
        self._pairs = pairs
        self._rubric = rubric
        self._book = book
        self._places = places
        self._listen = listen
        self._fleet = fleet if fleet is not None else Fleet()
        self._sums = Sums(plan, self._fleet, root / "proc")
        self._environ = environ
        self._root = root
        self._state = RunState()
        self.judging = 0

    def _conduct(self) -> Outcome:
        status = Status.FAILED
        try:
            self._fleet.connect()
            self._ask()
            status = Status.CANCELLED if self._cancel.is_set() else Status.COMPLETED
        except OSError as error:
            self._problem(f"a verdict can't be kept: {error.strerror or error}")
        except Exception as error:  # whatever it was, the verdicts that came are kept
            self._blame(error)
        finally:
            self._fleet.stop()
        self._publish(RunEnded(t=self._clock(), status=status))
        return Outcome(status, None, tuple(self._problems))

    def _ask(self) -> None:
        self._publish(
            RunStarted(
                t=0.0,
                id=f"{self._book.id}-judging",
                created="",
                sparktop=sparktop.__version__,
                scenario=self._plan.scenario,
                options=self._plan.options,
                nodes=(describe_local(self._root), *self._fleet.described),
                contenders=self._plan.contenders,
                planned=self._plan.planned,
            )
        )
        self._fleet.start(self._events.put, self._origin_ns / 1e9)
        lane = self._lane()
        lane.announce()
        course = lane.start()
        try:
            while course is not None:
                self._take_event()
                if not course.go_on():
                    course = None
        finally:
            if course is not None:
                course.close()
        while not self._events.empty():
            self._take_event()

    def _lane(self) -> Lane:
        engines = Engines(
            plan=self._plan,
            emit=self._events.put,
            clock=self._clock,
            origin_ns=self._origin_ns,
            environ=self._environ,
            fleet=self._fleet,
            shares=self._sums.shares,
        )
        return Lane(
            self._plan,
            self._judge,
            first=0,
            make_engine=partial(engines.make, self._judge, self._places.logs / f"{self._book.id}-judge.log"),
            assess=partial(self._sums.load, self._judge),
            available=lambda: None,
            examine=lambda info: None,
            publish=self._publish,
            state=self._state,
            clock=self._clock,
            cancelled=self._cancel.is_set,
            away=partial(self._fleet.away, machines(self._judge)),
        )

    def _take_event(self) -> None:
        event = self._next_event()
        if event is not None:
            self._publish(event)

    def _publish(self, event: Event) -> None:
        before = self._state.requests.get(event.request) if isinstance(event, RequestDone | RequestFailed) else None
        new = before is not None and before.ended is None and before.sent is not None
        self._state.apply(event)
        self._listen(event)
        if isinstance(event, ModelReady):
            self._begin()
        elif new and isinstance(event, RequestDone | RequestFailed):
            self._keep(event)

    def _begin(self) -> None:
        began = JudgingBegan(
            t=0.0,
            number=0,
            judge=self._judge,
            rubric=self._rubric,
            sampling=self._plan.scenario.sampling,
            planned=len(self._pairs),
            at="",
        )
        self.judging = self._book.add(began).number

    def _keep(self, event: RequestDone | RequestFailed) -> None:
        if isinstance(event, RequestDone) and event.finish is Finish.CANCELLED:
            return
        request = self._state.requests[event.request]
        pair = self._pairs[event.request]
        verdict: Choice | None = None
        if isinstance(event, RequestFailed):
            problem = event.error
        else:
            verdict, problem = read_verdict(request.answer, event.finish)
        self._book.add(
            Judged(
                t=0.0,
                number=0,
                judging=self.judging,
                item=pair.item.id,
                first=pair.first,
                second=pair.second,
                verdict=verdict,
                problem=problem,
                text=request.answer,
                reasoning=request.reasoning,
                at="",
            )
        )
