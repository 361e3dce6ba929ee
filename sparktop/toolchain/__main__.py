"""`python3 -m sparktop.toolchain`: what was chosen for this machine, before anything is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from sparktop.toolchain.choice import choose, uv_args
from sparktop.toolchain.machine import OVERRIDE, Environment, ToolchainError, probe


def main(arguments: Sequence[str] = tuple(sys.argv[1:]), env: Environment = os.environ) -> int:
    """Print what was chosen and why; with --uv-args, the arguments for `uv sync` on stdout, one a line."""
    if any(argument != "--uv-args" for argument in arguments):
        print("usage: python3 -m sparktop.toolchain [--uv-args]", file=sys.stderr)
        return 2
    try:
        choice = choose(probe(env), env.get(OVERRIDE, "auto"))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 2
    for line in (choice.line, *choice.hints):
        print(line, file=sys.stderr)
    if "--uv-args" in arguments:
        print("\n".join(uv_args(choice)), end="\n" if choice.settings else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
