"""What can be typed after `sparktop completions`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import EXIT_CODES, parser_of

SHELLS: Final = ("bash", "zsh", "fish")

_COMPLETION_EXAMPLES: Final = """\
examples:
  eval "$(sparktop completions bash)"      in ~/.bashrc
  eval "$(sparktop completions zsh)"       in ~/.zshrc, after compinit
  sparktop completions fish | source       in ~/.config/fish/config.fish
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop completions`."""
    parser = parser_of(
        "sparktop completions",
        "Prints a script that makes the Tab key complete commands, options, scenarios and models.",
        _COMPLETION_EXAMPLES,
        EXIT_CODES,
    )
    parser.add_argument("shell", metavar="SHELL", nargs="?", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")
    parser.add_argument(
        "--word",
        dest="words",
        metavar="+WORD",
        action="append",
        help="for the script, once for each word typed so far: print what the last may become, and its meaning",
    )
    return parser
