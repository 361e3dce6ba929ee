"""Writing reports from the screens: the same as `sparktop report --format html`, into a folder beside the runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.worker import get_current_worker

from sparktop.ui.format import plural

if TYPE_CHECKING:
    # What writes reports costs 100 ms to import, and the menu is there before anybody wants one.
    from sparktop.store.runs import RunEntry
    from sparktop.ui.application import SparktopApp

_LONGEST_NAME: Final = 120


def write_report(entries: Sequence[RunEntry], folder: Path, *, chinese: bool) -> Path:
    """Writes the report of some runs as a page and returns its file; one of the same runs takes its place.

    Args:
        entries: The runs.
        folder: Where it goes; it is made where it is not there.
        chinese: Whether it is in Chinese.

    Raises:
        ValueError: A run can't be read or contradicts itself; the message is one sentence.
        OSError: It can't be written.
    """
    from sparktop.published import load_published
    from sparktop.report import Format, Lang, write
    from sparktop.store.opening import load_snapshot

    snapshots = [load_snapshot(entry) for entry in entries]
    name = "+".join(re.sub(r"[^\w.-]+", "-", snapshot.id).lstrip(".-") or "run" for snapshot in snapshots)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name[:_LONGEST_NAME]}.html"
    write(snapshots, Format.HTML, Lang.ZH if chinese else Lang.EN, path, load_published())
    return path


def begin_report(app: SparktopApp, find: Callable[[], Sequence[RunEntry]]) -> None:
    """Writes a report in a thread, and says where it is.

    Args:
        app: The app.
        find: Finds the runs; called in the thread, may raise as `write_report`.
    """

    def work() -> None:
        try:
            entries = find()
            path = write_report(entries, app.beside_runs("reports", ""), chinese=app.chinese)
        except (ValueError, OSError) as error:
            sentence, severity = f"No report was written: {error}", "error"
        else:
            sentence, severity = f"Report of {plural(len(entries), 'run')}: {path}", "information"
        if not get_current_worker().is_cancelled:
            app.call_from_thread(app.say, sentence, severity)

    app.run_worker(work, thread=True, exclusive=True, group="report", exit_on_error=False)
