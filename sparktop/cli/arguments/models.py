"""What can be typed after `sparktop models`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import CONTENDERS, EXIT_CODES, parser_of

_MODEL_EXAMPLES: Final = """\
examples:
  sparktop models
  sparktop models --node
  sparktop models --json | jq '.catalogue[] | select(.counted.sparks == 1) | .name'
  sparktop models ~/models/*.gguf
"""

_CATALOGUE: Final = """\
catalogue:
  Well-known models as others ran them on one DGX Spark or two, with what they published. SIZE is that of
  the weights, GB/TOKEN what decoding a token reads (one stream, empty context), CEILING the tokens per
  second if memory were read at its full bandwidth, SPARKS how many hold the model with 4096 tokens of
  context and 8 GiB to spare. TIER is by decode speed: win from 30 tokens per second, tie from 10, else
  loss. With --node CEILING and FITS are this machine's.
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop models`."""
    parser = parser_of(
        "sparktop models",
        "Lists the models that come with sparktop, and a catalogue of well-known ones with what was published\n"
        "of them; or says what a model file holds and whether it fits into memory now. Nothing is loaded.",
        _MODEL_EXAMPLES,
        _CATALOGUE,
        CONTENDERS,
        EXIT_CODES,
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a .gguf file")
    parser.add_argument(
        "--node", action="store_true", help="hold the catalogue against this machine instead of DGX Sparks"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser
