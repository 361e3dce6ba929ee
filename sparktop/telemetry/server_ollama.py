"""What Ollama tells of itself: which models it has loaded, docs/api.md (GET /api/ps), and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sparktop.model.servers import ServerKind
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.server_dialect import COMMON, LOADED, Gauges
from sparktop.telemetry.server_http import Get

_SILENT: Final = "Ollama tells which models it has loaded, and nothing else"


class OllamaDialect:
    """Ollama's list of loaded models."""

    kind = ServerKind.OLLAMA
    quantities = COMMON + LOADED

    def forget(self) -> None:
        """Nothing is counted from an earlier reading."""

    def read(self, get: Get, clock: Callable[[], float], gauges: Gauges) -> None:
        """See `Dialect`."""
        gauges.fail(COMMON, _SILENT)
        answer = get("/api/ps")
        if answer.status != 200:
            raise Unreadable(f"the server does not tell what it has loaded (GET /api/ps: HTTP {answer.status})")
        document = answer.json()
        models = document.get("models") if isinstance(document, dict) else None
        if not isinstance(models, list):
            raise Unreadable("the server's list of loaded models is none")
        gauges.put("models", lambda: float(len(models)))
        gauges.put("memory", lambda: _sum(models, "size"))
        gauges.put("memory_gpu", lambda: _sum(models, "size_vram"))


def _sum(models: list[Any], key: str) -> float:
    total = 0
    for model in models:
        size = model.get(key, 0) if isinstance(model, dict) else None
        if not isinstance(size, int) or not 0 <= size < 1 << 60:
            raise Unreadable(f"the server's list of loaded models makes no sense: {key}")
        total += size
    return float(total)
