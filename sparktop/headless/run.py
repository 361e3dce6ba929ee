"""A run from plan to outcome, without a screen."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from sparktop.headless.drive import Drive, Inbox, drive
from sparktop.headless.progress import LineProgress, PlainProgress, Progress
from sparktop.places import Places
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import Plan
from sparktop.runner.session import Session

if TYPE_CHECKING:
    from sparktop.nodes.remote import RemoteNode


def run_headless(
    plan: Plan, places: Places, err: TextIO, environ: Mapping[str, str], nodes: Sequence[RemoteNode] = ()
) -> Drive:
    """Runs a plan to its end and tells stderr how it gets on. Call it from the main thread.

    Args:
        plan: What runs.
        places: Where its journal, snapshot and logs go.
        err: Where progress goes: one line that changes on a terminal, plain lines elsewhere.
        environ: Environment variables, for what kind of terminal it is.
        nodes: The other machines that take part, connected to; they are let go with the run.
    """
    inbox = Inbox()
    return drive(Session(plan, places, inbox.put, fleet=Fleet(nodes)), inbox, progress_for(err, environ))


def progress_for(stream: TextIO, environ: Mapping[str, str]) -> Progress:
    """Returns the way of telling that suits a stream."""
    if stream.isatty() and environ.get("TERM", "dumb") != "dumb":
        return LineProgress(stream, lambda: shutil.get_terminal_size().columns)
    return PlainProgress(stream)
