"""What holds a model back is judged on evidence, or not at all."""

from __future__ import annotations

import pytest

from sparktop.model.bottleneck import judge_decode, judge_prefill
from sparktop.model.roofline import GB10, Ceilings, Roofline, Step, roofline, step_bytes
from sparktop.model.shape import Footprint


def found(gb_s: float | None, ceilings: Ceilings = GB10) -> Roofline:
    step = step_bytes(Footprint(dense=1_000_000_000), Step())
    return roofline(step, ceilings, gb_s)


@pytest.mark.parametrize(("gb_s", "reached"), [(200.0, True), (164.0, True), (163.0, False), (20.0, False)])
def test_decoding_near_the_ceiling_is_bound_by_bandwidth(gb_s: float, reached: bool) -> None:
    judged = judge_decode(found(gb_s))
    assert (judged.code, judged.reached) == ("bandwidth-bound", reached)
    assert judged.evidence == {"achieved": gb_s * 1e9, "ceiling": 273e9, "share": pytest.approx(gb_s / 273)}


def test_a_measured_ceiling_serves_where_no_other_is_known() -> None:
    measured = Ceilings(theoretical=None, measured=30e9, source="read by processor")
    assert judge_decode(found(20, measured)).reached is True
    assert judge_decode(found(10, measured)).reached is False


def test_decoding_is_not_judged_without_speed_or_ceiling_or_beyond_the_possible() -> None:
    assert judge_decode(found(None)).reached is None
    nothing = judge_decode(found(20, Ceilings(theoretical=None, measured=None, source="nobody measured")))
    assert (nothing.reached, nothing.text, nothing.evidence) == (None, "nobody measured", {})
    beyond = judge_decode(found(300))
    assert beyond.reached is None
    assert "more than can be" in beyond.text


@pytest.mark.parametrize(
    ("gb_s", "busy", "reached"), [(8.0, 96.0, True), (8.0, 60.0, False), (200.0, 96.0, False), (109.0, 90.0, True)]
)
def test_prefill_that_reads_little_on_a_busy_gpu_is_bound_by_arithmetic(
    gb_s: float, busy: float, reached: bool
) -> None:
    judged = judge_prefill(gb_s * 1e9, 273e9, busy)
    assert (judged.code, judged.reached) == ("compute-bound", reached)
    assert judged.evidence["share"] == pytest.approx(gb_s / 273)
    assert judged.evidence["busy"] == busy


def test_prefill_is_not_judged_with_a_reading_missing() -> None:
    judged = judge_prefill(None, 273e9, None)
    assert (judged.reached, judged.text) == (None, "not known: prefill speed, GPU utilisation")
    assert judge_prefill(1e9, None, 99).text == "not known: memory bandwidth"
