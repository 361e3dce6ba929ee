"""What can be typed after `sparktop node`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import parser_of

_EXAMPLES: Final = """\
examples:
  sparktop node --models ~/models                       for heads that come over ssh, and for this machine
  sparktop node --listen 192.168.100.11:7470            also for heads on that link that have the token
  mkdir -p ~/.config/systemd/user
  sparktop node --models ~/models --print-unit > ~/.config/systemd/user/sparktop-node.service
"""

_ACCESS: Final = """\
who gets in:
  A unix socket that is yours alone is always served. --listen needs a token besides: it is made on
  first use, readable for you alone, and the head is given a copy of its file. The address of one link
  is meant; "0.0.0.0" is refused without --any-interface. Without --certificate nothing is encrypted.
  Heads can load models from the folders given with --models, and from nowhere else.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    it was stopped with SIGTERM or Ctrl+C
  2    wrong usage, or it can't listen there; stderr says in one sentence what to do
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop node`."""
    parser = parser_of(
        "sparktop node",
        "Serves what this machine is doing, and its models, to a sparktop on another machine (the head).\n"
        "It reads the machine all the time, so that a head that was cut off is told what it missed.",
        _EXAMPLES,
        _ACCESS,
        _EXIT_CODES,
    )
    parser.add_argument(
        "--models",
        metavar="DIR",
        action="append",
        default=[],
        help="folder with models that heads may load; several times too",
    )
    parser.add_argument("--listen", metavar="ADDR:PORT", help="also listen on this address of the network")
    parser.add_argument("--any-interface", action="store_true", help="allow an address that stands for all interfaces")
    parser.add_argument(
        "--token-file", metavar="FILE", help="where the token is kept (default: ~/.local/state/sparktop/node-token)"
    )
    parser.add_argument(
        "--certificate", metavar="FILE", help="certificate chain (PEM): the network is then served with TLS"
    )
    parser.add_argument(
        "--key", metavar="FILE", help="the certificate's private key (PEM), if it is in a file of its own"
    )
    parser.add_argument("--socket", metavar="PATH", help="unix socket to listen on (default: in XDG_RUNTIME_DIR)")
    parser.add_argument(
        "--name", metavar="NAME", default="", help="what this node calls itself (default: the host name)"
    )
    parser.add_argument(
        "--print-unit", action="store_true", help="print a systemd user unit with these options, and end"
    )
    parser.add_argument(
        "--print-service",
        action="store_true",
        help="print an avahi service file that announces this --listen by mDNS, and end",
    )
    parser.add_argument(
        "--tunnel",
        metavar="PATH",
        help="serve at this unix socket until standard input ends, through an agent that runs if there is one;"
        " what a head uses over ssh",
    )
    return parser
