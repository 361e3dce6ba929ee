"""What is quoted of an engine's log."""

from __future__ import annotations

import subprocess
import sys

from sparktop.model.log_text import log_end


def test_where_threads_were_is_not_what_an_abort_is_explained_by() -> None:
    code = "import faulthandler, os, sys; faulthandler.enable(); print('recv failed', file=sys.stderr); os.abort()"
    log = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert "most recent call first" in log
    assert log_end(f"loading\n\n{log}", 8) == ["loading", "recv failed"]
    assert log_end(f"loading\n\n{log}", 1) == ["recv failed"]


def test_a_log_that_has_nothing_else_is_told() -> None:
    assert log_end("Fatal Python error: Aborted\n\nThread 0x1", 8) == ["Fatal Python error: Aborted", "Thread 0x1"]
    assert log_end("", 8) == []
