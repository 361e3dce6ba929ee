"""`sparktop schema`: what a snapshot looks like, for programs."""

from __future__ import annotations

import argparse
import json

from sparktop.cli.console import Console, Exit
from sparktop.model.schema import snapshot_schema


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Prints the JSON Schema of snapshots."""
    console.say(json.dumps(snapshot_schema(), ensure_ascii=False, indent=2))
    return Exit.OK
