"""Both languages say everything."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparktop.model.codec import decode
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.validity import Code, Severity
from sparktop.report.language import Lang, language, phrases
from sparktop.report.sentences_zh import in_chinese, pairs
from sparktop.scenarios.library import Library

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "sparktop" / "report"


NESTED = ("why", "detail", "lacking", "here", "there")
"""Gaps that hold a sentence."""


def gaps(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_both_have_the_same_phrases_with_the_same_gaps() -> None:
    english, chinese = phrases(Lang.EN), phrases(Lang.ZH)

    assert set(english) == set(chinese)
    assert {key: gaps(english[key]) for key in english} == {key: gaps(chinese[key]) for key in chinese}
    assert all(phrase.strip() for phrase in (*english.values(), *chinese.values()))


def asked_for() -> Iterator[str]:
    """Every key that the code asks for; of those made up as it runs, a pattern."""
    for path in REPORT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("say", "_say"):
                yield from patterns(node.args[0])
            elif name == "known" and isinstance(node.args[0], ast.Constant):
                yield re.escape(f"{node.args[0].value!s}.") + ".+"


def patterns(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.JoinedStr(values=values):
            yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from patterns(body)
            yield from patterns(orelse)
        case _:
            raise AssertionError(f"say() of {ast.dump(node)}")


def test_every_phrase_is_used_and_every_one_that_is_used_is_there() -> None:
    asked = set(asked_for())
    known = set(phrases(Lang.EN))

    missing = [one for one in asked if not any(re.fullmatch(one, key) for key in known)]
    unused = [key for key in known if not any(re.fullmatch(one, key) for one in asked)]
    assert missing == []
    assert unused == []


@pytest.mark.parametrize("lang", Lang)
def test_every_verdict_has_a_name(lang: Lang) -> None:
    spoken = language(lang)
    for code in Code:
        spoken.say(f"code.{code.value}")
    for severity in Severity:
        spoken.say(f"severity.{severity.value}")


def test_chinese_sentences_have_the_gaps_of_the_english_ones() -> None:
    for english, chinese in pairs():
        assert gaps(chinese) <= gaps(english), english
        # A sentence with its gaps filled is found again, and by its own rule.
        filled = {name: "/a/path" if name.startswith("path") else "7" for name in gaps(english)}
        filled |= {name: "no reading was taken" for name in NESTED if name in gaps(english)}
        told = dict(filled) | {name: in_chinese(text) for name, text in filled.items()}
        assert in_chinese(english.format(**filled)) == chinese.format(**told), english


def test_what_is_not_known_stays_as_it_is() -> None:
    assert in_chinese("a sentence of a later version") == "a sentence of a later version"
    assert in_chinese("spark: a reason of a later version") == "spark: a reason of a later version"
    assert in_chinese("x" * 100_000) == "x" * 100_000
    # A part that looks like something else is not said in half Chinese.
    odd = "x failed: x broke, which was a part of it: nobody knows why; do this, do that"
    assert in_chinese(odd) == odd


def test_why_a_split_model_failed_is_said_in_chinese() -> None:
    gone = "its RPC server or its agent ended, or the link is down"
    lost = f"m lost spark-2, which held a part of it: {gone}; what had arrived is kept, run it again"
    assert in_chinese(f"m failed: {lost}") == f"m 失败：{in_chinese(lost)}"
    assert "spark-2" in in_chinese(lost)
    assert not re.search(r"held|ended|kept", in_chinese(lost))


def test_a_real_run_is_told_in_chinese_throughout() -> None:
    lines = (ROOT / "tests" / "ui" / "demo-run.jsonl").read_bytes().splitlines()
    run = take_snapshot(fold(decode(line) for line in lines))

    sentences = [verdict.text for verdict in run.validity.verdicts]
    sentences += [one.reason for one in run.validity.unjudged]
    sentences += [one.reason for one in run.missing]
    sentences += [note for row in run.summary if row.decode_cost for note in row.decode_cost.notes.values()]
    sentences += [record.ceilings.source for record in run.contenders if record.ceilings]
    assert len(sentences) > 10
    assert [one for one in sentences if in_chinese(one) == one] == []


def test_shipped_scenarios_have_chinese_names_and_descriptions() -> None:
    spoken = language(Lang.ZH)
    for entry in Library(shipped=ROOT / "scenarios", user=ROOT / "nowhere").list():
        scenario = entry.scenario
        assert scenario is not None
        assert spoken.known("title", scenario.title) != scenario.title, "say it in [title] of phrases_zh.toml"
        assert spoken.sentence(scenario.description) != scenario.description, "say it in sentences_zh.toml"
        for item in scenario.items:
            assert item.category == "" or spoken.known("category", item.category) != item.category


def test_numbers_dates_and_lists_are_those_of_the_language() -> None:
    english, chinese = language(Lang.EN), language(Lang.ZH)

    assert (english.percent("81"), chinese.percent("81")) == ("81 %", "81%")
    assert english.date("2026-02-09T09:05:00+08:00") == "2026-02-09 09:05"
    assert chinese.date("2026-02-09T09:05:00+08:00") == "2026 年 2 月 9 日 09:05"
    assert chinese.date("yesterday") == "yesterday"
    assert (english.duration(3725), chinese.duration(3725)) == ("1 h 2 min", "1 小时 2 分")
    assert (english.count(72.7e9), chinese.count(72.7e9)) == ("72.7 B", "727 亿")
    assert (english.listed(["a", "b"]), chinese.listed(["a", "b"])) == ("a, b", "a、b")
    assert english.size(136 * 2**30) == "136 GiB"
