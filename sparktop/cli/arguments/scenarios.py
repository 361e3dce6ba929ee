"""What can be typed after `sparktop scenarios`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import EXIT_CODES, parser_of

_SCENARIO_EXAMPLES: Final = """\
examples:
  sparktop scenarios                  all of them
  sparktop scenarios show sutra-qa    what it asks, and how tokens are chosen
  sparktop scenarios show ./mine.toml
"""

_OWN_SCENARIOS: Final = """\
Your own are .toml files in ~/.config/sparktop/scenarios; one with the name of a shipped scenario
takes its place.
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop scenarios`."""
    parser = parser_of(
        "sparktop scenarios",
        "Lists what can be asked: the scenarios that come with sparktop and your own.",
        _SCENARIO_EXAMPLES,
        _OWN_SCENARIOS,
        EXIT_CODES,
    )
    parser.usage = "sparktop scenarios [-h] [show NAME]"
    parser.add_argument("words", metavar="show NAME", nargs="*", help="show one scenario: a name, or a .toml file")
    return parser
