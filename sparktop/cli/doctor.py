"""`sparktop doctor`: what is amiss here, and what to do about it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict

from sparktop import toolchain
from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import library, places
from sparktop.doctor import Check, Grade, Surroundings, examine
from sparktop.model.text import one_line


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Prints the checks; with --fix, first replaces a llama.cpp build that doesn't suit the machine.

    Raises:
        Refused: The environment asks for a build that can't be made here.
    """
    if arguments.fix and (code := _fix(console)) != 0:
        return code
    checks = examine(
        Surroundings(
            environ=console.environ,
            places=places(console),
            library=library(console),
            terminal=_size(console),
            encoding=console.out.encoding,
        )
    )
    problems = sum(check.grade is Grade.PROBLEM for check in checks)
    if arguments.json:
        document = {"ok": not problems, "checks": [asdict(check) for check in checks]}
        console.say(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        console.say("\n".join(line for check in checks for line in _lines(check)))
    return Exit.FAILED if problems else Exit.OK


def _size(console: Console) -> tuple[int, int] | None:
    if not console.out.isatty():
        return None
    size = os.get_terminal_size(console.out.fileno())
    return size.columns, size.lines


def _fix(console: Console) -> int:
    try:
        fix = toolchain.examine().fix
    except toolchain.ToolchainError as error:
        raise Refused(str(error)) from error
    if fix is None:
        console.note("The llama.cpp build is the right one for this machine.")
        return Exit.OK

    def call(command: Sequence[str]) -> int:
        # What the build prints is no result: stdout is kept for the checks. From "/", so that no
        # pyproject.toml that happens to be near has a say.
        return subprocess.run(command, cwd="/", stdout=console.err, check=False).returncode

    return Exit.FAILED if toolchain.apply_fix(fix, say=console.note, call=call) else Exit.OK


def _lines(check: Check) -> list[str]:
    lines = [f"{check.grade:<8} {check.name:<16} {one_line(check.found)}"]
    if check.advice:
        lines.append(f"{'':<25} -> {one_line(check.advice)}")
    return lines
