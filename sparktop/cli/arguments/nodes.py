"""What can be typed after `sparktop nodes`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import NODES, add_token_file, parser_of

_EXAMPLES: Final = """\
examples:
  sparktop nodes
  sparktop nodes spark-2 --json | jq '.[].models'
"""

_EXIT_CODES: Final = """\
exit codes:
  0    every node answered
  2    wrong usage or configuration
  3    a node could not be reached; the others are shown
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop nodes`."""
    parser = parser_of(
        "sparktop nodes",
        "Lists this machine and those of config.toml, or those that are named: hardware, memory,\n"
        "build of llama.cpp, models, links between them; and whoever else announces itself by mDNS, where\n"
        "avahi runs here.",
        _EXAMPLES,
        NODES,
        _EXIT_CODES,
    )
    parser.add_argument("nodes", metavar="NODE", nargs="*", help="only this one; several too")
    add_token_file(parser)
    parser.add_argument("--json", action="store_true", help="print the nodes as JSON")
    return parser
