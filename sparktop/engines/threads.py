"""How many processor threads an engine is given where a model has to run on the processor."""

from __future__ import annotations

import os
from typing import Final

import psutil

_TINY: Final = 64 << 20
"""Bytes of weights that one core reads in a few milliseconds."""


def processor_threads(size: int, together: int) -> int:
    """Returns the threads for one engine on this machine.

    One a core, since two on a core slow each other down; one alone for a tiny model, whose threads would wait for each
    other longer than they work.

    Args:
        size: Bytes of weights; 0 if unknown.
        together: Engines that run at once.
    """
    if 0 < size < _TINY:
        return 1
    cores = min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)))
    return max(1, cores // together)
