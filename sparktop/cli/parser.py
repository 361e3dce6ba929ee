"""What can be typed, and the help that teaches it. Imports argparse and nothing else that costs time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from sparktop import __version__
from sparktop.cli.console import Refused

ABOUT: Final = {
    "run": "run a scenario, on the screen or headless",
    "scenarios": "list the scenarios, or show one",
    "models": "list the models that come with sparktop, or look into a .gguf file",
    "monitor": "watch what the machine is doing, without running anything",
    "doctor": "check whether everything that sparktop needs is here",
    "recover": "complete the runs that a crash broke off",
    "schema": "print the JSON Schema of snapshots",
    "completions": "print what makes Tab complete the words of a command line",
}
"""What each command does."""

COMMANDS: Final = tuple(ABOUT)

SHELLS: Final = ("bash", "zsh", "fish")

_EXIT_CODES: Final = """\
exit codes:
  0    done
  1    not all of it worked: a contender or a request failed, an answer is empty, or the run could not
       be kept; what did work is shown and kept
  2    wrong usage or configuration; stderr says in one sentence what to do
  3    an engine or a node could not be reached
  129  the terminal hung up; the run was kept
  130  interrupted (Ctrl+C); the run was kept
  143  ended by SIGTERM; the run was kept
"""

_CONTENDERS: Final = """\
contenders:
  A contender is a model that takes part. It is named by
    demo-base, demo-sutra   toy models that come with sparktop: they need no download and no GPU
    PATH.gguf               a model file in llama.cpp's format (of a split model, its first part)
    URL#MODEL               a model on a server with OpenAI's API (llama-server, vLLM, SGLang, TensorRT-LLM,
                            Ollama, ...), as in http://127.0.0.1:8000/v1#qwen; "#MODEL" can go if it has one
  Without -m both demo models run. Contenders run one after another, because two models in one memory
  measure each other; --together runs them at once and marks the figures as contended.
"""

_FILES: Final = """\
files:
  ~/.config/sparktop/scenarios/*.toml   your own scenarios
  ~/.local/share/sparktop/runs/         a journal and a snapshot (JSON) of every run
  ~/.local/state/sparktop/log/          logs of the engines, and of crashes
  XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME move them.
"""


_COMMANDS: Final = "\n".join(
    [
        "commands:",
        *(f"  {command:<13}{about}" for command, about in ABOUT.items()),
        '  "sparktop COMMAND --help" explains each.',
        "",
    ]
)

_EXAMPLES: Final = """\
examples:
  sparktop
  sparktop run sutra-qa
  sparktop run batch-sweep -m ~/models/qwen2.5-7b-q8_0.gguf --headless
  sparktop run smoke --json | jq .status
"""

_RUN_EXAMPLES: Final = """\
examples:
  sparktop run sutra-qa                              both demo models, on the screen
  sparktop run smoke --headless                      progress and a table
  sparktop run sutra-qa -m a.gguf -m b.gguf          two models side by side
  sparktop run general --limit 3 --max-tokens 64     the first three questions, short answers
  sparktop run batch-sweep --json > sweep.json       the snapshot on stdout
  sparktop run ./mine.toml --out result.json         a scenario of your own, the snapshot in a file
  sparktop run general -m http://127.0.0.1:8080      the model that a server there has
"""

_INTERRUPTING: Final = """\
interrupting:
  Ctrl+C ends the run and keeps what there is (exit code 130); a second Ctrl+C leaves at once.
"""

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

_MODEL_EXAMPLES: Final = """\
examples:
  sparktop models
  sparktop models ~/models/*.gguf
"""

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
"""

_MONITOR_WHERE: Final = """\
on the screen or as text:
  On a terminal the screen opens; "?" shows its keys. --once, --json and --text print instead, and so
  does every call without a terminal.
"""

_MONITOR_JSON: Final = """\
JSON:
  {"node": NAME, "t": SECONDS, "values": {CHANNEL: NUMBER}, "missing": {CHANNEL: REASON},
   "units": {CHANNEL: UNIT}}, one object for each reading; what could not be read is in "missing"
  and never 0. docs/telemetry.md explains the channels.
"""

_MONITOR_EXIT_CODES: Final = """\
exit codes:
  0    done, or left with q
  1    the recording is not complete
  2    wrong usage, or the folder is no recording; stderr says in one sentence what to do
  3    with --once: none of the servers could be read
  129  the terminal hung up; what was recorded is kept
  130  interrupted (Ctrl+C) while it printed; what was recorded is kept
  143  ended by SIGTERM; what was recorded is kept
"""

_COMPLETION_EXAMPLES: Final = """\
examples:
  eval "$(sparktop completions bash)"      in ~/.bashrc
  eval "$(sparktop completions zsh)"       in ~/.zshrc, after compinit
  sparktop completions fish | source       in ~/.config/fish/config.fish
"""

_DOCTOR_EXAMPLES: Final = """\
examples:
  sparktop doctor
  sparktop doctor --fix     build llama.cpp again for this machine, for the GPU if there is one
  sparktop doctor --json
"""

_DOCTOR_EXIT_CODES: Final = """\
exit codes:
  0    no problem (warnings are none)
  1    at least one problem, or the fix failed
"""


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong, instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f'{message.removesuffix(".")}; "{self.prog} --help" shows what can be given')


def _number(low: int, high: int, what: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        # int() takes "1_000" and digits of other scripts too, which a person never means.
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"expected {what} from {low} to {high}, found {text[:40]!r}")
        return int(text)

    return convert


def _speed(text: str) -> float:
    try:
        speed = float(text) if text.isascii() else 0.0
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 100:
        raise argparse.ArgumentTypeError(f"expected a number from 0.1 to 100, found {text[:40]!r}")
    return speed


def _parser(prog: str, about: str, *more: str) -> _Parser:
    return _Parser(
        prog=prog,
        description=about,
        epilog="\n".join(more),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def top_parser() -> argparse.ArgumentParser:
    """Returns the parser of what stands before the command."""
    parser = _parser(
        "sparktop",
        "Drives language models through scenarios and shows how fast they are, what holds them back,\n"
        "and how good their answers are. Without a command it opens the terminal screen; where there is\n"
        "no terminal it runs the default scenario and prints the results.",
        _COMMANDS,
        _EXAMPLES,
        _CONTENDERS,
        _FILES,
        _EXIT_CODES,
    )
    parser.usage = "sparktop [-h] [--version] [--fps N] [COMMAND ...]"
    parser.add_argument("--version", action="version", version=f"sparktop {__version__}")
    _add_fps(parser)
    return parser


def _add_fps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fps",
        metavar="N",
        type=_number(1, 60, "paints a second"),
        default=10,
        help="paint the screen at most N times a second (default: 10); fewer spare a slow line",
    )


def command_parser(command: str) -> argparse.ArgumentParser:
    """Returns the parser of one of `COMMANDS`."""
    return _PARSERS[command]()


def _run() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop run",
        "Asks every contender what the scenario asks, measures it, and keeps the run as a snapshot.\n"
        "On a terminal the screen opens; headless, progress goes to stderr and a table to stdout.",
        _RUN_EXAMPLES,
        _CONTENDERS,
        _FILES,
        _INTERRUPTING,
        _EXIT_CODES,
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
    parser.add_argument("--headless", action="store_true", help="no screen, on a terminal too")
    parser.add_argument("--out", metavar="FILE", help='write the snapshot to FILE too; "-" is stdout; headless')
    parser.add_argument("--json", action="store_true", help="print the snapshot on stdout instead of a table; headless")
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_number(1, 1_000_000, "a number of questions"),
        default=0,
        help="only the first N questions",
    )
    parser.add_argument(
        "--max-tokens",
        metavar="N",
        type=_number(1, 1_000_000, "a number of tokens"),
        default=0,
        help="end every answer after N tokens",
    )
    parser.add_argument(
        "--seed", metavar="N", type=_number(0, 2**31 - 1, "a seed"), default=None, help="seed of the sampler"
    )
    parser.add_argument(
        "--reserve",
        metavar="GIB",
        type=_number(0, 4096, "GiB of memory"),
        default=None,
        help="memory that loading a model must leave free (default: 8, or a tenth of a smaller machine)",
    )
    parser.add_argument("--together", action="store_true", help="run all contenders at once; figures are contended")
    parser.add_argument(
        "--api-key-env",
        metavar="NAME",
        default="",
        help="environment variable with the API key of the servers; the key itself is written nowhere",
    )
    parser.add_argument(
        "--silence",
        metavar="SECONDS",
        type=_number(1, 86_400, "seconds"),
        default=300,
        help="give up a request of which a server has sent nothing new for so long (default: 300)",
    )
    _add_fps(parser)
    return parser


def _scenarios() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop scenarios",
        "Lists what can be asked: the scenarios that come with sparktop and your own.",
        _SCENARIO_EXAMPLES,
        _OWN_SCENARIOS,
        _EXIT_CODES,
    )
    parser.usage = "sparktop scenarios [-h] [show NAME]"
    parser.add_argument("words", metavar="show NAME", nargs="*", help="show one scenario: a name, or a .toml file")
    return parser


def _models() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop models",
        "Lists the models that come with sparktop, or says what a model file holds and whether it fits\n"
        "into memory now. Nothing is loaded.",
        _MODEL_EXAMPLES,
        _CONTENDERS,
        _EXIT_CODES,
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a .gguf file")
    return parser


def _monitor() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop monitor",
        "Shows memory, GPUs, RDMA and network links, processors, temperatures and power as they are now,\n"
        "and what is wrong with them; with --engine also a server of language models while others use it.\n"
        "Nothing is run and nothing changed.",
        _MONITOR_EXAMPLES,
        _MONITOR_WHERE,
        _MONITOR_JSON,
        _MONITOR_EXIT_CODES,
    )
    parser.add_argument("--text", action="store_true", help="print a line for each reading, on a terminal too")
    parser.add_argument("--once", action="store_true", help="print one complete reading; takes half a second")
    parser.add_argument("--json", action="store_true", help="print every reading as JSON")
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=_number(1, 86_400, "seconds"),
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
    parser.add_argument(
        "--api-key-env",
        metavar="NAME",
        default="",
        help="environment variable with the API key of the servers; the key itself is written nowhere",
    )
    parser.add_argument(
        "--speed",
        metavar="N",
        type=_speed,
        help="play a recording N times as fast as it was taken, on the screen (0.1 to 100, default: 1)",
    )
    _add_fps(parser)
    return parser


def _doctor() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop doctor",
        "Checks whether everything that sparktop needs is here, and says what to do where it is not.",
        _DOCTOR_EXAMPLES,
        _DOCTOR_EXIT_CODES,
    )
    parser.add_argument("--fix", action="store_true", help="replace a llama.cpp build that doesn't suit this machine")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    return parser


def _recover() -> argparse.ArgumentParser:
    return _parser(
        "sparktop recover",
        "Completes the runs that a crash or a power cut broke off: writes the snapshot that is missing\n"
        'from the journal that was being kept, with the status "interrupted". Running runs are left alone.',
        "examples:\n  sparktop recover\n",
        _FILES,
        _EXIT_CODES,
    )


def _schema() -> argparse.ArgumentParser:
    return _parser(
        "sparktop schema",
        "Prints the JSON Schema of the snapshots that runs leave, for programs that read them.",
        "examples:\n  sparktop schema > snapshot.schema.json\n",
        _EXIT_CODES,
    )


def _completions() -> argparse.ArgumentParser:
    parser = _parser(
        "sparktop completions",
        "Prints a script that makes the Tab key complete commands, options, scenarios and models.",
        _COMPLETION_EXAMPLES,
        _EXIT_CODES,
    )
    parser.add_argument("shell", metavar="SHELL", nargs="?", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")
    parser.add_argument(
        "--word",
        dest="words",
        metavar="+WORD",
        action="append",
        help="for the script, once for each word typed so far: print what the last may become, and its meaning",
    )
    return parser


_PARSERS: Final[dict[str, Callable[[], argparse.ArgumentParser]]] = {
    "run": _run,
    "scenarios": _scenarios,
    "models": _models,
    "monitor": _monitor,
    "doctor": _doctor,
    "recover": _recover,
    "schema": _schema,
    "completions": _completions,
}
