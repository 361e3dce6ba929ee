"""What can be typed after `sparktop nodes`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import parser_of

NODES: Final = """\
nodes:
  A node is another machine. It is named by
    NAME                      a table [nodes.NAME] in config.toml, or else a host as "ssh NAME" takes it
    ws://HOST:PORT            an address that "sparktop node --listen" serves, with --token-file; or wss://
    PATH                      a unix socket on this machine (with a "/" in it)
  config.toml, in ~/.config/sparktop, for example:
    [nodes.spark-2]
    url = "ws://192.168.100.11:7470"
    token_file = "spark-2.token"            # a copy of the node's own; paths count from config.toml
    [nodes.spark-3]
    ssh = "me@spark-3"                      # without this, the name is what ssh is given
    models = ["~/models"]                   # what it may load where no "sparktop node" runs yet
"""

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
        "build of llama.cpp, models.",
        _EXAMPLES,
        NODES,
        _EXIT_CODES,
    )
    parser.add_argument("nodes", metavar="NODE", nargs="*", help="only this one; several too")
    add_token_file(parser)
    parser.add_argument("--json", action="store_true", help="print the nodes as JSON")
    return parser


def add_token_file(parser: argparse.ArgumentParser) -> None:
    """Adds what every command takes that connects to an address."""
    parser.add_argument(
        "--token-file", metavar="FILE", help="copy of the node's token, for a node given as ws://HOST:PORT"
    )
