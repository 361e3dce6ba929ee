"""Which engine runs a contender, and how it is set up for a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psutil

from sparktop.engines.http.engine import HttpEngine
from sparktop.engines.llama.engine import LlamaEngine
from sparktop.engines.protocol import Clock, Emit, Engine
from sparktop.model.records import Contender
from sparktop.runner.plan import Plan

_TINY: Final = 64 << 20
"""Bytes of weights that one core reads in a few milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Makes the engines of a run.

    Attributes:
        plan: What is to run on them.
        emit: Takes their events, from any thread.
        clock: Seconds since the run began.
        origin_ns: CLOCK_MONOTONIC at t = 0 of that clock.
        environ: Environment of their processes; also holds the API keys that contenders name.
    """

    plan: Plan
    emit: Emit
    clock: Clock
    origin_ns: int
    environ: Mapping[str, str]

    def make(self, contender: Contender, log: Path) -> Engine:
        """Returns a contender's engine, which loads nothing yet."""
        options, room = self.plan.options, self.plan.room()
        common: dict[str, Any] = {
            "contender": contender.name,
            "log": log,
            "emit": self.emit,
            "clock": self.clock,
            "origin_ns": self.origin_ns,
            "environ": self.environ,
        }
        if contender.url:
            key = self.environ.get(contender.key_env, "") if contender.key_env else ""
            return HttpEngine(
                url=contender.url, model=contender.model, key=key, silence_s=options.silence_s, room=room, **common
            )
        together = len(self.plan.contenders) if options.together else 1
        room = replace(room, threads=_threads(contender, together))
        return LlamaEngine(path=Path(contender.model), room=room, **common)


def _threads(contender: Contender, together: int) -> int:
    """Processor threads for a contender, where it has to run on the processor.

    One a core, since two on a core slow each other down; one alone for a tiny model, whose threads
    would wait for each other longer than they work.
    """
    if 0 < contender.size < _TINY:
        return 1
    cores = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    return max(1, cores // together)
