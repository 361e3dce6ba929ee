"""What the commands' parsers have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from sparktop.cli.console import Refused

EXIT_CODES: Final = """\
exit codes:
  0  done
  2  wrong usage or configuration; stderr says in one sentence what to do
"""
"""Of what runs nothing and keeps nothing."""

RUN_EXIT_CODES: Final = """\
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

CONTENDERS: Final = """\
contenders:
  A contender is a model that takes part. It is named by
    demo-base, demo-sutra   toy models that come with sparktop: they need no download and no GPU
    PATH.gguf               a model file in llama.cpp's format (of a split model, its first part)
    URL#MODEL               a model on a server with OpenAI's API (llama-server, vLLM, SGLang, TensorRT-LLM,
                            Ollama, ...), as in http://127.0.0.1:8000/v1#qwen; "#MODEL" can go if it has one
    NAME                    what config.toml calls one of these: [contenders.NAME] with path, or url, model
                            and api_key_env
    MODEL@NODE              a model that another machine has, by its name there ("sparktop nodes" lists them)
    MODEL@NODE+NODE         one model over several machines, by llama.cpp's RPC: the first has it and runs it;
                            for what is too large for one, since no single stream gets faster
"""

WITHOUT_CONTENDERS: Final = """\
  Without -m both demo models run. Contenders run one after another, because two models in one memory
  measure each other; --together runs them at once and marks the figures as contended. On different
  machines they run at the same time.
"""

NODES: Final = """\
nodes:
  A node is another machine. It is named by
    NAME                      a table [nodes.NAME] in config.toml, or else a host as "ssh NAME" takes it
    ws://HOST:PORT            an address that "sparktop node --listen" serves, with --token-file; or wss://
    PATH                      a unix socket on this machine (with a "/" in it)
  config.toml, in ~/.config/sparktop, for example:
    [nodes.spark-2]
    url = "ws://192.168.100.11:7470"
    token_file = "spark-2.token"            # a copy of the node's own; paths count from config.toml
    [nodes.spark-3]
    ssh = "me@spark-3"                      # without this, the name is what ssh is given
    models = ["~/models"]                   # what it may load where no "sparktop node" runs yet
    always = true                           # the menu connects to it by itself
  MODEL@NODE connects by itself; the menu of "sparktop" alone lists the nodes of config.toml.
"""

RUNS: Final = """\
runs:
  A run is named by its id, by the beginning of it if no other run begins so, by "last" (the newest) or
  "last~1" (the one before it), or by the path of its snapshot (.json) or its journal (.jsonl).
  "sparktop history" lists them.
"""

FILES: Final = """\
files:
  ~/.config/sparktop/scenarios/*.toml   your own scenarios
  ~/.config/sparktop/config.toml        names for contenders and nodes
  ~/.local/share/sparktop/runs/         a journal and a snapshot (JSON) of every run
  ~/.local/state/sparktop/log/          logs of the engines, and of crashes
  XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME move them.
"""


class Parser(argparse.ArgumentParser):
    """Says in one sentence what is wrong, instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f'{message.removesuffix(".")}; "{self.prog} --help" shows what can be given')


def number(low: int, high: int, what: str) -> Callable[[str], int]:
    """Returns what reads a whole number between two, both included."""

    def convert(text: str) -> int:
        # int() takes "1_000" and digits of other scripts too, which a person never means.
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"expected {what} from {low} to {high}, found {text[:40]!r}")
        return int(text)

    return convert


def speed(text: str) -> float:
    """Reads how many times as fast as it was something is played: 0.1 to 100."""
    try:
        times = float(text) if text.isascii() else 0.0
    except ValueError:
        times = 0.0
    if not 0.1 <= times <= 100:
        raise argparse.ArgumentTypeError(f"expected a number from 0.1 to 100, found {text[:40]!r}")
    return times


def parser_of(prog: str, about: str, *more: str) -> Parser:
    """Returns a parser with what stands below its options."""
    return Parser(
        prog=prog,
        description=about,
        epilog="\n".join(more),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_fps(parser: argparse.ArgumentParser) -> None:
    """Adds what every command with a screen takes."""
    parser.add_argument(
        "--fps",
        metavar="N",
        type=number(1, 60, "paints a second"),
        default=10,
        help="paint the screen at most N times a second (default: 10); fewer spare a slow line",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the run that a command is about."""
    parser.add_argument("run", metavar="RUN", help="the run; see below how runs are named")


def add_question_limit(parser: argparse.ArgumentParser, about: str) -> None:
    """Adds how many questions a command takes."""
    parser.add_argument(
        "--limit", metavar="N", type=number(1, 1_000_000, "a number of questions"), default=0, help=about
    )


def add_api_key(parser: argparse.ArgumentParser, whose: str = "the servers") -> None:
    """Adds what every command takes that asks servers."""
    parser.add_argument(
        "--api-key-env",
        metavar="NAME",
        default="",
        help=f"environment variable with the API key of {whose}; the key itself is written nowhere",
    )


def add_nodes(parser: argparse.ArgumentParser, about: str) -> None:
    """Adds what every command takes that other machines take part in."""
    parser.add_argument("--node", dest="nodes", metavar="NODE", action="append", default=[], help=about)
    add_token_file(parser)


def add_token_file(parser: argparse.ArgumentParser) -> None:
    """Adds what every command takes that connects to an address of a node."""
    parser.add_argument(
        "--token-file", metavar="FILE", help="copy of the node's token, for a node given as ws://HOST:PORT"
    )
