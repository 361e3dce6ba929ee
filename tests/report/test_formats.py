"""The four formats: each sound by itself, and all of them with the same figures."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from sparktop.report import Format, Lang, render
from sparktop.report.build import build
from sparktop.report.charts import POINTS, thinned
from sparktop.report.document import Axis, Curves
from sparktop.report.svg import ticks
from tests.report.machine import machine_run
from tests.report.page import Page
from tests.report.reading import blocks, cell, table
from tests.report.seeds import BIG, TUNED, batch_run, general_run, speeds_run, sutra_run

STYLE = Path(__file__).parents[2] / "sparktop" / "report" / "report.css"


@pytest.fixture(scope="module")
def html() -> str:
    return render([sutra_run(), general_run(), batch_run()], Format.HTML, Lang.ZH)


def test_a_page_needs_nothing_but_itself(html: str) -> None:
    page = Page(html)

    assert page.values("lang", "html") == ["zh-CN"]
    assert page.values("content", "meta")[1] == "default-src 'none'; style-src 'unsafe-inline'"
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?:", STYLE.read_text(encoding="utf-8"))
    assert "https:" not in html


def test_every_link_leads_somewhere_and_names_are_unique(html: str) -> None:
    page = Page(html)
    names = page.values("id")

    assert len(set(names)) == len(names)
    assert {link.removeprefix("#") for link in page.values("href")} <= set(names)
    for labels in page.values("aria-labelledby"):
        assert set(labels.split()) <= set(names)


def test_tables_and_charts_say_what_they_are(html: str) -> None:
    page = Page(html)

    assert page.tags["caption"] == page.tags["table"] > 20
    assert len(page.values("scope", "th")) == page.tags["th"]
    assert page.tags["title"] == page.tags["svg"] + 1
    assert page.tags["desc"] == page.tags["svg"] > 3
    # Scrolled with the keyboard, and told as a region.
    assert page.values("tabindex", "div") == ["0"] * page.tags["table"]


def test_the_best_is_marked_by_more_than_colour(html: str) -> None:
    assert '<strong>3.51</strong><span class="hidden"> 最优</span>' in html
    markdown = render([sutra_run()], Format.MD, Lang.EN)
    assert re.search(rf"\| decode, tok/s \| 1\.55 \| \*\*3\.51\*\* ✓ \| \*\*3\.51\*\* ✓ \| {TUNED}, ", markdown)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_texts_can_be_told_from_their_ground() -> None:
    """4.5 to 1 for texts, 3 to 1 for lines of charts (WCAG 2.2, 1.4.3 and 1.4.11): light, dark, and on paper."""
    palettes = re.findall(r":root \{([^}]*)\}", STYLE.read_text(encoding="utf-8"))
    assert len(palettes) == 3
    colours: dict[str, str] = {}
    for palette in palettes:
        colours |= dict(re.findall(r"--(\w+): (#\w{6})", palette))
        for text in ("ink", "soft", "link", "good", "note", "fault"):
            assert contrast(colours[text], colours["paper"]) >= 4.5, text
        for ground in ("field", "best", "mark"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5, ground
        assert contrast(colours["soft"], colours["field"]) >= 4.5
        for line in range(8):
            assert contrast(colours[f"c{line}"], colours["paper"]) >= 3, line


def test_everything_that_was_read_is_charted() -> None:
    charts = [block for block in blocks(build([machine_run()], Lang.EN)) if block.kind in ("curves", "strips")]
    by_id = {chart.id.split(".")[-2]: chart for chart in charts if isinstance(chart, Curves)}

    assert {chart.id.split(".chart.")[1].split(".")[0] for chart in charts} == {
        *("tpot", "throughput", "memory", "power", "clock", "roce")
    }
    assert max(value or 0.0 for value in by_id["power"].lines[0].y) == 60.0
    assert [line.label for line in by_id["roce"].lines] == ["p0 received, RDMA", "p0 sent, RDMA"]
    assert max(value or 0.0 for value in by_id["roce"].lines[0].y) == 16.0  # 2e9 bytes/s
    assert {lane.label for lane in by_id["throughput"].lanes} >= {"load", "prefill", "decode"}
    assert "5 to 60 W" in by_id["power"].description


def test_what_was_not_read_is_said_in_place_of_its_chart() -> None:
    said = [block.text for block in blocks(build([sutra_run()], Lang.EN)) if block.kind == "text"]
    assert "RoCE traffic, Gb/s: no reading was taken" in said


def test_long_curves_keep_their_lows_and_highs_and_gaps() -> None:
    points: list[tuple[float, float | None]] = [(float(t), 50.0) for t in range(10_000)]
    points[1234], points[8765] = (1234.0, 1.0), (8765.0, 99.0)
    for t in range(4000, 5000):
        points[t] = (float(t), None)
    kept = thinned(points, POINTS)

    assert len(kept) <= POINTS
    assert (1234.0, 1.0) in kept
    assert (8765.0, 99.0) in kept
    assert any(value is None for _, value in kept)


def test_ticks_are_round_numbers() -> None:
    assert ticks(Axis(title="", low=0.0, high=87.0), 4) == [0, 50]
    assert ticks(Axis(title="", low=0.0, high=0.011), 6) == pytest.approx([0, 0.002, 0.004, 0.006, 0.008, 0.01])
    assert ticks(Axis(title="", low=0.0, high=4680.0), 6) == [0, 1000, 2000, 3000, 4000]


@pytest.mark.parametrize("lang", Lang)
def test_csv_is_one_table_of_numbers(lang: Lang) -> None:
    rows = list(csv.DictReader(io.StringIO(render([general_run(), batch_run()], Format.CSV, lang))))

    # Three contenders, eight questions three times each; and the 72B at three sizes.
    assert len(rows) == 3 + 3 * 8 * 3 + 3 + 3 * 16
    speed, item = {Lang.EN: ("decode, tok/s", "question"), Lang.ZH: ("推理速度，tok/s", "题目")}[lang]
    contenders = [row for row in rows if not row[item]]
    assert [float(row[speed]) for row in contenders] == [1.55, 3.51, 3.51, 1.55, 1.55, 1.55]
    assert contenders[-1]["QPS" if lang is Lang.EN else "吞吐量（QPS）"] == "0.011"


def test_json_is_the_document() -> None:
    report = json.loads(render([speeds_run()], Format.JSON, Lang.EN))

    assert report["schema"] == "sparktop.report/1"
    assert report["runs"] == ["2026-05-24T09-00-00-prefill-decode"]
    [part] = [section for section in report["sections"] if section["id"] == "prefill-decode"]
    [speeds] = [section for section in part["sections"] if section["id"] == "prefill-decode.speeds"]
    [found] = [block for block in speeds["blocks"] if block["kind"] == "table"]
    at = [column["id"] for column in found["columns"]].index("decode_tok_s")
    assert found["rows"][0]["cells"][at] == {"text": "82.74", "value": 82.74, "best": True, "note": 0}


def test_all_formats_have_the_same_figures() -> None:
    runs = [sutra_run()]
    report = build(runs, Lang.EN)
    shown = cell(table(report, "sutra-qa.baseline"), "mean_response_s", BIG)
    assert (shown.text, shown.value) == ("187.40", 187.4)

    assert "| mean response, s | 187.40 |" in render(runs, Format.MD, Lang.EN)
    assert "<span>187.40</span>" in render(runs, Format.HTML, Lang.EN)
    rows = list(csv.DictReader(io.StringIO(render(runs, Format.CSV, Lang.EN))))
    assert rows[0]["mean response, s"] == "187.40"


@pytest.mark.parametrize("form", Format)
def test_the_same_runs_give_the_same_report(form: Format) -> None:
    assert render([batch_run()], form, Lang.ZH) == render([batch_run()], form, Lang.ZH)
    assert render([batch_run()], form, Lang.ZH).endswith("\n")
