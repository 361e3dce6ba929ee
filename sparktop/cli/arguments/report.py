"""What can be typed after `sparktop report`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import RUNS, parser_of

FORMATS: Final = ("md", "html", "csv", "json")
LANGUAGES: Final = ("zh", "en")

_EXAMPLES: Final = """\
examples:
  sparktop report last                                 the newest run as Markdown
  sparktop report last --out report.html               as a page: one file, with charts
  sparktop report last --lang zh --out 报告.html       the same in Chinese
  sparktop report last last~1 --out two.html           two runs; side by side if they asked the same
  sparktop report last --format csv > figures.csv      all figures, one table, for a spreadsheet
  sparktop report last --full | less                   the answers in full
"""

_PARTS: Final = """\
what is in it:
  Everything in one table with the best marked; the machines and models; then for each scenario speed,
  questions with what the answers named, throughput, prefill and decode, ratings, how it compares with
  published results, bandwidth and energy, charts; and what is to be thought of the figures.
  Runs of the same scenario are compared; each other scenario is a part of its own.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    done
  1    the report could not be written
  2    wrong usage, or a run is not there, can't be read, or contradicts itself; stderr says in one
       sentence which and why
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop report`."""
    parser = parser_of(
        "sparktop report",
        "Writes what one or several runs brought, for people to read, print and pass on. Nothing is run\n"
        "and nothing in the runs is changed.",
        _EXAMPLES,
        _PARTS,
        RUNS,
        _EXIT_CODES,
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run; see below how runs are named")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="md, html, csv or json (default: by the ending of --out, else md)",
    )
    parser.add_argument(
        "--lang", choices=LANGUAGES, help="Chinese or English (default: that of the terminal's locale, else en)"
    )
    parser.add_argument("--out", metavar="FILE", help='write to FILE instead of stdout; "-" is stdout')
    parser.add_argument("--full", action="store_true", help="the answers in full, up to 20,000 characters each")
    return parser
