"""What can be typed after `sparktop compare`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import RUNS, parser_of

_EXAMPLES: Final = """\
examples:
  sparktop compare last~1 last                    the newest run against the one before it
  sparktop compare 2026-11-20 last --threshold 3  exit code 1 if anything got worse by more than 3 %
  sparktop compare a.json b.json --pair qwen-q8=qwen-q4
  sparktop compare last~1 last --json | jq .worse
"""

_HOW: Final = """\
how:
  Every question is held against itself and every batch against that of its size; the change is the
  middle of all these, and its range says where it lies. What is within the range of chance is called
  "within the spread", and what was measured too seldom to tell (a batch that ran fewer than 3 times,
  fewer than 5 questions) is "not judged", which is neither better nor worse. docs/history.md explains it.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    nothing got worse by more than the threshold and more than it varies
  1    something did, or a request failed that had not failed before
  2    wrong usage, there is no such run, or the two can't be compared; stderr says why in one sentence
"""


def _percent(text: str) -> float:
    try:
        percent = float(text.removesuffix("%")) if text.isascii() else -1.0
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 10_000:
        raise argparse.ArgumentTypeError(f"expected percent from 0 on, found {text[:40]!r}")
    return percent / 100


def _pair(text: str) -> tuple[str, str]:
    before, sign, after = text.partition("=")
    if not (before and sign and after):
        raise argparse.ArgumentTypeError(f"expected two names as in OLD=NEW, found {text[:40]!r}")
    return before, after


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop compare`."""
    parser = parser_of(
        "sparktop compare",
        "Holds a run against another one of the same scenario: for each model and batch size what changed,\n"
        "by how much, and whether chance explains it.",
        _EXAMPLES,
        RUNS,
        _HOW,
        _EXIT_CODES,
    )
    parser.add_argument("before", metavar="A", help="a run; see below how runs are named")
    parser.add_argument("after", metavar="B", help="the run whose changes are told")
    parser.add_argument(
        "--threshold",
        metavar="PERCENT",
        type=_percent,
        default=0.05,
        help="by how much something may get worse before the exit code is 1 (default: 5)",
    )
    parser.add_argument(
        "--pair",
        dest="pairs",
        metavar="OLD=NEW",
        type=_pair,
        action="append",
        default=[],
        help="hold OLD of A against NEW of B, where they are called differently; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    return parser
