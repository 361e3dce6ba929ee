"""What the person gets when sparktop itself is at fault: one sentence and a file, not a traceback."""

from __future__ import annotations

import os
import platform
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from sparktop import __version__
from sparktop.places import Places


def keep_traceback(error: Exception, environ: Mapping[str, str]) -> str:
    """Writes a log of the error, and returns the sentence that says where it is."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines = [
        f"sparktop {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
        *traceback.format_exception(error),
    ]
    text = "".join(lines)
    for folder in (Places.of(environ).logs, Path(tempfile.gettempdir())):
        path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return f"a defect of sparktop ended it ({what}); please report it with {path}"
    return f"a defect of sparktop ended it, and no log of it could be written ({what}): {text}"
