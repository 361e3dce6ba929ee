"""What only one answer says."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.difference import differences

TUNED = "“随顺觉”见于《杂阿含经》。如实知味，知患，知离；于色生厌，厌故离欲，离欲故解脱。"
BASE = "“随顺觉”见于《大般涅槃经》。它是佛教的一个概念，指随顺于觉悟的智慧。"


def own(*answers: str) -> list[list[str]]:
    return [
        [answer[start:end] for start, end in found.spans]
        for answer, found in zip(answers, differences(answers), strict=True)
    ]


def test_clauses_that_only_one_has() -> None:
    tuned, base = own(TUNED, BASE)
    assert "如实知味" in tuned
    assert "离欲故解脱" in tuned
    assert "它是佛教的一个概念" in base
    assert not any("随顺觉" in clause for clause in tuned)


def test_the_same_is_no_difference_whatever_the_characters() -> None:
    assert own("唯識無境，萬法唯識。", "唯识无境，万法唯识。") == [[], []]
    assert own("TCP uses ＡＣＫ numbers.", "tcp uses ack numbers!") == [[], []]


def test_order_of_clauses_does_not_matter() -> None:
    assert own("先说苦谛，再说集谛。", "再说集谛，先说苦谛。") == [[], []]


def test_against_several_others() -> None:
    first, second, third = own("苦集灭道四谛。", "苦集灭道四谛，此有故彼有。", "此有故彼有，缘起性空。")
    assert (first, second, third) == ([], [], ["缘起性空"])


def test_latin_by_words_and_sentences() -> None:
    text = "A decorator wraps a function. It returns another function. Version 3.11 has it."
    (found, _) = own(text, "A decorator wraps a function.")
    assert found == ["It returns another function", "Version 3.11 has it"]


def test_counts_and_what_says_too_little() -> None:
    (one, two) = differences(["好，一切有为法如梦幻泡影，如露亦如电。", ""])
    assert (one.clauses, one.of) == (2, 2)
    assert (two.clauses, two.of, two.spans) == (0, 0, ())


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_places_are_in_the_answer_and_do_not_overlap(answers: list[str]) -> None:
    for answer, found in zip(answers, differences(answers), strict=True):
        at = 0
        for start, end in found.spans:
            assert at <= start < end <= len(answer)
            at = end


def test_long_answers_take_no_time() -> None:
    begun = time.perf_counter()
    found = differences(["".join(f"第{n}句说的是缘起性空。" for n in range(10_000)), "缘起性空。" * 20_000])
    assert time.perf_counter() - begun < 3
    assert found[0].of == 10_000
