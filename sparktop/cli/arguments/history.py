"""What can be typed after `sparktop history`."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Final

from sparktop.cli.arguments.base import RUNS, number, parser_of

_EXAMPLES: Final = """\
examples:
  sparktop history                                every run, newest first
  sparktop history --scenario sutra -n 10         the ten newest of a scenario
  sparktop history --contender qwen --since 2026-11-01
  sparktop history --json | jq '.[0].id'
  sparktop history delete 2026-11-20T07-15        moves a run to the trash, after asking
  sparktop history trash                          what was deleted
  sparktop history restore last                   brings back what was deleted last
  sparktop history purge --yes                    empties the trash for good
"""

_TRASH: Final = """\
deleting:
  A deleted run (journal, snapshot, ratings, logs) lies in ~/.local/share/sparktop/runs/.trash until
  "purge" removes it. "restore" and "purge" name deleted runs by their id, the beginning of it, or "last".
"""

_EXIT_CODES: Final = """\
exit codes:
  0    done; runs that can't be read are listed with the reason
  1    a run could not be moved, or you said no
  2    wrong usage, or there is no such run; stderr says in one sentence what to do
"""

WORDS: Final = ("delete", "restore", "purge", "trash")
"""What else can be done with runs than listing them."""


def _date(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a date as in 2026-11-01 or 2026-11-01T18:30, found {text[:40]!r}"
        ) from None
    # Without a zone it is the person's own time.
    return when if when.tzinfo else when.astimezone()


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop history`."""
    parser = parser_of(
        "sparktop history",
        "Lists the runs so far, newest first; deletes runs, and brings them back.",
        _EXAMPLES,
        RUNS,
        _TRASH,
        _EXIT_CODES,
    )
    parser.usage = (
        "sparktop history [-h] [--scenario X] [--contender Y] [--since DATE] [-n N] [--json]\n"
        "       sparktop history delete RUN... [--yes]\n"
        "       sparktop history trash | restore RUN... | purge [RUN...] [--yes]"
    )
    parser.add_argument(
        "words", metavar="delete RUN...", nargs="*", help="delete, restore or purge runs; show the trash"
    )
    parser.add_argument("--scenario", metavar="X", default="", help="only runs whose scenario has X in its name")
    parser.add_argument("--contender", metavar="Y", default="", help="only runs with a model that has Y in its name")
    parser.add_argument("--since", metavar="DATE", type=_date, default=None, help="only runs since then (2026-11-01)")
    parser.add_argument(
        "-n", "--limit", metavar="N", type=number(1, 1_000_000, "a number of runs"), default=0, help="only the N newest"
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser
