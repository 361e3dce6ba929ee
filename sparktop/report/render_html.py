"""The report as one HTML file: no network, no script; charts inline; for screens of any width, and for paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sparktop.report.document import (
    WINNER,
    Align,
    Block,
    Cell,
    Column,
    Listing,
    Piece,
    Quote,
    Report,
    Section,
    Table,
    Text,
    Tone,
)
from sparktop.report.language import Lang, Language
from sparktop.report.markup import Child, Markup, element
from sparktop.report.svg import draw

_STYLE: Final = Path(__file__).with_name("report.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing is run, whatever might stand in the page."""

_SIGNS: Final = {Tone.PLAIN: "", Tone.GOOD: "✓", Tone.NOTE: "!", Tone.FAULT: "✗"}
_STACKED: Final = 6
"""Tables with so many columns become a card for each row on a phone; narrower ones scroll."""

_LANGUAGES: Final = {Lang.EN: "en", Lang.ZH: "zh-CN"}


def to_html(report: Report, language: Language) -> str:
    """Returns a report as a page."""
    return f"<!DOCTYPE html>\n{_Page(report, language).page().html}\n"


class _Page:
    """Writes one page: it counts what needs names of its own."""

    def __init__(self, report: Report, language: Language) -> None:
        self._report = report
        self._language = language
        self._tables = 0
        self._charts = 0
        self._names: dict[str, str] = {}

    def page(self) -> Markup:
        report, language = self._report, self._language
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="color-scheme", content="light dark"),
            element("title", report.title),
            # The style sheet is the program's own; escaped it would be none.
            Markup(f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>"),
        )
        body = element(
            "body",
            element("a", language.say("skip"), href="#content", class_="skip"),
            element("header", element("h1", report.title), self._contents()),
            element(
                "main",
                *self._blocks(report.blocks),
                *(self._section(section, 2) for section in report.sections),
                id="content",
            ),
            element("footer", element("p", language.say("made-by", runs=language.listed(report.runs)))),
        )
        return element("html", head, body, lang=_LANGUAGES[language.lang])

    def _contents(self) -> Markup:
        links = [
            element("li", element("a", section.title, href=f"#{self._name(section.id)}"))
            for section in self._report.sections
        ]
        return element("nav", element("ol", *links), aria_label=self._language.say("contents"))

    def _name(self, identity: str) -> str:
        """A name for links, of harmless characters and unique."""
        if identity not in self._names:
            plain = re.sub(r"[^A-Za-z0-9]+", "-", identity).strip("-") or "section"
            taken = set(self._names.values())
            name = plain if plain not in taken else f"{plain}-{len(taken)}"
            self._names[identity] = name
        return self._names[identity]

    def _section(self, section: Section, level: int) -> Markup:
        name = self._name(section.id)
        return element(
            "section",
            element(f"h{min(level, 6)}", section.title, id=name),
            *self._blocks(section.blocks),
            *(self._section(below, level + 1) for below in section.sections),
            aria_labelledby=name,
        )

    def _blocks(self, blocks: tuple[Block, ...]) -> Iterator[Markup]:
        drawn: list[Markup] = []
        for block in blocks:
            if block.kind in ("curves", "strips"):
                drawn.append(self._block(block))
                continue
            if drawn:
                yield element("div", *drawn, class_="charts")
                drawn = []
            yield self._block(block)
        if drawn:
            yield element("div", *drawn, class_="charts")

    def _block(self, block: Block) -> Markup:
        match block:
            case Table():
                return self._table(block)
            case Text():
                return element("p", *_signed(block), class_=block.tone.value)
            case Listing():
                return element("ul", *(element("li", *_signed(item), class_=item.tone.value) for item in block.items))
            case Quote():
                return self._quote(block)
            case _:
                self._charts += 1
                chart = draw(block, f"chart{self._charts}")
                return element("figure", element("figcaption", block.title, aria_hidden="true"), chart, class_="drawn")

    def _quote(self, quote: Quote) -> Markup:
        note = quote.note if quote.rest else self._language.together([quote.cut, quote.note])
        rest = element(
            "details",
            element("summary", quote.folded),
            element("blockquote", *_marked(quote.rest), dir="auto"),
        )
        return element(
            "figure",
            element("figcaption", quote.label),
            element("blockquote", *_marked(quote.pieces), dir="auto"),
            rest if quote.rest else None,
            element("p", note, class_="small") if note else None,
            class_="answer",
        )

    def _table(self, table: Table) -> Markup:
        self._tables += 1
        name = f"table{self._tables}"
        stacked = len(table.columns) >= _STACKED
        # What is laid out as cards says that it is a table all the same.
        roles = {"table": "table", "group": "rowgroup", "row": "row", "head": "columnheader", "cell": "cell"}
        role = roles.get if stacked else (lambda _: None)
        head = element(
            "tr",
            *(
                element("th", column.title, scope="col", class_=_classes(column), role=role("head"))
                for column in table.columns
            ),
            role=role("row"),
        )
        rows = [
            element(
                "tr", element("th", row.cells[0].text, scope="rowgroup", colspan=len(table.columns)), class_="group"
            )
            if row.heading
            else element(
                "tr",
                element("th", *self._cell(row.cells[0], name), scope="row", role="rowheader" if stacked else None),
                *(
                    element(
                        "td",
                        element("span", *self._cell(cell, name)),
                        class_=_classes(column, best=cell.best),
                        role=role("cell"),
                        data_label=column.title if stacked else None,
                    )
                    for column, cell in zip(table.columns[1:], row.cells[1:], strict=True)
                ),
                role=role("row"),
            )
            for row in table.rows
        ]
        made = element(
            "table",
            element("caption", element("span", table.title)),
            element("thead", head, role=role("group")),
            element("tbody", *rows, role=role("group")),
            role=role("table"),
        )
        notes = [element("li", note, id=f"{name}-note{number}") for number, note in enumerate(table.notes, 1)]
        label = self._language.say("scroll", title=table.title)
        return element(
            "div",
            element("div", made, class_="scroll", role="region", aria_label=label, tabindex="0"),
            element("ol", *notes, class_="notes") if notes else None,
            class_="table stacked" if stacked else "table",
        )

    def _cell(self, cell: Cell, table: str) -> Iterator[Child]:
        if cell.best:
            yield element("span", "✓ ", aria_hidden="true")
            yield element("strong", cell.text)
            yield element("span", f" {self._language.say('best.mark')}", class_="hidden")
        else:
            yield cell.text
        if cell.note:
            label = self._language.say("note.mark", number=cell.note)
            link = element("a", str(cell.note), href=f"#{table}-note{cell.note}", aria_label=label)
            yield element("sup", link)


def _marked(pieces: tuple[Piece, ...]) -> Iterator[Child]:
    for piece in pieces:
        if piece.mark:
            yield element("mark", piece.text, class_=piece.mark if piece.mark == "wrong" else None)
        else:
            yield piece.text


def _signed(text: Text) -> tuple[Child, ...]:
    sign = _SIGNS[text.tone]
    return (element("span", f"{sign} ", class_="sign", aria_hidden="true") if sign else None, text.text)


def _classes(column: Column, *, best: bool = False) -> str | None:
    named = (
        "right" if column.align is Align.RIGHT else "",
        "best" if best else "",
        "winner" if column.id == WINNER else "",
    )
    return " ".join(filter(None, named)) or None
