"""What can be typed after `sparktop schema`."""

from __future__ import annotations

import argparse

from sparktop.cli.arguments.base import EXIT_CODES, parser_of


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop schema`."""
    return parser_of(
        "sparktop schema",
        "Prints the JSON Schema of the snapshots that runs leave, for programs that read them.",
        "examples:\n  sparktop schema > snapshot.schema.json\n",
        EXIT_CODES,
    )
