"""What was asked and what was sent, with times."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

Sent = tuple[int, int, int, int, str]
"""A chunk: due_ns, before_ns, after_ns, tokens, kind."""


@dataclass(slots=True, kw_only=True)
class Record:
    """One request and its answer.

    Attributes:
        id: What it is called in its chunks; the request's X-Request-Id, else its number.
        number: Counts requests from 1.
        connection: Counts connections from 1: the same number is the same connection.
        method: Such as "POST".
        target: The path as it came.
        headers: As they came, names in small letters.
        body: The request's JSON; None if there was none.
        accepted_ns: When its connection was accepted.
        received_ns: When the last of its bytes was read.
        status: What it was answered with; 0 before that.
        prompt_tokens: How many there were by this server's count.
        sent: Chunks of the answer.
        text: The answer's text so far, without reasoning.
        reasoning: The reasoning so far.
        end: "complete"; "cut"; "left": the client ended the connection; "" as long as it goes on.
        ended_ns: When that was.
    """

    id: str
    number: int
    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: Any
    accepted_ns: int
    received_ns: int
    status: int = 0
    prompt_tokens: int = 0
    sent: list[Sent] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    end: str = ""
    ended_ns: int = 0

    def document(self) -> dict[str, Any]:
        """Returns it for JSON."""
        names = ("due_ns", "before_ns", "after_ns", "tokens", "kind")
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "sent": [dict(zip(names, sent, strict=True)) for sent in self.sent],
            "text": "".join(self.text),
            "reasoning": "".join(self.reasoning),
        }


class Records:
    """All requests, but those about the records."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._all: list[Record] = []

    def number(self) -> int:
        """Returns the next request's number."""
        return next(self._numbers)

    def add(self, record: Record) -> None:
        """Keeps one."""
        self._all.append(record)

    def clear(self) -> None:
        """Forgets them; numbers go on."""
        self._all.clear()

    def document(self) -> dict[str, Any]:
        """Returns all of them for JSON."""
        return {"requests": [record.document() for record in self._all]}

    def find(self, name: str) -> Record | None:
        """Returns the request with this number or id."""
        return next((r for r in self._all if name in (str(r.number), r.id, f"chatcmpl-{r.id}", f"cmpl-{r.id}")), None)
