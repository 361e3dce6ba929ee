"""What can be typed after `sparktop judge`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import (
    CONTENDERS,
    NODES,
    RUNS,
    add_api_key,
    add_nodes,
    add_question_limit,
    add_run,
    parser_of,
)

_EXAMPLES: Final = """\
examples:
  sparktop judge last --with ~/models/qwen2.5-72b-q4_k_m.gguf
  sparktop judge last --with http://127.0.0.1:8000/v1#qwen --limit 3
  sparktop judge last --with judge.gguf --rubric strict.txt
  sparktop judge last --with qwen2.5-72b@spark-2
"""

_HOW: Final = """\
how it judges:
  Every two answers to a question are shown to the model twice, once in each order, with the rubric of
  the scenario ([judge] rubric). Its last line has to be a verdict; whatever else it says counts as none,
  and is counted. An answer wins only if it wins in both orders; a verdict that changes with the order
  is a tie. All that it said is kept in the run, apart from what people say.
"""

_EXIT_CODES: Final = """\
exit codes:
  0    every verdict could be read
  1    some could not, or the model could not go on; what could be read is kept
  2    wrong usage, or there is nothing to judge; stderr says in one sentence what to do
  3    the model's server or node could not be reached
  129  the terminal hung up; verdicts that came are kept
  130  interrupted (Ctrl+C); verdicts that came are kept
  143  ended by SIGTERM; verdicts that came are kept
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop judge`."""
    parser = parser_of(
        "sparktop judge",
        "Has a model compare the answers of a run that is over, and keeps what it says in the run.",
        _EXAMPLES,
        _HOW,
        RUNS,
        CONTENDERS,
        NODES,
        _EXIT_CODES,
    )
    add_run(parser)
    parser.add_argument(
        "--with", dest="judge", metavar="CONTENDER", required=True, help="the model that judges, named as any contender"
    )
    add_nodes(
        parser, "the judge's machine, where MODEL@NODE alone does not tell how it is reached (ws://HOST:PORT, a socket)"
    )
    add_question_limit(parser, "only the answers to the first N questions")
    parser.add_argument("--rubric", metavar="FILE", help="what to look for, instead of what the scenario says")
    add_api_key(parser, "the server")
    return parser
