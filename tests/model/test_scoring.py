"""Scoring by rule: answers in other words, wrongly attributed, out of order, empty, or that repeat the question."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.make_variants import MODULE, module
from sparktop.model.document import RequestRecord
from sparktop.model.events import Finish
from sparktop.model.folding import fold
from sparktop.model.scenario import Item
from sparktop.model.scoring import Score, score
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold as fold_events
from sparktop.resources import scenarios_dir
from sparktop.scenarios.loader import load_scenario
from tests.model.synthetic import QUESTIONS, Request, Run

SUTRA = {item.id: item for item in load_scenario(scenarios_dir() / "sutra-qa.toml").items}
CHAIN = SUTRA["Q1"]
RIGHT = "出自《杂阿含经》：尝其味，如实知，生厌，故离欲，而得解脱。"


def words(answer: str, scored: Score) -> list[list[str]]:
    return [[answer[start:end] for start, end in point.spans] for point in scored.points]


def item(*points: str, ordered: bool = False, source: str = "", avoid: tuple[str, ...] = ()) -> Item:
    rows = tuple(tuple(point.split("/")) for point in points)
    return Item(id="T", prompt="这是什么意思？", points=rows, ordered=ordered, source=source, avoid=avoid)


def test_every_point_its_order_and_the_source() -> None:
    scored = score(CHAIN, RIGHT)
    assert (scored.text, scored.share, scored.cited, scored.wrong) == ("5/5", 1.0, True, ())
    assert scored.misplaced == scored.missing == ()
    assert words(RIGHT, scored) == [["味"], ["如实知"], ["厌"], ["离欲"], ["解脱"]]
    assert scored.source is not None
    assert [RIGHT[slice(*span)] for span in scored.source.spans] == ["杂阿含经"]


def test_other_words_for_the_same_count() -> None:
    answer = "名言、事相、虚妄的分别，再到正智与如如。"
    scored = score(SUTRA["Q3"], answer)
    assert scored.text == "5/5"
    assert words(answer, scored)[2] == ["分别"]
    assert score(SUTRA["Q5"], "祖师说一花开五叶，不必为衣起争端").missing == ("信根淳熟", "堪任大事", "衣不合传")


@pytest.mark.parametrize("answer", ["", "   \n", "我不知道。"])
def test_nothing_is_found_in_nothing(answer: str) -> None:
    scored = score(CHAIN, answer)
    assert (scored.text, scored.cited, scored.wrong, scored.misplaced) == ("0/5", False, (), ())


def test_an_item_without_points_has_no_score() -> None:
    scored = score(item(), "任何话")
    assert (scored.text, scored.share, scored.cited) == ("", None, None)


@pytest.mark.parametrize(
    ("answer", "misplaced"),
    [
        ("味、如实知、厌、离欲、解脱", ()),
        ("先说解脱：从味开始，如实知，厌，离欲，解脱。", ()),
        ("味、厌、如实知、离欲、解脱", ("如实知",)),
        ("解脱之后离欲，离欲之后厌，厌之后味", ("味", "厌", "离欲")),
        ("味、离欲、解脱", ()),
        ("解脱、味、如实知", ("解脱",)),
    ],
)
def test_points_out_of_order(answer: str, misplaced: tuple[str, ...]) -> None:
    scored = score(CHAIN, answer)
    assert scored.misplaced == misplaced
    assert scored.found == sum(bool(found) for found in words(answer, scored))
    assert score(item("味", "如实知", "厌", "离欲", "解脱"), answer).misplaced == ()


@given(st.permutations(range(5)), st.integers(0, 3))
def test_the_longest_chain_is_in_place(order: list[int], gap: int) -> None:
    names = ["甲", "乙", "丙", "丁", "戊"]
    scored = score(item(*names, ordered=True), ("，" * gap).join(names[at] for at in order))
    chains = [1] * 5
    for at in range(5):
        chains[at] += max((chains[before] for before in range(at) if order[before] < order[at]), default=0)
    assert len(scored.misplaced) == 5 - max(chains)


@pytest.mark.parametrize(
    "answer",
    [
        "随顺觉出自《大般涅槃经》。",
        "随顺觉出自大般涅槃经，讲的是修行。",
        "《大般涅槃经·师子吼品》说到随顺觉。",
        "这不是《杂阿含经》的话，而是出自《大般涅槃经》。",
        "它不仅出自《大般涅槃经》，也见于他处。",
        "這句話見於《大般涅槃經》。",
        "对空的误解出自《大般涅槃经》。",
        "不一不异的随顺觉，见于《大般涅槃经》",
        "It is not hard: the Buddha says so in 《大般涅槃经》.",
    ],
)
def test_wrong_attributions(answer: str) -> None:
    [wrong] = score(CHAIN, answer).wrong
    assert wrong.name == "大般涅槃经"
    assert [fold(answer[slice(*span)]).text for span in wrong.spans] == ["大般涅槃经"]


@pytest.mark.parametrize(
    "answer",
    [
        "随顺觉不是出自《大般涅槃经》。",
        "随顺觉出自《杂阿含经》，而不是《大般涅槃经》。",
        "它并非出自《大般涅槃经》，而是出自《杂阿含经》。",
        "有人误以为出自《大般涅槃经》。",
        "常被错误地归为《大般涅槃经》。",
        "不见于《长阿含经》或《大般涅槃经》。",
        "《大般涅槃经》中并没有提到这一说法。",
        "《大般涅槃经》不是它的出处。",
        "與《大般涅槃經》的說法不同。",
        "This is not from 《大般涅槃经》.",
        "涅槃是寂静。",
    ],
)
def test_what_is_denied_is_no_attribution(answer: str) -> None:
    assert score(CHAIN, answer).wrong == ()


def test_a_denied_source_is_not_cited() -> None:
    assert score(CHAIN, "这一说法不见于《杂阿含经》。").cited is False
    assert score(CHAIN, "这一说法不见于《长阿含经》，见于《杂阿含经》。").cited is True


@pytest.mark.parametrize(
    ("answer", "cited"),
    [
        ("《中论》说：不生亦不灭", True),
        ("出自中论", True),
        ("龙树的“中论”", True),
        ("《中论·观因缘品》", True),
        ("其中论述了八不", False),
        ("《现代心中论辩集》", False),
        ("《中观论》说", True),
    ],
)
def test_a_short_title_is_cited_between_marks_or_after_words_that_say_so(answer: str, cited: bool) -> None:
    assert score(SUTRA["Q2"], answer).cited is cited


def test_a_title_inside_a_longer_one_is_another_text() -> None:
    asked = item(source="阿含经", avoid=("杂阿含经",))
    scored = score(asked, "出自《杂阿含经》")
    assert scored.cited is False
    assert [wrong.name for wrong in scored.wrong] == ["杂阿含经"]


@pytest.mark.parametrize("which", list(SUTRA))
def test_a_repeated_question_names_nothing(which: str) -> None:
    asked = SUTRA[which]
    prompt = asked.prompt
    for answer in (
        prompt,
        f"问：{prompt}\n答：",
        prompt.replace("“", '"').replace("”", '"'),
        f"**{prompt[:-1]}** {prompt}",
    ):
        scored = score(asked, answer)
        assert (scored.found, scored.cited, scored.wrong) == (0, False, ()), answer


def test_what_follows_a_repeated_question_counts() -> None:
    asked = SUTRA["Q10"]
    scored = score(asked, f"{asked.prompt}执持名号是因，一心不乱是果。")
    assert scored.found == 2
    assert all(start >= len(asked.prompt) for point in scored.points for start, _ in point.spans)


def test_a_point_inside_a_longer_one_is_not_named_by_it() -> None:
    assert score(SUTRA["Q6"], "给的是大白牛车").missing == ("羊车", "鹿车", "牛车", "一佛乘", "三界")
    assert score(SUTRA["Q6"], "牛车之外，给的是大白牛车").found == 2
    assert score(item("味/味道", "味道"), "味道").found == 2


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        ("7", 1),
        ("一共 7 个。", 1),
        ("答案：**7**", 1),
        ("有７个黄色圆点", 1),
        ("3,7,9", 1),
        ("共七个", 1),
        ("Seven dots.", 1),
        ("17", 0),
        ("70 个", 0),
        ("7.5 或 0.7", 0),
        ("7,000", 0),
        ("十七个", 0),
        ("1七", 0),
        ("七十", 0),
        ("seventeen", 0),
        ("17 个，不对，是 7 个", 1),
        ("7.", 1),
    ],
)
def test_part_of_a_number_is_another_number(answer: str, points: int) -> None:
    assert score(item("7/七/seven"), answer).found == points


def test_numbers_with_words_around_them_are_whole_too() -> None:
    assert score(item("2行/row 2", "1942"), "第12行 (row 21)，19420").found == 0
    assert score(item("2行/row 2", "1942"), "第2行，1942，1943").found == 2
    assert score(item("40967/40,967"), "40,967").found == 1
    assert score(item("967"), "40,967").found == 0
    assert score(item("一花开五叶"), "万一花开五叶").found == 1, "more than a numeral is a text"


def test_traditional_and_full_width_forms_match_and_places_are_those_of_the_answer() -> None:
    answer = "《雜阿含經》……㎏：①嘗其味，②如實知，③生厭，④離欲，⑤解脫；ＳＹＮ＋ＡＣＫ，ｶﾞ，cafe\u0301"
    scored = score(CHAIN, answer)
    assert (scored.text, scored.cited) == ("5/5", True)
    assert words(answer, scored) == [["味"], ["如實知"], ["厭"], ["離欲"], ["解脫"]]
    others = score(item("syn+ack", "kg", "...", "ガ", "café", "如实知/實知，③"), answer)
    assert words(answer, others) == [["ＳＹＮ＋ＡＣＫ"], ["㎏"], ["…", "…"], ["ｶﾞ"], ["cafe\u0301"], ["如實知，③"]]
    assert score(item("羅漢/阿羅漢"), "阿罗汉").found == 1


@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("味厭解脱脫…①㎏ﾞｶe\u0301\u0316ﬁİ\u200b\ud800《"), st.characters()),
        max_size=60,
    )
)
def test_folding_keeps_the_way_back(text: str) -> None:
    folded = fold(text)
    places = folded.original([(at, at + 1) for at in range(len(folded.text))])
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(places))
    for character, (start, end) in zip(folded.text, places, strict=True):
        assert character in fold(text[start:end]).text
    assert folded.original([(0, len(folded.text))] if text else []) == (((0, len(text)),) if text else ())


def test_a_hundred_thousand_characters_in_fifty_milliseconds() -> None:
    answer = (RIGHT + "随顺觉不是出自《大般涅槃经》。" + "修行者当如是观察，由观察而生起智慧。" * 10) * 1000
    # This thread's time on the processor, not the clock's: others work here too.
    assert min(_seconds(answer[:100_000]) for _ in range(20)) < 0.050


def _seconds(answer: str) -> float:
    began = time.thread_time()
    assert score(CHAIN, answer).found == 5
    return time.thread_time() - began


@pytest.mark.parametrize(
    "piece",
    [
        "《",
        "《大般涅槃经》《",
        "不是出自《大般涅槃经》，",
        "名相妄想",
        "……①℃",
        "e\u0301\u0316",
        "\u0301\u0316",
        "请解释“,,,,",
        "不",
    ],
)
def test_no_answer_takes_long(piece: str) -> None:
    answer = (piece * 100_000)[:100_000]
    began = time.thread_time()
    score(CHAIN, answer)
    score(SUTRA["Q3"], answer)
    assert time.thread_time() - began < 2


def test_the_table_of_variants_is_what_its_script_makes() -> None:
    assert MODULE.read_text(encoding="utf-8") == module()
    assert Path(MODULE).stat().st_size < 32_000


def asked(**fields: Any) -> RequestRecord:
    """The record of one request whose item has two points."""
    seasons = Item(id="Q1", prompt="一年有哪四个季节？", points=(("春",), ("夏天", "夏")))
    scenario = replace(QUESTIONS, items=(seasons,))
    [record] = take_snapshot(fold_events(Run(requests=(Request(**fields),), scenario=scenario).events())).requests
    return record


def test_the_snapshot_keeps_the_score_with_its_places() -> None:
    record = asked()
    assert record.score is not None
    assert (record.answer, record.score.text) == ("春夏秋冬", "2/2")
    assert [point.spans for point in record.score.points] == [((0, 1),), ((1, 2),)]
    again = msgspec.json.decode(msgspec.json.encode(record), type=RequestRecord)
    assert again == record
    old = msgspec.json.decode(msgspec.json.encode(record))
    del old["score"]
    assert msgspec.convert(old, RequestRecord).score is None


@pytest.mark.parametrize("finish", [Finish.ERROR, Finish.CANCELLED, None])
def test_what_broke_off_has_no_score(finish: Finish | None) -> None:
    assert asked(finish=finish).score is None


def test_what_asks_for_nothing_has_no_score() -> None:
    [record] = take_snapshot(fold_events(Run().events())).requests
    assert record.score is None
