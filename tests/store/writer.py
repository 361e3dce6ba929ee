"""A program that keeps a run until it is killed; a test starts it and kills it.

    python writer.py FOLDER ID

It appends one notice a millisecond and prints how many it has appended, so that whoever kills it
knows how many there were.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sparktop.model.events import Notice
from sparktop.store.journal import Journal
from sparktop.store.names import journal_path
from tests.model.synthetic import Run


def main(folder: str, run_id: str) -> None:
    journal = Journal(journal_path(Path(folder), run_id), lambda problem: sys.exit(problem))
    for event in Run(id=run_id, status=None).events():
        journal.append(event)
    begun = time.monotonic()
    for number in range(1_000_000):
        journal.append(Notice(t=time.monotonic() - begun, text=str(number)))
        print(number, flush=True)
        time.sleep(0.001)


if __name__ == "__main__":
    main(*sys.argv[1:])
