"""Whether a contender fits into memory where it is to run, for a plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparktop.model.records import Contender
from sparktop.nodes.fit import Fit, assess_model
from sparktop.runner.plan import Plan
from sparktop.telemetry.vram import Vram

_BLIND: Final = (
    "models that sparktop itself loads read text alone, and this scenario has pictures:"
    " serve the model with llama-server -m MODEL.gguf --mmproj MMPROJ.gguf and name it by its address"
    " (-m http://127.0.0.1:8080)"
)


def assess(
    plan: Plan, contender: Contender, proc: Path = Path("/proc"), vram: Callable[[], Vram | None] | None = None
) -> Fit:
    """Holds what a contender needs for a plan against what the machine has; see `assess_model`.

    A model on a server has its memory already.
    """
    if contender.url:
        return Fit(0, 0, 0, None, 0, "", elsewhere=f"served at {contender.url}: its memory is that server's")
    if (refused := refused_everywhere(plan)) is not None:
        return refused
    return assess_model(Path(contender.model), plan.room(), plan.options.reserve, proc, vram)


def refused_everywhere(plan: Plan) -> Fit | None:
    """Returns why no machine can load a model for a plan; None if one can."""
    if any(item.image for item in plan.scenario.items):
        return Fit(0, 0, 0, None, 0, "", problem=_BLIND)
    return None
