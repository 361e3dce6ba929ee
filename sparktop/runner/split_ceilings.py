"""How fast a model that is split over machines can be read: by what each of them holds, and its own bandwidth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from sparktop.model.parts import SplitPart
from sparktop.model.roofline import Ceilings, layer_split
from sparktop.model.state import RunState
from sparktop.nodes.ceilings import LEAST, TOO_FEW, find_lent
from sparktop.runner.fleet import Fleet


def of_contender(run: RunState, name: str, first: Ceilings, fleet: Fleet, state: Path, root: Path) -> Ceilings:
    """Returns the ceilings of a contender's machines together.

    Args:
        run: The run so far.
        name: The contender.
        first: The ceilings of the machine that runs its engine.
        fleet: The other machines.
        state: Folder that this machine's measurement is kept in.
        root: Folder that holds proc and etc.
    """
    contender, started = run.contenders.get(name), run.started
    if contender is None or started is None:
        return first

    def lent(node: str) -> Ceilings | None:
        if node in fleet:
            return fleet.ceilings(node)
        return find_lent(started.nodes[0], contender.contender.size, state, root)

    return of_all(contender.parts, first, lent)


def of_all(parts: Sequence[SplitPart], first: Ceilings, lent: Callable[[str], Ceilings | None]) -> Ceilings:
    """Returns the ceilings of all machines together.

    Args:
        parts: What each machine holds; fewer than two where the model is whole.
        first: The ceilings of the first one, which runs the engine.
        lent: Returns those of another one by its name; None if it did not tell.
    """
    if len(parts) < 2:
        return first
    owns = [first, *(lent(part.node) for part in parts[1:])]
    return layer_split(
        [(part.node, float(part.weights), _of_part(part, own)) for part, own in zip(parts, owns, strict=True)]
    )


def _of_part(part: SplitPart, own: Ceilings | None) -> Ceilings:
    if own is None:
        return Ceilings(theoretical=None, measured=None, source="it did not tell how fast its memory is")
    if own.theoretical is None and part.weights < LEAST:
        return Ceilings(theoretical=None, measured=None, source=TOO_FEW)
    return own
