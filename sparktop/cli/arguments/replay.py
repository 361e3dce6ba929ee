"""What can be typed after `sparktop replay`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import RUNS, add_fps, add_run, parser_of, speed
from sparktop.model.moment import read_moment

_EXAMPLES: Final = """\
examples:
  sparktop replay last                     the newest run, on the screen, as fast as it was
  sparktop replay last --speed 10          ten times as fast
  sparktop replay 2026-11-23 --at 1:30     from a minute and a half after its beginning on
  sparktop replay ./result.json            a snapshot that somebody sent you
  sparktop replay last | less              what it came to, as text
"""

_KEYS: Final = """\
keys:
  space   stop, and go on            { }   what began before, what begins next
  < >     10 seconds back, on        ( )   the beginning, the end
  g       a time that you type       On the dashboard also the arrows, [ ], home and end.

  A run is played from its journal. Where only its snapshot is left, tokens come as they were counted
  and each answer's text at its end.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    done
  2    wrong usage, or there is no such run; stderr says in one sentence what to do
  129  the terminal hung up
  143  ended by SIGTERM
"""


def _moment(text: str) -> float:
    seconds = read_moment(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"expected seconds, or a time such as 1:30 or 1:02:45, found {text[:40]!r}")
    return seconds


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop replay`."""
    parser = parser_of(
        "sparktop replay",
        "Plays a run again in the screens of a run: with pause, forwards and back. Nothing is loaded and\n"
        "nothing is run. Without a terminal it prints what the run came to.",
        _EXAMPLES,
        RUNS,
        _KEYS,
        _EXIT_CODES,
    )
    add_run(parser)
    parser.add_argument(
        "--speed", metavar="N", type=speed, default=1.0, help="N times as fast as it was (0.1 to 100, default: 1)"
    )
    parser.add_argument(
        "--at", metavar="TIME", type=_moment, default=0.0, help="begin at that time of the run: seconds, or 1:02:45"
    )
    add_fps(parser)
    return parser
