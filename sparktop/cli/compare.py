"""`sparktop compare`: what changed from one run to another."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.runs import the_snapshot
from sparktop.headless.comparison import comparison_lines
from sparktop.model.comparison import NotComparable, compare


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Prints the comparison.

    Raises:
        Refused: There is no such run, or the two have nothing in common.
    """
    pairs = dict(arguments.pairs)
    if len(pairs) < len(arguments.pairs) or len(set(pairs.values())) < len(pairs):
        raise Refused("--pair names a contender twice: each is held against one")
    try:
        found = compare(the_snapshot(arguments.before, console), the_snapshot(arguments.after, console), pairs)
    except NotComparable as error:
        hint = "; --pair OLD=NEW does" if "against whom" in str(error) else ""
        raise Refused(f"{error}{hint}") from error
    worse = found.worse(arguments.threshold)
    if arguments.json:
        document = {
            "schema": "sparktop.comparison/1",
            "threshold": arguments.threshold,
            "worse": [
                {"contender": row.after, "batch": row.batch, "metric": change.metric, "change": change.change}
                for row, change in worse
            ],
            **asdict(found),
        }
        console.say(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        console.say("\n".join(comparison_lines(found, arguments.threshold)))
    return Exit.FAILED if worse else Exit.OK
