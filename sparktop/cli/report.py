"""`sparktop report`: what runs brought, as a document."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from sparktop import report
from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.runs import the_snapshot
from sparktop.cli.target import Target
from sparktop.model.document import Snapshot
from sparktop.model.text import one_line
from sparktop.published import BadPublished, load_published
from sparktop.report import Format, Lang, Unsound
from sparktop.store.whole import write_where_asked

_ENDINGS = {".md": Format.MD, ".markdown": Format.MD, ".html": Format.HTML, ".htm": Format.HTML} | {
    f".{form.value}": form for form in (Format.CSV, Format.JSON)
}


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Writes the report.

    Raises:
        Refused: A run can't be used, or the file can't be written.
    """
    target = Target.of(arguments.out, json=False)
    form = _format(arguments.format, target.path)
    lang = Lang(arguments.lang) if arguments.lang else _lang(console.environ)
    snapshots = _snapshots(arguments.runs, console)
    try:
        published = load_published()
    except BadPublished as error:
        raise Refused(str(error)) from error
    try:
        text = report.render(snapshots, form, lang, published, full=arguments.full)
    except Unsound as error:
        raise Refused(str(error)) from error
    if target.path is None:
        console.say(text.rstrip("\n"))
        return Exit.OK
    try:
        write_where_asked(text.encode(), target.path)
    except OSError as error:
        raise Refused(f"{target.path} can't be written: {error.strerror or error}", Exit.FAILED) from error
    console.note(f"report: {one_line(str(target.path))}")
    return Exit.OK


def _snapshots(words: list[str], console: Console) -> list[Snapshot]:
    """Returns the runs that are meant; one that was named twice is there once."""
    found: dict[str, Snapshot] = {}
    for word in words:
        snapshot = the_snapshot(word, console)
        other = found.setdefault(snapshot.id, snapshot)
        if other != snapshot:
            raise Refused(f"two of these runs have the id {one_line(snapshot.id)} and are not the same: leave one out")
    return list(found.values())


def _format(wanted: str | None, path: Path | None) -> Format:
    if wanted is not None:
        return Format(wanted)
    return _ENDINGS.get(path.suffix.lower(), Format.MD) if path is not None else Format.MD


def _lang(environ: Mapping[str, str]) -> Lang:
    """The language of the terminal's messages."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if locale := environ.get(variable):
            return Lang.ZH if locale.lower().startswith("zh") else Lang.EN
    return Lang.EN
