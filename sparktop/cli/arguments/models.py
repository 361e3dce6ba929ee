"""What can be typed after `sparktop models`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import CONTENDERS, EXIT_CODES, parser_of

_MODEL_EXAMPLES: Final = """\
examples:
  sparktop models
  sparktop models ~/models/*.gguf
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop models`."""
    parser = parser_of(
        "sparktop models",
        "Lists the models that come with sparktop, or says what a model file holds and whether it fits\n"
        "into memory now. Nothing is loaded.",
        _MODEL_EXAMPLES,
        CONTENDERS,
        EXIT_CODES,
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a .gguf file")
    return parser
