"""A head that stood still: stopped, or starved of memory."""

from __future__ import annotations

import asyncio
import time

import pytest

from sparktop.model.events import Event
from sparktop.nodes.line import Line, Told
from sparktop.nodes.link import Link
from sparktop.nodes.place import Lost, Place
from sparktop.nodes.protocol import Pong

STOOD_S = 1.2


class Slept(Link):
    """A connection in which all is well, of a program that slept as it waited."""

    def __init__(self) -> None:
        super().__init__(Place(socket=None))
        self._slept = False

    async def receive(self, timeout: float) -> tuple[float, Pong] | None:
        if self._slept:
            raise Lost("the next frame was read")
        self._slept = True
        # The whole event loop, as SIGSTOP does; what came meanwhile is read after the time-out.
        time.sleep(STOOD_S)
        return None

    def abandon(self) -> None:
        raise AssertionError("it gave up a connection that was well")


def test_it_does_not_give_the_connection_up_and_what_runs_over_it() -> None:
    told: list[Event] = []
    taken: list[Told] = []
    line = Line("spark-2", told.append, time.monotonic())
    with pytest.raises(Lost, match="the next frame was read"):
        asyncio.run(line.read(Slept(), taken.append, lambda: STOOD_S / 2))
    assert told == []
