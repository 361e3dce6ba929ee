"""What can be typed after `sparktop recover`."""

from __future__ import annotations

import argparse

from sparktop.cli.arguments.base import EXIT_CODES, FILES, parser_of


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop recover`."""
    return parser_of(
        "sparktop recover",
        "Completes the runs that a crash or a power cut broke off: writes the snapshot that is missing\n"
        'from the journal that was being kept, with the status "interrupted". Running runs are left alone.',
        "examples:\n  sparktop recover\n",
        FILES,
        EXIT_CODES,
    )
