"""When an app has nothing left to do, as its event loop tells.

Textual's pilot guesses: it sleeps for 20 ms, twice for each key, until less than 1 ms of processor time goes by
meanwhile. That is slow where nothing is left to do, and wrong where the machine is busy with something else.
"""

from __future__ import annotations

import asyncio
import threading
from time import monotonic

from textual._context import active_app

FRAME_S = 1 / 60 + 0.001
"""What an app puts off until the next frame is done within so long; it has nothing to do if no timer ends in that."""

THREADS_S = 0.5
"""How long threads are waited for; one may hang, which is what some tests are about."""


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 10.0) -> None:
    """Waits until no task of the loop can run, no timer ends soon, and no thread works for the app.

    Args:
        min_sleep: As of Textual's function of this name, in whose place it stands; it is not needed.
        max_sleep: How long it waits at most, in seconds: a machine may be busy with something else.
    """
    loop = asyncio.get_running_loop()
    began = monotonic()
    calm = 0
    # What comes from outside is looked at in between, so that once is not enough.
    while calm < 3 and (elapsed := monotonic() - began) < max_sleep:
        await asyncio.sleep(0)
        timers = (handle.when() for handle in loop._scheduled if not handle.cancelled())  # type: ignore[attr-defined]
        due_s = min(timers, default=float("inf")) - loop.time()
        if loop._ready:  # type: ignore[attr-defined]
            calm = 0
        elif due_s < FRAME_S and not active_app.get()._exit:
            # An app that has ended paints no more, and a screen that still wants to asks at every frame.
            calm = 0
            await asyncio.sleep(max(0.0, due_s))
        elif elapsed < THREADS_S and _works():
            calm = 0
            await asyncio.sleep(0.001)
        else:
            calm += 1


def _works() -> bool:
    """Whether a thread works for the app: one of its workers, or the one that ends it."""
    if any(not worker.is_finished for worker in active_app.get().workers):
        return True
    return any(thread.name == "leave" for thread in threading.enumerate())
