"""What can be typed after `sparktop doctor`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import parser_of

_DOCTOR_EXAMPLES: Final = """\
examples:
  sparktop doctor
  sparktop doctor --fix     build llama.cpp again for this machine, for the GPU if there is one
  sparktop doctor --json
"""

_DOCTOR_EXIT_CODES: Final = """\
exit codes:
  0    no problem (warnings are none)
  1    at least one problem, or the fix failed
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop doctor`."""
    parser = parser_of(
        "sparktop doctor",
        "Checks whether everything that sparktop needs is here, and says what to do where it is not.",
        _DOCTOR_EXAMPLES,
        _DOCTOR_EXIT_CODES,
    )
    parser.add_argument("--fix", action="store_true", help="replace a llama.cpp build that doesn't suit this machine")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    return parser
