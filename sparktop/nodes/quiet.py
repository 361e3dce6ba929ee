"""The logger that both ends of a connection give to websockets."""

from __future__ import annotations

import logging
from typing import Final


def _silent() -> logging.Logger:
    logger = logging.getLogger("sparktop.nodes.websockets")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


SILENT: Final = _silent()
"""Says nothing: what matters is told in sentences by whoever connects or serves."""
