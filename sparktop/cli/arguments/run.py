"""What can be typed after `sparktop run`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import (
    CONTENDERS,
    FILES,
    NODES,
    RUN_EXIT_CODES,
    WITHOUT_CONTENDERS,
    add_api_key,
    add_fps,
    add_nodes,
    add_question_limit,
    number,
    parser_of,
)
from sparktop.model.scenario import MAX_BATCH

_RUN_EXAMPLES: Final = """\
examples:
  sparktop run sutra-qa                              both demo models, on the screen
  sparktop run smoke --headless                      progress and a table
  sparktop run sutra-qa -m a.gguf -m b.gguf          two models side by side
  sparktop run general --limit 3 --max-tokens 64     the first three questions, short answers
  sparktop run batch-sweep --json > sweep.json       the snapshot on stdout
  sparktop run batch-sweep --batches 1,8,64          other batch sizes than the scenario's
  sparktop run ./mine.toml --out result.json         a scenario of your own, the snapshot in a file
  sparktop run general -m http://127.0.0.1:8080      the model that a server there has
  sparktop run general -m a.gguf -m b@spark-2        one model here and one there, at the same time
  sparktop run general -m big.gguf@spark-1+spark-2   one model split over both, spark-1 being this machine
"""

_INTERRUPTING: Final = """\
interrupting:
  Ctrl+C ends the run and keeps what there is (exit code 130); a second Ctrl+C leaves at once.
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop run`."""
    parser = parser_of(
        "sparktop run",
        "Asks every contender what the scenario asks, measures it, and keeps the run as a snapshot.\n"
        "On a terminal the screen opens; headless, progress goes to stderr and a table to stdout.",
        _RUN_EXAMPLES,
        CONTENDERS + WITHOUT_CONTENDERS,
        NODES,
        FILES,
        _INTERRUPTING,
        RUN_EXIT_CODES,
    )
    parser.add_argument(
        "scenario", metavar="SCENARIO", help='a name from "sparktop scenarios", or the path of a .toml file'
    )
    parser.add_argument(
        "-m",
        "--model",
        dest="contenders",
        metavar="CONTENDER",
        action="append",
        default=[],
        help="a model that takes part; may be given several times (default: both demo models)",
    )
    add_nodes(parser, "another machine takes part: it is read, and MODEL@NODE can be placed on it; several times too")
    parser.add_argument("--headless", action="store_true", help="no screen, on a terminal too")
    parser.add_argument("--out", metavar="FILE", help='write the snapshot to FILE too; "-" is stdout; headless')
    parser.add_argument("--json", action="store_true", help="print the snapshot on stdout instead of a table; headless")
    add_question_limit(parser, "only the first N questions")
    parser.add_argument(
        "--max-tokens",
        metavar="N",
        type=number(1, 1_000_000, "a number of tokens"),
        default=0,
        help="end every answer after N tokens",
    )
    parser.add_argument(
        "--batches",
        metavar="N,N,...",
        type=_batches,
        default=(),
        help="batch sizes instead of the scenario's own: ascending, up to 256 streams (1,8,64)",
    )
    parser.add_argument(
        "--tensor-split",
        metavar="N,N,...",
        type=_shares,
        default=(),
        help="by what shares MODEL@NODE+NODE is split, one for each node (default: by the memory that each can give)",
    )
    parser.add_argument(
        "--seed", metavar="N", type=number(0, 2**31 - 1, "a seed"), default=None, help="seed of the sampler"
    )
    parser.add_argument(
        "--reserve",
        metavar="GIB",
        type=number(0, 4096, "GiB of memory"),
        default=None,
        help="memory that loading a model must leave free (default: 8, or a tenth of a machine below 80 GiB;"
        " where GPUs have memory of their own, 1 for each)",
    )
    parser.add_argument("--together", action="store_true", help="run all contenders at once; figures are contended")
    add_api_key(parser)
    parser.add_argument(
        "--silence",
        metavar="SECONDS",
        type=number(1, 86_400, "seconds"),
        default=300,
        help="give up a request of which a server has sent nothing new for so long (default: 300)",
    )
    add_fps(parser)
    return parser


def _shares(text: str) -> tuple[float, ...]:
    """Reads shares: numbers above 0 with commas between them."""
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) < 2 or not all(0 < share < 1e12 for share in shares):
        raise argparse.ArgumentTypeError(f"expected a number above 0 for each node (3,2), found {text[:40]!r}")
    return shares


def _batches(text: str) -> tuple[int, ...]:
    """Reads batch sizes: whole numbers with commas between them, ascending."""
    convert = number(1, MAX_BATCH, "batch sizes")
    sizes = tuple(convert(part.strip()) for part in text.split(","))
    if list(sizes) != sorted(set(sizes)):
        raise argparse.ArgumentTypeError(f"expected ascending batch sizes, each once, found {text[:40]!r}")
    return sizes
