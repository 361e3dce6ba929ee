"""What trtllm-serve tells of itself: /metrics, JSON, and /prometheus/metrics.

https://nvidia.github.io/TensorRT-LLM/commands/trtllm-serve.html. The Prometheus counters of tokens grow
when requests end, so rates come from the JSON: it tells of each iteration of the engine, once, to
whoever asks first. Both need settings; where the JSON is empty the rest comes from the other page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sparktop.model.servers import ServerKind
from sparktop.telemetry.prometheus import Page, parse
from sparktop.telemetry.reading import Unreadable
from sparktop.telemetry.server_dialect import COMMON, Gauges
from sparktop.telemetry.server_history import MINUTE_S, History, Speculation
from sparktop.telemetry.server_http import Get

_RUNNING: Final = "trtllm_num_requests_running"
_WAITING: Final = "trtllm_num_requests_waiting"
_KV: Final = "trtllm_kv_cache_utilization"
_WANTED: Final = frozenset((_RUNNING, _WAITING, _KV))
_SETTINGS: Final = "TensorRT-LLM tells it with enable_iter_perf_stats: true, once a request has come"
_QUIET: Final = "no iteration of the engine has ended since the last reading"


class TrtllmDialect:
    """trtllm-serve's iterations, and its Prometheus page."""

    kind = ServerKind.TENSORRT_LLM
    quantities = COMMON

    def __init__(self) -> None:
        self._last: float | None = None
        self._seen = False
        self._prefix = History(MINUTE_S)
        self._speculation = Speculation()
        self._drafted = self._accepted = self._steps = 0.0
        self._speculation.fail(Unreadable(_SETTINGS))

    def forget(self) -> None:
        """Drops what rates are counted from."""
        self._last = None

    def read(self, get: Get, clock: Callable[[], float], gauges: Gauges) -> None:
        """See `Dialect`."""
        iterations = _iterations(get)
        now = clock()
        self._seen = self._seen or bool(iterations)
        page = _page(get)
        latest = iterations[-1] if iterations else None
        last, self._last = self._last, now
        gauges.put("generated", lambda: self._rate(iterations, last, now, _generated))
        gauges.put("prefilled", lambda: self._rate(iterations, last, now, _prefilled))
        gauges.put("running", lambda: self._gauge(latest, "numActiveRequests", page, _RUNNING))
        gauges.put("waiting", lambda: self._gauge(latest, "numQueuedRequests", page, _WAITING))
        gauges.put("kv_cache", lambda: 100 * self._kv(latest, page))
        gauges.put("prefix_hits", lambda: self._hits(latest, now))
        self._add_speculation(iterations, now)
        gauges.put("accepted", self._speculation.percent)
        gauges.put("accepted_length", self._speculation.length)

    def _rate(
        self,
        iterations: list[dict[str, Any]],
        last: float | None,
        now: float,
        tokens: Callable[[dict[str, Any]], float],
    ) -> float:
        if not self._seen:
            raise Unreadable(_SETTINGS)
        if last is None or now <= last:
            raise Unreadable("a rate needs two readings")
        # An iteration that began before the last reading is told in whole by this one.
        took = sum(_number(iteration, "iterLatencyMS") for iteration in iterations) / 1e3
        return sum(map(tokens, iterations)) / max(now - last, took)

    def _gauge(self, latest: dict[str, Any] | None, key: str, page: Page, name: str) -> float:
        if latest is not None and key in latest:
            return _number(latest, key)
        if page.has(name):
            return page.total(name)
        raise Unreadable(_QUIET if self._seen else _SETTINGS)

    def _kv(self, latest: dict[str, Any] | None, page: Page) -> float:
        cache = _part(latest, "kvCacheStats")
        if blocks := _number(cache, "maxNumBlocks"):
            return _number(cache, "usedNumBlocks") / blocks
        if page.has(_KV):
            return page.highest(_KV)
        raise Unreadable(_QUIET if self._seen else _SETTINGS)

    def _hits(self, latest: dict[str, Any] | None, now: float) -> float:
        cache = _part(latest, "kvCacheStats")
        if "reusedBlocks" not in cache:
            raise Unreadable(_QUIET if self._seen else _SETTINGS)
        reused = _number(cache, "reusedBlocks")
        whole = reused + _number(cache, "missedBlocks")
        return 100 * self._prefix.share(now, reused, whole, "no prompt was read in the last minute")

    def _add_speculation(self, iterations: list[dict[str, Any]], now: float) -> None:
        if not self._seen:
            return
        for part in (_part(iteration, "specDecodingStats") for iteration in iterations):
            self._drafted += _number(part, "numDraftTokens")
            self._accepted += _number(part, "numAcceptedTokens")
            self._steps += _number(part, "numRequestsWithDraftTokens")
        self._speculation.add(now, self._steps, self._drafted, self._accepted)


def _iterations(get: Get) -> list[dict[str, Any]]:
    answer = get("/metrics")
    document = answer.json() if answer.status == 200 else []
    return [each for each in document if isinstance(each, dict)] if isinstance(document, list) else []


def _page(get: Get) -> Page:
    answer = get("/prometheus/metrics")
    return parse(answer.text if answer.status == 200 else "", _WANTED)


def _generated(iteration: dict[str, Any]) -> float:
    # Each request that is being answered gets a token, and those that were drafted well besides.
    batch, drafts = _part(iteration, "inflightBatchingStats"), _part(iteration, "specDecodingStats")
    return _number(batch, "numGenRequests") + _number(drafts, "numAcceptedTokens")


def _prefilled(iteration: dict[str, Any]) -> float:
    return _number(_part(iteration, "inflightBatchingStats"), "numCtxTokens")


def _part(document: dict[str, Any] | None, key: str) -> dict[str, Any]:
    part = document.get(key) if document is not None else None
    return part if isinstance(part, dict) else {}


def _number(document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e15 else 0.0
