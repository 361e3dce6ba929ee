"""What can be typed after `sparktop rate`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import RUNS, add_fps, add_run, parser_of

_EXAMPLES: Final = """\
examples:
  sparktop rate last                       the answers of the newest run, for you to rate
  sparktop rate last --blind               without knowing who wrote what, until you have rated it
  sparktop rate last --vote --blind        two answers at a time: which is better?
  sparktop rate last --beside 2026-02-08   with the answers of another run beside them
  sparktop rate last --as "Ann Li"         ratings of several people are kept apart
  sparktop rate last | less                what was said so far, as text
"""

_KEYS: Final = """\
keys:
  1 to 5  stars in the chosen dimension     . ,  the next dimension, the one before
  tab     the next answer                   ]    the next question
  e       a note                            u    take back what you said last
  b       hide who wrote what, or show it   v    votes: 1 or 2 is better, 0 a tie; again: stars
  "?" shows all of them.

  What you say is on the disk at once, in the run's own files. Stars count by person: a second one for
  the same answer and dimension takes the place of the first.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    done
  2    wrong usage, there is no such run, or it goes on; stderr says in one sentence what to do
  129  the terminal hung up; what you said is kept
  143  ended by SIGTERM; what you said is kept
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop rate`."""
    parser = parser_of(
        "sparktop rate",
        "Opens the answers of a run on the screen, for a person to rate them. Without a terminal it prints\n"
        "what people and models have said of them so far.",
        _EXAMPLES,
        RUNS,
        _KEYS,
        _EXIT_CODES,
    )
    add_run(parser)
    parser.add_argument("--as", dest="rater", metavar="NAME", default="", help="who rates (default: you, by $USER)")
    parser.add_argument("--blind", action="store_true", help="hide who wrote what, shuffled, until it is rated")
    parser.add_argument("--vote", action="store_true", help="compare answers two by two instead of giving stars")
    parser.add_argument(
        "--beside",
        metavar="RUN",
        action="append",
        default=[],
        help="show the answers of another run of the same scenario beside; several times too",
    )
    add_fps(parser)
    return parser
