"""What all tests of the screens have in common."""

from __future__ import annotations

import idle
import pytest


@pytest.fixture(autouse=True)
def _wait_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the pilot wait until the app is idle, in place of until it seems so."""
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", idle.wait_for_idle)
