"""Nothing that a model or a file wrote becomes markup, an escape, or a formula."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from markdown_it import MarkdownIt

from sparktop.model.document import Snapshot
from sparktop.model.scoring import score
from sparktop.model.text import printable
from sparktop.report import Format, Lang, render
from sparktop.report.answers import LONGEST, pieces
from sparktop.report.escape import fenced, for_html, for_markdown, for_spreadsheet
from tests.report.page import Page
from tests.report.seeds import batch_run, sutra_run

HTML = (
    "</blockquote></td></table></style></title><script>alert(1)</script>"
    """<img src=x onerror="alert(1)">'"><svg/onload=x>"""
)
MARKDOWN = """

# Heading
- list
1. list
> quote
***
| a | b |
|---|---|
[link](http://evil.example) ![image](x) <b>bold</b> `code` ~~gone~~ **strong** _em_ $x$ &amp; \\
http://evil.example www.evil.example user@evil.example @someone <http://evil.example>
```
````
~~~
[ref]: http://evil.example
Heading
=======
"""
TERMINAL = "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b1m\x00\r\b\u202egnp.exe\u202c\u2066x\u2069\u2028\ud800"
FORMULA = '=HYPERLINK("http://evil.example","click")'
EVERYTHING = HTML + MARKDOWN + TERMINAL
HOSTILE = [HTML, MARKDOWN, TERMINAL, FORMULA, EVERYTHING]
IDS = ["html", "markdown", "terminal", "formula", "all"]
HARMLESS = (" and more" * 100)[: len(EVERYTHING)]


def poisoned(value: Any, text: str, field: str = "") -> Any:
    """A document in which every text goes on with another one."""
    if isinstance(value, Enum) or field == "schema":
        return value
    if isinstance(value, str):
        return value + text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: poisoned(getattr(value, one.name), text, one.name) for one in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(poisoned(one, text) for one in value)
    if isinstance(value, dict):
        return {key: poisoned(one, text) for key, one in value.items()}
    return value


def poison(text: str) -> list[Snapshot]:
    """Two runs that are poisoned throughout: a file can be edited."""
    return [poisoned(run, text) for run in (_short(sutra_run()), batch_run())]


def _short(run: Snapshot) -> Snapshot:
    """A run with two of its questions and one repetition."""
    items = run.scenario.items[:2]
    kept = [one for one in run.requests if one.item in ("Q1", "Q2") and one.repetition == 0]
    return dataclasses.replace(run, scenario=dataclasses.replace(run.scenario, items=items), requests=tuple(kept))


def acting(text: str) -> set[str]:
    """Characters of a text that act on a terminal or change the order of others."""
    return {
        character
        for character in text
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


@pytest.mark.parametrize("form", Format)
def test_no_report_holds_anything_that_acts(form: Format) -> None:
    assert acting(render(poison(EVERYTHING), form, Lang.ZH, full=True)) == set()


def test_a_page_has_the_elements_of_the_program_alone() -> None:
    clean = Page(render(poison(HARMLESS), Format.HTML, Lang.EN))
    page = Page(render(poison(EVERYTHING), Format.HTML, Lang.EN))

    assert page.tags == clean.tags
    assert page.tags["script"] == page.tags["img"] == page.tags["iframe"] == 0
    assert page.tags["style"] == 1
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "style", "srcset", "action"), (tag, name)
        if name == "href":
            assert value.startswith("#")
    assert any("<script>alert(1)</script>" in one for one in page.text)


def tokens(markdown: str) -> Iterator[Any]:
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    # GitHub links addresses with a scheme, "www." or "@"; other parsers any word with a point in it.
    assert parser.linkify is not None
    parser.linkify.set({"fuzzy_link": False})
    for token in parser.parse(markdown):
        yield token
        yield from token.children or ()


def test_markdown_has_the_structure_of_the_program_alone() -> None:
    clean = Counter(token.type for token in tokens(render(poison(HARMLESS), Format.MD, Lang.EN)))
    found = Counter(token.type for token in tokens(render(poison(EVERYTHING), Format.MD, Lang.EN)))

    # Escapes are texts of their own, and the only thing that there is more of.
    assert found - Counter({kind: found[kind] for kind in ("text", "text_special")}) == clean - Counter(
        {kind: clean[kind] for kind in ("text", "text_special")}
    )
    assert found["html_inline"] == found["html_block"] == found["link_open"] == found["image"] == 0


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_line_of_markdown_comes_back_as_it_was(text: str) -> None:
    escaped = for_markdown(f"before {text} after")
    shown = "".join(
        token.content for token in tokens(f"| a |\n|---|\n| {escaped} |\n") if token.type in ("text", "text_special")
    )
    assert shown == "a" + for_words(f"before {text} after")


def for_words(text: str) -> str:
    """The words of a text, without what acts."""
    return " ".join(printable(text).split())


@pytest.mark.parametrize(
    "begins",
    ["# x", "- x", "+ x", "1. x", "1) x", "> x", "---", "===", "***", "___", "~~~", "```", ": x", "|x|", "    x"],
)
def test_no_line_begins_a_block(begins: str) -> None:
    assert next(token.type for token in tokens(for_markdown(begins))) == "paragraph_open"


def test_a_fence_is_longer_than_any_in_the_answer() -> None:
    block = fenced("a\n```\nb\n`````\nc")
    [fence] = [token for token in tokens(block) if token.type == "fence"]
    assert fence.content == "a\n```\nb\n`````\nc\n"


def test_long_lines_are_wrapped_as_chinese_is() -> None:
    block = fenced("味" * 37 + "厌，" + "a" * 200)
    lines = block.splitlines()[1:-1]
    assert lines[0] == "味" * 37  # the comma may not begin the next line, so its word goes with it
    assert lines[1].startswith("厌，")
    assert max(map(len, lines)) <= 76


def test_formulas_stay_words() -> None:
    for begin in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"):
        assert for_spreadsheet(begin)[0] == "'"
    rows = list(csv.reader(io.StringIO(render(poison("\n=1+1"), Format.CSV, Lang.EN))))
    assert len({len(row) for row in rows}) == 1


def test_an_answer_of_100_000_characters_is_shortened_and_that_is_said() -> None:
    run = sutra_run()
    long = dataclasses.replace(run.requests[0], answer="长" * 100_000)
    edited = dataclasses.replace(run, requests=(long, *run.requests[1:]))

    short = render([edited], Format.MD, Lang.EN)
    folded = render([edited], Format.HTML, Lang.EN)
    full = render([edited], Format.HTML, Lang.EN, full=True)
    assert "The first 160 of 100,000 characters; the whole answer is in the run." in short
    assert short.count("长") == 160
    shortened = "The first 20,000 of 100,000 characters; the whole answer is in the run."
    assert f"<summary>19,840 more of 100,000 characters. {shortened}</summary>" in folded
    assert shortened in full
    assert folded.count("长") == full.count("长") == LONGEST


def test_a_page_holds_all_of_an_answer_with_its_marks_and_folds_most_of_it_away() -> None:
    run = sutra_run()
    answer = "长" * 157 + "《大般涅槃经》" + "短" * 80 + "解脱"
    edited = dataclasses.replace(run, requests=(dataclasses.replace(run.requests[0], answer=answer), *run.requests[1:]))

    page = render([edited], Format.HTML, Lang.ZH)
    # The beginning ends amid the wrong source, which is marked on both sides of the fold.
    assert '长《<mark class="wrong">大般</mark></blockquote><details>' in page
    assert (
        '<summary>其余 86 字（全文 246 字）。</summary><blockquote dir="auto"><mark class="wrong">涅槃经</mark>》短'
        in page
    )
    assert "短<mark>解脱</mark></blockquote></details>" in page
    assert "只显示前 160 字" not in page
    assert "只显示前 160 字，全文 246 字" in render([edited], Format.MD, Lang.ZH)


def test_marks_are_where_the_score_says() -> None:
    run = sutra_run()
    item = run.scenario.items[0]
    answer = "《大般涅槃经》说味；《杂阿含经》说厌。<b>"
    found = list(pieces(answer, score(item, answer)))

    assert "".join(piece.text for piece in found) == answer
    assert {piece.text for piece in found if piece.mark == "found"} == {"味", "厌", "杂阿含经"}
    assert [piece.text for piece in found if piece.mark == "wrong"] == ["大般涅槃经"]


def test_quotes_of_attributes_are_escaped() -> None:
    assert for_html("""<a href="x">'&""") == "&lt;a href=&quot;x&quot;&gt;&#x27;&amp;"


def test_json_says_the_same_in_words() -> None:
    text = json.dumps(json.loads(render(poison(TERMINAL), Format.JSON, Lang.ZH)))
    assert "\\u001b" not in text
    assert "\\u202e" not in text
