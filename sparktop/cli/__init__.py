"""The command line: `main` is the program.

Only what every call needs is imported here; each command's module, and with it the screens, the
engines and the arithmetic, when that command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sparktop.cli.console import Console, Exit, Refused

if TYPE_CHECKING:
    import argparse


class _Answered(Exception):
    """The help or the version was asked for and has been printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
        argv: What was typed after the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    console = Console.of_process()
    try:
        return _main(list(sys.argv[1:] if argv is None else argv), console)
    except _Answered:
        return Exit.OK
    except Refused as refusal:
        _complain(console, str(refusal))
        return refusal.code
    except KeyboardInterrupt:
        console.note("")
        return Exit.INTERRUPTED
    except Exception as error:
        from sparktop.cli.crash import keep_traceback

        _complain(console, keep_traceback(error, console.environ))
        return Exit.FAILED


def _main(words: list[str], console: Console) -> int:
    from sparktop.cli import parser

    # "4" in "--fps 4" is no command.
    after_option = {at + 1 for at, word in enumerate(words) if word in ("--fps", "--node", "--token-file")}
    command = next((word for at, word in enumerate(words) if not word.startswith("-") and at not in after_option), None)
    if command is None:
        return _bare(_parse(parser.top_parser(), words, console), console)
    at = words.index(command)
    before, after = words[:at], words[at + 1 :]
    if before:
        _parse(parser.top_parser(), before, console)
    if command not in parser.COMMANDS:
        raise Refused(_no_command(command, parser.COMMANDS))
    # What may stand before the command is about the screen, which some commands have too.
    on_screen = command in ("run", "monitor", "replay", "rate")
    arguments = _parse(parser.command_parser(command), [*before, *after] if on_screen else after, console)
    import importlib

    execute: Callable[[argparse.Namespace, Console], int]
    execute = importlib.import_module(f"sparktop.cli.{command}").execute
    return execute(arguments, console)


def _bare(arguments: argparse.Namespace, console: Console) -> int:
    from sparktop.cli.run import execute_bare

    return execute_bare(arguments, console)


def _parse(parser: argparse.ArgumentParser, words: list[str], console: Console) -> argparse.Namespace:
    try:
        return parser.parse_args(words)
    except SystemExit as end:
        # argparse has printed help or the version; what is still buffered goes out here, so that a
        # reader that went away is met with silence and not by the interpreter's shutdown.
        console.flush()
        raise _Answered from end


def _no_command(word: str, commands: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, commands, n=1)
    advice = f'did you mean "sparktop {close[0]}"?' if close else f"there are {', '.join(commands)}"
    return f'no command is called "{word[:40]}"; {advice}'


def _complain(console: Console, sentence: str) -> None:
    from sparktop.model.text import one_line

    console.note(f"sparktop: {one_line(sentence)}")
