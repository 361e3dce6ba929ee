"""For all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.terminal import Terminal

# How long an example takes says more of the machine than of the code; pytest-timeout ends what hangs.
settings.register_profile("sparktop", deadline=None)
settings.load_profile("sparktop")

# Shells start what they run in the background with Ctrl+C ignored, and what is ignored stays so in every process
# started from here: the tests that press it would wait for nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Whoever opens a terminal puts it there: it is closed when the test is over."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()
