"""What a server guessed ahead, where its answers do not tell: its counters before and after.

They are of all requests together, so this holds only for requests that had the server to themselves: a batch that was
sent as one, from nothing under way to nothing under way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from sparktop.engines.http.client import Client, Reply
from sparktop.engines.http.failures import RequestLost

_PATIENCE_S: Final = 2.0
_LOOKS: Final = 4
_LATE_S: Final = 0.05
"""Some servers count an answer a moment after they have ended it."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a server had counted at some time.

    Attributes:
        steps: Steps that guessed ahead, of each request for itself.
        drafted: Tokens guessed ahead.
        accepted: Those of them that the model confirmed.
        finished: Requests that were answered.
        busy: Requests under way.
    """

    steps: float
    drafted: float
    accepted: float
    finished: float
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class Drafts:
    """What was guessed ahead for some requests; the fields are those of `RequestDone`."""

    drafted_tokens: int
    accepted_tokens: int
    draft_steps: int
    drafts_of: int


class _Book(Protocol):
    """Where a kind of server keeps these counters."""

    async def read(self, client: Client) -> Counters | None:
        """Returns them; None where it does not tell, or guesses nothing."""
        ...


class _Vllm:
    """vLLM's page of metrics (vllm/v1/metrics/loggers.py, vllm/v1/spec_decode/metrics.py): each step counts at once."""

    _NAMES: Final = (
        *("spec_decode_num_drafts_total", "spec_decode_num_draft_tokens_total"),
        *("spec_decode_num_accepted_tokens_total", "request_success_total"),
    )
    _BUSY: Final = ("num_requests_running", "num_requests_waiting")

    async def read(self, client: Client) -> Counters | None:
        """See `_Book`."""
        found = _totals(await _get(client, "/metrics"), "vllm", (*self._NAMES, *self._BUSY))
        if found is None or not set(self._NAMES) <= found.keys():
            return None
        steps, drafted, accepted, finished = (found[name] for name in self._NAMES)
        return Counters(steps, drafted, accepted, finished, sum(found.get(name, 0.0) for name in self._BUSY))


class _Sglang:
    """SGLang's page of metrics (python/sglang/srt/observability/metrics_collector.py): answers count when they end.

    It counts steps ("verify calls") and tokens. How many tokens a step guesses ahead is a setting, told by
    /server_info; drafted tokens are reckoned as SGLang does for its own rate (managers/tokenizer_manager.py). The first
    token of an answer comes from its prompt and from no step.
    """

    _NAMES: Final = ("spec_verify_calls_total", "generation_tokens_total", "num_requests_total")

    def __init__(self) -> None:
        self._guesses: int | None = None

    async def read(self, client: Client) -> Counters | None:
        """See `_Book`."""
        if self._guesses is None:
            self._guesses = await self._setting(client)
        if not self._guesses:
            return None
        found = _totals(await _get(client, "/metrics"), "sglang", self._NAMES)
        if found is None:
            return None
        # A counter that has counted nothing yet is not on the page.
        steps, generated, finished = (found.get(name, 0.0) for name in self._NAMES)
        return Counters(steps, steps * self._guesses, generated - finished - steps, finished)

    async def _setting(self, client: Client) -> int:
        for path in ("/server_info", "/get_server_info"):
            reply = await _get(client, path)
            try:
                document = msgspec.json.decode(reply.body) if reply is not None else None
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if isinstance(document, dict):
                drafted = document.get("speculative_num_draft_tokens")
                # One of them is the model's own.
                return drafted - 1 if document.get("speculative_algorithm") and isinstance(drafted, int) else 0
        return 0


_BOOKS: Final[Mapping[str, type[_Vllm | _Sglang]]] = {"vllm": _Vllm, "sglang": _Sglang}


class Speculation:
    """Looks at the counters of one server; no more, once it does not tell them.

    Args:
        counted: How the names of its counters begin; empty for a server that has none.
    """

    def __init__(self, client: Client, counted: str) -> None:
        self._client = client
        self._book: _Book | None = _BOOKS[counted]() if counted else None

    async def look(self) -> Counters | None:
        """Returns the counters; None where the server does not tell, or guesses nothing."""
        if self._book is None:
            return None
        found = await self._book.read(self._client)
        if found is None:
            self._book = None
        return found

    async def since(self, before: Counters, requests: int) -> Drafts | None:
        """Returns what was guessed ahead for the last requests; None where it may be for somebody else's as well.

        Args:
            before: The counters before these requests.
            requests: How many were answered since, all of them ours.
        """
        for _ in range(_LOOKS):
            after = await self.look()
            if after is None or after.finished - before.finished >= requests:
                break
            await asyncio.sleep(_LATE_S)
        # As many more answers as there were requests, and no other that might have been guessed for.
        if after is None or before.busy or after.busy or after.finished - before.finished != requests:
            return None
        steps, drafted = after.steps - before.steps, after.drafted - before.drafted
        accepted = after.accepted - before.accepted
        if not 0 <= accepted <= drafted or steps < 0:
            return None
        return Drafts(round(drafted), round(accepted), round(steps), requests)


class Round:
    """Requests that were sent together, with nothing else under way.

    Args:
        requests: How many.
    """

    def __init__(self, speculation: Speculation, requests: int) -> None:
        self._speculation = speculation
        self._requests = requests
        self._left = requests
        self._looking = asyncio.Lock()
        self._looked = False
        self._before: Counters | None = None
        self._spoilt = False

    async def begin(self) -> None:
        """Looks at the counters, before the first request goes out; each of them waits for it."""
        async with self._looking:
            if not self._looked:
                self._before = await self._speculation.look()
                self._looked = True

    def spoil(self) -> None:
        """Gives the round up: a request was not answered, or others came in between."""
        self._spoilt = True

    async def end(self) -> Drafts | None:
        """Notes that a request was answered; of the last one, returns what was guessed ahead for all."""
        self._left -= 1
        if self._left or self._spoilt or self._before is None:
            return None
        return await self._speculation.since(self._before, self._requests)


async def _get(client: Client, path: str) -> Reply | None:
    try:
        reply = await client.ask(client.root + path, patience_s=_PATIENCE_S)
    except RequestLost:
        return None
    return reply if reply.status == 200 else None


def _totals(reply: Reply | None, start: str, names: tuple[str, ...]) -> dict[str, float] | None:
    """Returns the sums of some metrics over all their labels; None where the page has nothing of this server's."""
    if reply is None or f"{start}:".encode() not in reply.body:
        return None
    pattern = rf"^{start}:({'|'.join(names)})(?:\{{.*\}})?[ \t]+([0-9.eE+]+)"
    totals: dict[str, float] = {}
    for name, value in re.findall(pattern.encode(), reply.body, re.MULTILINE):
        try:
            totals[name.decode()] = totals.get(name.decode(), 0.0) + float(value)
        except ValueError:
            return None
    return totals
