"""Elements of HTML and SVG. Texts and attributes are escaped here; there is no other way to make an element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sparktop.report.escape import for_html

_VOID: Final = frozenset({"meta", "br", "hr", "rect", "line", "path", "circle"})
_LINES: Final = frozenset(
    {"head", "header", "section", "nav", "table", "thead", "tr", "ul", "ol", "li", "p", "figure", "svg", "div", "path"}
)
"""Elements that end a line of the file, so that two reports can be held against each other."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already, because `element` made it."""

    html: str


Child = Markup | str | None


def element(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """Returns an element.

    Args:
        name: Its name, from the program.
        children: Elements, and texts that get escaped; None is left out.
        attributes: By name; underscores stand for hyphens, one at the end for nothing ("class_"). None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{for_html(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "\n" if name in _LINES else ""
    if name in _VOID and not children:
        return Markup(f"<{name}{written}/>{end}")
    return Markup(f"<{name}{written}>{together(*children).html}</{name}>{end}")


def together(*children: Child) -> Markup:
    """Returns several elements and texts as one."""
    return Markup(
        "".join(one.html if isinstance(one, Markup) else for_html(one) for one in children if one is not None)
    )
