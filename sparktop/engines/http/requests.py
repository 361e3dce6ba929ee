"""Requests under way: each is sent on a connection of its own, read, and told of in events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import aiohttp

from sparktop.engines.http.answer import Answer
from sparktop.engines.http.client import Client
from sparktop.engines.http.detect import Served
from sparktop.engines.http.dialect import Body
from sparktop.engines.http.failures import Dropped, RequestLost, Unreachable, refused
from sparktop.engines.http.lateness import Lateness
from sparktop.engines.http.prompts import Prompts
from sparktop.engines.http.retry import TRIES, Again, retry_after, words
from sparktop.engines.http.speculation import Round, Speculation
from sparktop.engines.http.sse import EventParser, EventTooLong
from sparktop.engines.http.stamps import StampedSocket
from sparktop.engines.protocol import Clock, Generation
from sparktop.model.events import (
    Event,
    Finish,
    Notice,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    RequestSent,
    TokenSource,
)

_ENOUGH_S: Final = 3.0
"""How long the end of a stream is waited for once the answer is complete: usage comes after it."""

TICK_S: Final = 1 / 30
"""Least time between two groups of tokens of one stream."""

_DRAIN_S: Final = 0.2
_NOTICE_EVERY_S: Final = 5.0
_GONE: Final = 3
"""Requests that can't even connect, one after another, after which the server counts as gone."""


@dataclass(slots=True)
class _Live:
    """A request under way.

    Attributes:
        since: When something new came of it last; infinity while nothing is waited for.
        socket: Where its answer comes from.
        unread_ns: The longest that something of the answer lay in the kernel before it was read, or may have.
        joined: Lately several events were read as one: the stamp is the last one's.
        rtt_ms: Round trip to the server, in ms; None where the system does not tell.
        round: The requests that it was sent with; None where others were under way.
        given_up: Why it was given up; empty while it is not.
    """

    generation: Generation
    since: float
    answer: Answer | None = None
    socket: StampedSocket | None = None
    unread_ns: int = 0
    joined: bool = False
    rtt_ms: float | None = None
    round: Round | None = None
    given_up: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Requests:
    """Drives one model on one server.

    Args:
        contender: Name that notices carry.
        emit: Takes events.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        silence_s: Seconds without anything new after which a request is given up.
        gone: Called with a sentence when the server has gone away for good.
    """

    def __init__(
        self,
        client: Client,
        served: Served,
        *,
        contender: str,
        emit: Callable[..., None],
        clock: Clock,
        origin_ns: int,
        silence_s: float,
        gone: Callable[[str], None],
    ) -> None:
        self._client = client
        self._served = served
        self._contender = contender
        self._emit = emit
        self._clock = clock
        self._origin_ns = origin_ns
        self._silence_s = silence_s
        self._gone = gone
        self._prompts = Prompts(client, served, silence_s)
        self._speculation = Speculation(client, served.dialect.counts_drafts)
        self._lateness = Lateness(round(TICK_S * 1e9))
        self._late_ns = (0, 0)
        self._live: dict[int, _Live] = {}
        self._refused: frozenset[str] = frozenset()
        self._unreachable = 0
        self._noticed = float("-inf")

    def submit(self, generations: Sequence[Generation]) -> None:
        """Sends requests, all at once."""
        for live in self._live.values():
            if live.round is not None:
                live.round.spoil()
        together = Round(self._speculation, len(generations)) if not self._live else None
        for generation in generations:
            live = _Live(generation, since=float("inf"), round=together)
            self._live[generation.request] = live
            live.task = asyncio.create_task(self._run(live))

    @property
    def busy(self) -> bool:
        """Whether requests are under way."""
        return bool(self._live)

    async def cancel(self) -> None:
        """Ends all requests by closing their connections."""
        tasks = [live.task for live in self._live.values() if live.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for live in self._live.values():  # cancelled before they ran
            await self._end(live, Finish.CANCELLED)
        self._live.clear()

    def tick(self) -> None:
        """Tells what came since the last time, and gives up what is silent for too long."""
        now = self._clock()
        # What was read late is perhaps looked at only after this.
        self._late_ns = self._late_ns[1], self._lateness.look()
        events: list[Event] = []
        for live in list(self._live.values()):
            if live.joined:
                live.unread_ns = max(live.unread_ns, *self._late_ns)
                live.joined = False
            events += self._news(live, now)
            answer = live.answer
            complete = answer is not None and answer.finish is not None
            patience = min(_ENOUGH_S, self._silence_s) if complete else self._silence_s
            if now - live.since > patience and live.task is not None:
                if not complete:
                    what = "nothing more came" if answer is not None and answer.begun else "no token came"
                    live.given_up = f"{what} from {self._client.where} for {self._silence_s:g} s (--silence)"
                live.task.cancel()
        self._emit(*events)

    def _news(self, live: _Live, now: float) -> list[Event]:
        answer, request = live.answer, live.generation.request
        if answer is None:
            return []
        live.since = max(live.since, answer.moved) if live.since != float("inf") else live.since
        events: list[Event] = []
        if (progress := answer.progress) is not None:
            answer.progress = None
            live.since = now
            done, total, cached = progress.processed, progress.total, progress.cache
            events.append(PrefillProgress(t=round(now, 6), request=request, done=done, total=total, cached=cached))
        events += answer.drain(request, round(now, 6))
        return events

    async def _run(self, live: _Live) -> None:
        generation = live.generation
        try:
            body = await self._prompts.body(generation)
            if live.round is not None:
                await live.round.begin()
            finish = await self._converse(live, body)
            self._unreachable = 0
            await self._end(live, finish)
        except asyncio.CancelledError:
            complete = live.answer.finish if live.answer is not None else None
            if live.given_up:
                self._fail(live, live.given_up)
            else:
                await self._end(live, complete or Finish.CANCELLED)
        except RequestLost as error:
            self._fail(live, str(error))
            if isinstance(error, Unreachable):
                self._unreachable += 1
                if self._unreachable >= _GONE:
                    self._gone(str(error))
        finally:
            del self._live[generation.request]

    async def _converse(self, live: _Live, body: Body) -> Finish:
        """Sends a request, again if that may help, and reads its answer.

        Raises:
            RequestLost: There is no answer, or it is none.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return await self._attempt(live, body, attempt)
            except Again as again:
                if attempt == TRIES:
                    raise again.lost from None
                live.since = float("inf")
                if again.notice:
                    self._notice(f"{self._contender}: {again.notice}")
                await asyncio.sleep(again.wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, live: _Live, body: Body, attempt: int) -> Finish:
        """Sends a request and reads its answer.

        Raises:
            RequestLost: There is no answer, or it is none.
            Again: It should be sent again.
        """

        def sent(socket: StampedSocket | None) -> None:
            live.socket = socket
            live.since = self._clock()
            self._emit(RequestSent(t=round(live.since, 6), request=live.generation.request))

        fields = {name: value for name, value in body.fields.items() if name not in self._refused}
        try:
            async with self._client.stream(body.path, fields, sent) as response:
                live.rtt_ms = live.socket.rtt_ms() if live.socket is not None else None
                if response.status == 200 and "event-stream" in response.headers.get("Content-Type", ""):
                    return await self._read(live, response)
                reply = await self._client.reply(response)
                after = response.headers.get("Retry-After", "")
        except Dropped as error:
            if live.answer is None and attempt == 1:
                # Servers close connections that were not used for a while, at any moment.
                raise Again(error) from None
            raise
        lost = refused(reply.status, reply.kind, reply.body, self._client.where)
        if reply.status in (429, 503):
            wait = retry_after(after, attempt)
            raise Again(lost, wait, f"the server is busy (HTTP {reply.status}); asked again in {wait:g} s")
        if reply.status in (400, 422) and (strange := self._served.dialect.own_fields & words(str(lost))):
            self._refused |= strange
            named = ", ".join(sorted(strange))
            raise Again(lost, 0.0, f"the server does not know {named}; asked again without it")
        if reply.status == 200 and isinstance(reply.document, dict) and "choices" in reply.document:
            raise RequestLost(f"{self._client.where} does not stream: it sent its answer as one document")
        raise lost

    async def _read(self, live: _Live, response: aiohttp.ClientResponse) -> Finish:
        dialect = self._served.dialect
        answer = Answer(live.generation.sampling.max_tokens, dialect.counts_end, live.since)
        live.answer = answer
        parser = EventParser()
        content = response.content
        t = live.since
        try:
            while not answer.ended and (piece := await content.readany()):
                t = self._arrived(live)
                if messages := parser.feed(piece):
                    live.joined |= len(messages) > 1
                    answer.take(t, messages)
            if not answer.ended:
                answer.take(t, parser.finish())
        except EventTooLong:
            raise RequestLost(f"{self._client.where} sent a line that does not end") from None
        if answer.finish is None and not answer.ended:
            raise RequestLost(f"{self._client.where} ended the stream without saying why")
        if not content.at_eof():
            # What ends the body is nearly always here with the last event; then the connection can be used again.
            try:
                async with asyncio.timeout(_DRAIN_S):
                    await content.readany()
            except TimeoutError:
                pass
        return answer.finish or Finish.STOP

    def _arrived(self, live: _Live) -> float:
        """When the bytes that were read last arrived."""
        socket = live.socket
        ns = time.monotonic_ns()
        if socket is not None and socket.arrived_ns:
            ns = socket.arrived_ns
            live.unread_ns = max(live.unread_ns, socket.unread_ns)
        return round((ns - self._origin_ns) / 1e9, 6)

    async def _end(self, live: _Live, finish: Finish) -> None:
        answer, request = live.answer, live.generation.request
        now = round(self._clock(), 6)
        if live.round is not None and finish is Finish.CANCELLED:
            live.round.spoil()
        if answer is None:
            self._emit(
                RequestDone(
                    t=now,
                    request=request,
                    finish=finish,
                    prompt_tokens=None,
                    cached_tokens=None,
                    output_tokens=0,
                    prefill_ms=None,
                    token_source=TokenSource.CHUNKS,
                )
            )
            return
        answer.close()
        events = self._news(live, now)
        tokenized = None
        if answer.wants_count and finish is not Finish.CANCELLED:
            tokenized = await self._tokenized(answer.text)
        unread_ms = round(live.unread_ns / 1e6, 3) if live.unread_ns else None
        done = answer.done(request, finish, now, tokenized)
        if live.round is not None and (drafts := await live.round.end()) is not None:
            done = replace(done, **asdict(drafts))
        self._emit(*events, replace(done, unread_ms=unread_ms, rtt_ms=live.rtt_ms))

    async def _tokenized(self, text: str) -> int | None:
        try:
            tokens = await self._prompts.tokenize(text)
        except RequestLost:
            return None
        return len(tokens) if tokens is not None else None

    def _fail(self, live: _Live, error: str) -> None:
        now = round(self._clock(), 6)
        if live.round is not None:
            live.round.spoil()
        if live.answer is not None:
            live.answer.close()
        failed = RequestFailed(t=now, request=live.generation.request, error=self._client.clean(error))
        self._emit(*self._news(live, now), failed)

    def _notice(self, text: str) -> None:
        now = self._clock()
        if now - self._noticed >= _NOTICE_EVERY_S:
            self._noticed = now
            self._emit(Notice(t=round(now, 6), text=text))
