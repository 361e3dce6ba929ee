"""What a server guessed ahead for one request, where its answers do not tell: its counters before and after.

They are of all requests together, so this holds only for a request that had the server to itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sparktop.engines.http.client import Client
from sparktop.engines.http.failures import RequestLost

_PATIENCE_S: Final = 2.0

# Names from vLLM vllm/v1/metrics/loggers.py and vllm/v1/spec_decode/metrics.py.
_DRAFTED: Final = "spec_decode_num_draft_tokens_total"
_ACCEPTED: Final = "spec_decode_num_accepted_tokens_total"
_FINISHED: Final = "request_success_total"
_BUSY: Final = ("num_requests_running", "num_requests_waiting")
_LINE: Final = re.compile(
    rb"^vllm:(" + "|".join((_DRAFTED, _ACCEPTED, _FINISHED, *_BUSY)).encode() + rb")(?:\{.*\})?[ \t]+([0-9.eE+]+)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Counters:
    """What a server had counted at some time.

    Attributes:
        drafted: Tokens guessed ahead.
        accepted: Those of them that the model confirmed.
        finished: Requests that were answered.
        busy: Requests under way.
    """

    drafted: float
    accepted: float
    finished: float
    busy: float


class Speculation:
    """Looks at the counters of one server; no more, once it does not tell them.

    Args:
        tells: Whether it is a server that may.
    """

    def __init__(self, client: Client, tells: bool) -> None:
        self._client = client
        self._tells = tells

    async def look(self) -> Counters | None:
        """Returns the counters; None where the server does not tell, or guesses nothing."""
        if not self._tells:
            return None
        try:
            reply = await self._client.ask(self._client.root + "/metrics", patience_s=_PATIENCE_S)
        except RequestLost:
            reply = None
        found = _counters(reply.body) if reply is not None and reply.status == 200 else None
        self._tells = found is not None
        return found

    async def since(self, before: Counters) -> tuple[int, int] | None:
        """Returns tokens drafted and accepted since a look; None where they may be somebody else's as well."""
        after = await self.look()
        # One more answer: this one, counted to its end, and no other that might have been guessed for.
        if after is None or before.busy or after.busy or after.finished - before.finished != 1:
            return None
        drafted, accepted = after.drafted - before.drafted, after.accepted - before.accepted
        return (round(drafted), round(accepted)) if 0 <= accepted <= drafted else None


def _counters(page: bytes) -> Counters | None:
    totals: dict[str, float] = {}
    for name, value in _LINE.findall(page):
        try:
            totals[name.decode()] = totals.get(name.decode(), 0.0) + float(value)
        except ValueError:
            return None
    if not {_DRAFTED, _ACCEPTED, _FINISHED} <= totals.keys():
        return None
    return Counters(totals[_DRAFTED], totals[_ACCEPTED], totals[_FINISHED], sum(totals.get(one, 0.0) for one in _BUSY))
