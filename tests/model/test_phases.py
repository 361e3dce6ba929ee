"""What a run was doing when, on time lines small enough to see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sparktop.model.phases import Lifetime, RunPhase, run_phases, stretches


def life(sent: float, first: float, last: float, batch: int = 1, warmup: bool = False, who: str = "qwen") -> Lifetime:
    return Lifetime(contender=who, batch=batch, repetition=0, warmup=warmup, sent=sent, first=first, last=last)


def shown(streams: list[tuple[float, float, float]]) -> list[tuple[str, float, float]]:
    return [(one.phase.value, one.start, one.end) for one in stretches(streams)]


def test_streams_of_a_cell() -> None:
    assert shown([(1, 2, 5)]) == [("prefill", 1, 2), ("decode", 2, 5)]
    # One after the other, and at once with prompts of different lengths.
    assert shown([(1, 2, 5), (5, 6, 7)]) == [("prefill", 1, 2), ("decode", 2, 5), ("prefill", 5, 6), ("decode", 6, 7)]
    assert shown([(1, 2, 5), (1, 3, 7)]) == [("prefill", 1, 2), ("mixed", 2, 3), ("decode", 3, 7)]
    assert shown([(1, 4, 4)]) == [("prefill", 1, 4)]
    assert shown([]) == []


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.integers(0, 9)), max_size=6))
def test_each_moment_is_what_its_streams_do(drawn: list[tuple[int, int, int]]) -> None:
    streams = [(float(sent), float(sent + a), float(sent + a + b)) for sent, a, b in drawn]
    found = stretches(streams)
    for moment in (n + 0.5 for n in range(40)):
        reading = any(sent < moment < first for sent, first, _ in streams)
        decoding = any(first < moment < last for _, first, last in streams)
        expected = {
            (False, False): None,
            (True, False): RunPhase.PREFILL,
            (False, True): RunPhase.DECODE,
            (True, True): RunPhase.MIXED,
        }[reading, decoding]
        here = [one.phase for one in found if one.start < moment < one.end]
        assert here == ([] if expected is None else [expected])


def test_a_run_is_told_from_beginning_to_end() -> None:
    spans = run_phases(
        [("qwen", 0.5, 2.0)],
        [life(2.0, 2.2, 2.5, warmup=True), life(2.0, 2.3, 2.6, warmup=True), life(2.605, 3, 5), life(6, 7, 8, batch=2)],
        9.0,
    )
    assert [(s.phase.value, s.contender, s.batch, s.start_s, s.end_s) for s in spans] == [
        ("idle", None, None, 0.0, 0.5),
        ("load", "qwen", None, 0.5, 2.0),
        ("warm-up", "qwen", 1, 2.0, 2.6),
        ("prefill", "qwen", 1, 2.605, 3),
        ("decode", "qwen", 1, 3, 5),
        ("idle", None, None, 5, 6),
        ("prefill", "qwen", 2, 6, 7),
        ("decode", "qwen", 2, 7, 8),
        ("idle", None, None, 8, 9.0),
    ]


def test_contenders_at_once_have_phases_at_once() -> None:
    spans = run_phases([], [life(0, 1, 4), life(0, 2, 3, who="llama")], 4.0)
    assert {(s.contender, s.phase.value, s.start_s, s.end_s) for s in spans} == {
        ("qwen", "prefill", 0, 1),
        ("qwen", "decode", 1, 4),
        ("llama", "prefill", 0, 2),
        ("llama", "decode", 2, 3),
    }
