"""Asks a server through the HTTP engine's own parts, in this process: quicker than a worker for each question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sparktop.engines.http.client import Client
from sparktop.engines.http.detect import detect
from sparktop.engines.http.requests import Requests
from sparktop.engines.protocol import Generation
from sparktop.model.events import Event
from tests.engines.conftest import Heard


async def asked(
    url: str,
    *generations: Generation,
    model: str = "",
    asked_for: str = "",
    key: str = "",
    silence_s: float = 20,
    meanwhile: Callable[[Requests, Heard], Awaitable[None]] | None = None,
) -> Heard:
    """Finds the model, sends the requests at once, and returns what was told when all have ended.

    Args:
        asked_for: Name of the model in the requests, where it is not the one that was found: the server of known
            truth takes options there.
        meanwhile: Something to do while they are under way.
    """
    origin = time.monotonic_ns()
    heard = Heard(origin_ns=origin)
    gone: list[str] = []

    def clock() -> float:
        return (time.monotonic_ns() - origin) / 1e9

    def emit(*events: Event) -> None:
        heard.seen.extend(events)

    async with Client(url, key) as client:
        served = await detect(client, model)
        requests = Requests(
            client,
            replace(served, model=asked_for or served.model),
            contender="served",
            emit=emit,
            clock=clock,
            origin_ns=origin,
            silence_s=silence_s,
            gone=gone.append,
        )
        requests.submit(generations)
        if meanwhile is not None:
            await meanwhile(requests, heard)
        while requests.busy:
            await asyncio.sleep(0.02)
            requests.tick()
        await requests.cancel()
    return heard
