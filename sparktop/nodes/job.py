"""A model that a node runs for a head: an ordinary engine, whose events wait in a ring until the head has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from sparktop.engines.gguf import BadModelFile
from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.protocol import Clock, Engine, Generation
from sparktop.engines.worker_engine import Wiring
from sparktop.model.codec import encode
from sparktop.model.events import (
    ContenderFailed,
    Event,
    FootprintKnown,
    ModelReady,
    ModelUnloaded,
    Notice,
    RequestSent,
)
from sparktop.model.records import Node
from sparktop.nodes.ceilings import find_ceilings, find_footprint, no_roofline
from sparktop.nodes.orders import Load
from sparktop.nodes.ring import Feed, Ring

KEPT: Final = 64 << 20
"""Bytes of events that a job keeps for a head that is not there: minutes of many streams."""


class Job:
    """One engine.

    All methods are called in the agent's event loop.

    Args:
        order: What is to be loaded.
        path: The model's file.
        node: What this machine is, when that is asked.
        log: File of the engine's log.
        state: Folder of what was measured about this machine.
        clock: The agent's clock, in seconds.
        origin_ns: CLOCK_MONOTONIC at its 0.
        environ: Environment of the engine's process.
        threads: Processor threads for the engine.

    Attributes:
        feed: Its events.
        over: Its last event has come.
    """

    def __init__(
        self,
        order: Load,
        path: Path,
        *,
        node: Callable[[], Node],
        log: Path,
        state: Path,
        clock: Clock,
        origin_ns: int,
        environ: Mapping[str, str],
        threads: int,
    ) -> None:
        self.feed = Feed(Ring(KEPT))
        self.over = False
        self._contender = order.contender
        self._path = path
        self._node = node
        self._state = state
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._engine: Engine = LlamaEngine(
            Wiring(
                contender=order.contender,
                log=log,
                emit=self._emit,
                clock=clock,
                origin_ns=origin_ns,
                environ=environ,
            ),
            path=path,
            room=replace(order.room, threads=threads),
            split=order.split,
        )
        self._engine.open()

    def submit(self, generations: tuple[Generation, ...]) -> None:
        """Hands requests to the engine, and tells when."""
        sent = self._clock()
        self._engine.submit(generations)
        for generation in generations:
            self._take(RequestSent(t=sent, request=generation.request))

    def cancel(self) -> None:
        """Ends all requests."""
        self._engine.cancel()

    def close(self) -> None:
        """Unloads the model."""
        self._engine.close()

    def kill(self) -> None:
        """Ends the engine's process."""
        self._engine.kill()

    def _emit(self, event: Event) -> None:
        """Takes an event from the engine's own thread."""
        told = [event]
        if isinstance(event, ModelReady):
            # Before the head hears of it: its first request must not meet a measurement of the memory.
            told += self._examine(event)
        try:
            for one in told:
                self._loop.call_soon_threadsafe(self._take, one)
        except RuntimeError:
            # The loop has ended, and with it everybody who could be told.
            return

    def _examine(self, event: ModelReady) -> list[Event]:
        try:
            found = find_footprint(self._path)
            if found is None:
                return []
            ceilings = find_ceilings(self._node(), event.model, found, self._state)
        except BadModelFile as error:
            return [Notice(t=self._clock(), text=no_roofline(self._contender, error))]
        except Exception as error:  # a model that runs is measured, whatever is odd about its header
            return [Notice(t=self._clock(), text=f"the header of {self._contender} could not be examined: {error!r}")]
        return [FootprintKnown(t=self._clock(), contender=self._contender, footprint=found, ceilings=ceilings)]

    def _take(self, event: Event) -> None:
        self.feed.add(encode(event))
        self.over = self.over or isinstance(event, ContenderFailed | ModelUnloaded)
