"""What can be typed, and the help that teaches it. Imports argparse and nothing else that costs time."""

from __future__ import annotations

import argparse
import importlib
from typing import Final

from sparktop import __version__
from sparktop.cli.arguments.base import (
    CONTENDERS,
    FILES,
    RUN_EXIT_CODES,
    WITHOUT_CONTENDERS,
    add_fps,
    add_nodes,
    parser_of,
)

ABOUT: Final = {
    "run": "run a scenario, on the screen or headless",
    "scenarios": "list the scenarios, or show one",
    "models": "list models: those that come with sparktop, well-known ones, or what is in a .gguf file",
    "monitor": "watch what the machine is doing, without running anything",
    "node": "serve this machine to a sparktop on another one",
    "nodes": "list the machines that can be reached, with their models",
    "report": "write what runs brought as Markdown, HTML, CSV or JSON, in English or Chinese",
    "history": "list the runs so far, delete them, bring them back",
    "compare": "hold a run against another: what changed, and whether chance explains it",
    "replay": "play a run again on the screen, with pause, forwards and back",
    "rate": "rate the answers of a run on the screen: stars, notes, votes",
    "judge": "have a model compare the answers of a run",
    "doctor": "check whether everything that sparktop needs is here",
    "recover": "complete the runs that a crash broke off",
    "schema": "print the JSON Schema of snapshots",
    "completions": "print what makes Tab complete the words of a command line",
}
"""What each command does."""

COMMANDS: Final = tuple(ABOUT)

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


def top_parser() -> argparse.ArgumentParser:
    """Returns the parser of what stands before the command."""
    parser = parser_of(
        "sparktop",
        "Drives language models through scenarios and shows how fast they are, what holds them back,\n"
        "and how good their answers are. Without a command it opens the terminal screen; where there is\n"
        "no terminal it runs the default scenario and prints the results.",
        _COMMANDS,
        _EXAMPLES,
        CONTENDERS + WITHOUT_CONTENDERS,
        FILES,
        RUN_EXIT_CODES,
    )
    parser.usage = "sparktop [-h] [--version] [--fps N] [--node NODE] [--token-file FILE] [COMMAND ...]"
    parser.add_argument("--version", action="version", version=f"sparktop {__version__}")
    add_fps(parser)
    add_nodes(parser, "another machine takes part: its models can be chosen, and it is read; several times too")
    return parser


def command_parser(command: str) -> argparse.ArgumentParser:
    """Returns the parser of one of `COMMANDS`."""
    # One command's texts are needed at a time, and every start waits for what is imported.
    made = importlib.import_module(f"sparktop.cli.arguments.{command}").make()
    assert isinstance(made, argparse.ArgumentParser)
    return made
