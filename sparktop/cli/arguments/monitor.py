"""What can be typed after `sparktop monitor`."""

from __future__ import annotations

import argparse
from typing import Final

from sparktop.cli.arguments.base import NODES, add_api_key, add_fps, add_nodes, number, parser_of, speed

_MONITOR_EXAMPLES: Final = """\
examples:
  sparktop monitor                          the machine on the screen, until q
  sparktop monitor --text                   a line every second, until Ctrl+C; also where there is no terminal
  sparktop monitor --once                   everything that can be read, and why the rest can not
  sparktop monitor --once --json | jq '.values["gpu.0.power"]'
  sparktop monitor --record case            on the screen, and what is read, raw, in the folder "case"
  sparktop monitor --from case              that machine on the screen, as it was
  sparktop monitor --from case --speed 10   ten times as fast
  sparktop monitor --from case --once       what it was doing at the end
  sparktop monitor --engine URL             a server of models too: tokens a second, requests, caches
  sparktop monitor --node spark-2           another machine beside this one, on the same time line
"""

_MONITOR_WHERE: Final = """\
on the screen or as text:
  On a terminal the screen opens; "?" shows its keys. --once, --json and --text print instead, and so
  does every call without a terminal.
"""

_MONITOR_WRONG: Final = """\
what is wrong:
  The screen and --once say it in a place of their own, --text in a line of its own when it begins
  and when it is over. What one reading can't tell, such as a stuck clock, --once calls "not judged".
"""

_MONITOR_JSON: Final = """\
JSON:
  {"node": NAME, "t": SECONDS, "values": {CHANNEL: NUMBER}, "missing": {CHANNEL: REASON},
   "units": {CHANNEL: UNIT}, "alerts": [{"code", "severity", "text", "evidence"}],
   "unjudged": [{"code", "reason"}]}, one object for each reading; what could not be read is in
  "missing" and never 0. docs/telemetry.md explains the channels, docs/verdicts.md the alerts.
"""

_MONITOR_EXIT_CODES: Final = """\
exit codes:
  0    done, or left with q
  1    the recording is not complete
  2    wrong usage, or the folder is no recording; stderr says in one sentence what to do
  3    a node could not be reached; with --once: none of the servers could be read
  129  the terminal hung up; what was recorded is kept
  130  interrupted (Ctrl+C) while it printed; what was recorded is kept
  143  ended by SIGTERM; what was recorded is kept
"""


def make() -> argparse.ArgumentParser:
    """Returns the parser of `sparktop monitor`."""
    parser = parser_of(
        "sparktop monitor",
        "Shows memory, GPUs, RDMA and network links, processors, temperatures and power as they are now,\n"
        "and what is wrong with them; with --engine also a server of language models while others use it.\n"
        "Nothing is run and nothing changed.",
        _MONITOR_EXAMPLES,
        _MONITOR_WHERE,
        _MONITOR_WRONG,
        _MONITOR_JSON,
        NODES,
        _MONITOR_EXIT_CODES,
    )
    parser.add_argument("--text", action="store_true", help="print a line for each reading, on a terminal too")
    parser.add_argument("--once", action="store_true", help="print one complete reading; takes half a second")
    parser.add_argument("--json", action="store_true", help="print every reading as JSON")
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=number(1, 86_400, "seconds"),
        help="end after N seconds (default: at q or Ctrl+C; when --record prints, after 10)",
    )
    parser.add_argument(
        "--record", metavar="DIR", help="keep what is read, raw, in the folder DIR, which is made if need be"
    )
    parser.add_argument("--from", dest="played", metavar="DIR", help="show a recording instead of this machine")
    parser.add_argument(
        "--engine",
        dest="engines",
        metavar="URL",
        action="append",
        default=[],
        help="also read what a server of models tells of itself, http://127.0.0.1:8000 for example; several times too",
    )
    add_api_key(parser)
    add_nodes(
        parser,
        "also show another machine: a name from config.toml, a host for ssh, or ws://HOST:PORT; several times too",
    )
    parser.add_argument(
        "--speed",
        metavar="N",
        type=speed,
        help="play a recording N times as fast as it was taken, on the screen (0.1 to 100, default: 1)",
    )
    add_fps(parser)
    return parser
