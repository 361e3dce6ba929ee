"""Writing a report: in a format, to a file or as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from sparktop.model.document import Snapshot
from sparktop.model.published import Published
from sparktop.report.build import build
from sparktop.report.document import Report
from sparktop.report.language import Lang, Language, language
from sparktop.report.render_csv import to_csv
from sparktop.report.render_html import to_html
from sparktop.report.render_json import to_json
from sparktop.report.render_markdown import to_markdown
from sparktop.report.sound import check
from sparktop.store.whole import write_where_asked


class Format(StrEnum):
    """What a report can be written as."""

    MD = "md"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


_RENDERERS: Final[dict[Format, Callable[[Report, Language], str]]] = {
    Format.MD: to_markdown,
    Format.HTML: to_html,
    Format.CSV: lambda report, _: to_csv(report),
    Format.JSON: lambda report, _: to_json(report),
}


def render(
    runs: Sequence[Snapshot], form: Format, lang: Lang, published: Published | None = None, *, full: bool = False
) -> str:
    """Returns the report of some runs as text that ends with a line feed.

    Args:
        runs: The runs; those that asked the same are compared side by side.
        form: Its format.
        lang: Its language.
        published: Results of others, to hold the runs against; None for none.
        full: Whether answers are quoted in full.

    Raises:
        Unsound: A run contradicts itself, so that nothing could be computed from it.
        ValueError: There are no runs.
    """
    for run in runs:
        check(run)
    return _RENDERERS[form](build(runs, lang, published, full=full), language(lang))


def write(
    runs: Sequence[Snapshot],
    form: Format,
    lang: Lang,
    path: Path,
    published: Published | None = None,
    *,
    full: bool = False,
) -> None:
    """Writes the report of some runs to a file, whole or not at all.

    The file is for its owner alone where it is new, as answers may be private.

    Args:
        runs: The runs; those that asked the same are compared side by side.
        form: Its format.
        lang: Its language.
        path: The file; its folder must exist.
        published: Results of others, to hold the runs against; None for none.
        full: Whether answers are quoted in full.

    Raises:
        Unsound: A run contradicts itself, so that nothing could be computed from it.
        ValueError: There are no runs.
        OSError: The file can't be written.
    """
    write_where_asked(render(runs, form, lang, published, full=full).encode(), path)
