"""What can be typed after `sparktop recover`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import FILES, parser_of

_EXIT_CODES: Final = """\
exit codes:
  0  done, or there was nothing to do
  1  a run could not be completed; stderr says why
  2  wrong usage; stderr says in one sentence what to do
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop recover`."""
    return parser_of(
        "sparktop recover",
        "Completes the runs that a crash or a power cut broke off: writes the snapshot that is missing\n"
        'from the journal that was being kept, with the status "interrupted". Running runs are left alone.',
        "examples:\n  sparktop recover\n",
        FILES,
        _EXIT_CODES,
    )
