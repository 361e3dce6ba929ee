"""When a request is sent again, and when not."""

from __future__ import annotations

import email.utils
import re
import time
from typing import Final

from sparktop.engines.http.failures import RequestLost

TRIES: Final = 5
"""How often a request is sent at most."""

MAX_WAIT_S: Final = 60.0
"""Longest wait before a request is sent again, whatever the server asks for."""

_WAIT_S: Final = 1.0


class Again(Exception):
    """A request should be sent again.

    Attributes:
        lost: What it failed with this time.
        wait_s: Seconds to wait before.
        notice: What is to be told; empty for nothing.
    """

    def __init__(self, lost: RequestLost, wait_s: float = 0.0, notice: str = "") -> None:
        super().__init__(notice)
        self.lost = lost
        self.wait_s = wait_s
        self.notice = notice


def retry_after(header: str, attempt: int) -> float:
    """Seconds to wait for a busy server: what it asks for, else ever longer; within bounds.

    Args:
        header: Its Retry-After: seconds, or a date; may be empty.
        attempt: How often the request has been sent.
    """
    try:
        wait = float(header)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, TypeError):
            wait = _WAIT_S * 2 ** (attempt - 1)
    # A header may say "nan", which no comparison catches.
    return min(max(wait, 0.0), MAX_WAIT_S) if wait == wait else _WAIT_S


def words(text: str) -> set[str]:
    """The words of a text, among which names of fields may be."""
    return set(re.findall(r"\w+", text))
