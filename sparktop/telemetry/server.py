"""A server of language models, as it tells of itself while somebody else uses it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sparktop.model.channels import indexed
from sparktop.model.servers import OLLAMA_ROOT, ServerKind, kind_of_metric, kind_of_models
from sparktop.telemetry.prometheus import names
from sparktop.telemetry.reading import Gathered, Reading, Unreadable
from sparktop.telemetry.server_dialect import COMMON, Dialect, Gauges
from sparktop.telemetry.server_http import Address, Answer, Get, Web
from sparktop.telemetry.server_llama import LlamaServerDialect
from sparktop.telemetry.server_ollama import OllamaDialect
from sparktop.telemetry.server_sglang import SglangDialect
from sparktop.telemetry.server_trtllm import TrtllmDialect
from sparktop.telemetry.server_vllm import VllmDialect

_DIALECTS: Final[dict[ServerKind, Callable[[], Dialect]]] = {
    ServerKind.LLAMA_SERVER: LlamaServerDialect,
    ServerKind.VLLM: VllmDialect,
    ServerKind.SGLANG: SglangDialect,
    ServerKind.TENSORRT_LLM: TrtllmDialect,
    ServerKind.OLLAMA: OllamaDialect,
}


class ServerSource:
    """Reads one server's own metrics; it is asked for nothing else, and no model is run for it.

    Attributes:
        name: "server", and where it is.
        server: Where it is, as in its channels.
        kind: What the server is; None until it has given itself away.
    """

    def __init__(
        self, address: Address, get: Get | None = None, key: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Opens nothing yet.

        Args:
            address: Where it is.
            get: Asks it; None asks over the network.
            key: Its API key; "" if it wants none.
            clock: Seconds, for the time between the beginning of a read and an answer.
        """
        self.name = f"server {address.name}"
        self.server = address.name
        self._get = get or Web(address, key).get
        self._clock = clock
        self._dialect: Dialect | None = None
        self._certain = False

    @property
    def kind(self) -> ServerKind | None:
        """See the class."""
        return None if self._dialect is None else self._dialect.kind

    @property
    def channels(self) -> tuple[str, ...]:
        """One for each quantity that a server of its kind may have."""
        quantities = COMMON if self._dialect is None else self._dialect.quantities
        return tuple(indexed("server", self.server, quantity) for quantity in quantities)

    def forget(self) -> None:
        """Drops the last counters."""
        if self._dialect is not None:
            self._dialect.forget()

    def read(self, now: float) -> Reading:
        """Asks the server; what it is, it is asked until it tells, and again after it was away."""
        began = self._clock()
        gathered = Gathered()
        try:
            dialect = self._recognized()
            self._certain = False
            dialect.read(self._get, lambda: now + self._clock() - began, Gauges(self.server, gathered))
            self._certain = True
        except Unreadable as reason:
            gathered.fail((name for name in self.channels if name not in gathered.values), str(reason))
        return gathered.reading(now)

    def _recognized(self) -> Dialect:
        if self._dialect is None or not self._certain:
            kind = _kind(self._get)
            # The same one is back: what it counted before still counts.
            if self._dialect is None or self._dialect.kind is not kind:
                self._dialect = _DIALECTS[kind]()
        return self._dialect


def _kind(get: Get) -> ServerKind:
    """Returns what a server is.

    Raises:
        Unreadable: It does not answer, or is none that is known.
    """
    metrics = get("/metrics")
    if (kind := _kind_of_page(metrics)) is not None:
        return kind
    models = get("/v1/models")
    if models.kind == "application/json" and (kind := kind_of_models(models.json())) is not None:
        return kind
    if get("/").body == OLLAMA_ROOT:
        return ServerKind.OLLAMA
    raise Unreadable(f"it is no server whose metrics are known (GET /metrics: HTTP {metrics.status})")


def _kind_of_page(answer: Answer) -> ServerKind | None:
    if answer.status != 200:
        return None
    if answer.kind == "application/json" and isinstance(answer.json(), list):
        return ServerKind.TENSORRT_LLM
    return next((kind for name in names(answer.text) if (kind := kind_of_metric(name)) is not None), None)
