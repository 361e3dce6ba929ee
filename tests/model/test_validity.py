"""Each verdict is reached from its evidence, and not without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sparktop.model.events import ContenderFailed, Finish, SampleTaken, Status, TokenSource
from sparktop.model.records import Options
from sparktop.model.scenario import Kind
from sparktop.model.state import RunState, fold
from sparktop.model.validity import Code, Severity, Validity, Verdict, judge
from tests.model.synthetic import NODE, QUESTIONS, Request, Run, sample, throughput

GIB = 2**30
CALM = [
    sample(0.5, memory_available=60.0 * GIB, swap_used=1.0 * GIB, psi_full=0.0),
    sample(1.5, memory_available=40.0 * GIB, swap_used=1.0 * GIB, psi_full=2.0),
]
TWICE = replace(QUESTIONS, repetitions=2)
MANY = [
    Request(item=f"Q{n % 3 + 1}", sent=float(n + 1), chunks=[(n + 1.2, 1, "春"), (n + 1.3, 1, "秋")]) for n in range(20)
]
CLEAN = Run(requests=MANY, scenario=TWICE, samples=CALM)


def judged(run: Run) -> Validity:
    return judge(fold(run.events()))


def verdict(run: Run, code: Code) -> Verdict | None:
    return next((found for found in judged(run).verdicts if found.code is code), None)


def speed(*requests: Request, repetitions: int = 2, isl: int = 0, warm: bool = True) -> Run:
    """A throughput run with its warm-up."""
    kind = Kind.PREFILL_DECODE if isl else Kind.BATCH
    warmup = [Request(warmup=True, finish=Finish.LENGTH)] if warm else []
    scenario = throughput(kind, repetitions=repetitions, isl=isl)
    return Run(requests=[*warmup, *requests], scenario=scenario, samples=CALM)


FULL = Request(finish=Finish.LENGTH, max_tokens=4)


def test_a_clean_run_is_valid_and_nothing_is_said() -> None:
    found = judged(CLEAN)
    assert found.valid
    assert found.verdicts == ()
    assert {unjudged.code for unjudged in found.unjudged} == {
        Code.THROTTLING,
        Code.LOW_CLOCK,
        Code.OTHER_GPU_WORK,
        Code.SLOWER_THAN_BEFORE,
        Code.BANDWIDTH_BOUND,
        Code.COMPUTE_BOUND,
    }


def test_before_the_run_there_is_nothing_to_judge() -> None:
    assert judge(RunState()) == Validity(valid=True, verdicts=(), unjudged=())


@pytest.mark.parametrize(
    ("run", "code", "evidence"),
    [
        (replace(CLEAN, status=Status.CANCELLED), Code.INCOMPLETE, {"answered": 20, "planned": 20}),
        (replace(CLEAN, status=None), Code.INCOMPLETE, {"answered": 20, "planned": 20}),
        (
            replace(CLEAN, extra=[ContenderFailed(t=0.1, contender="qwen", error="no memory")]),
            Code.CONTENDER_FAILED,
            {"contender": "qwen"},
        ),
        (
            replace(CLEAN, requests=[*MANY, Request(finish=Finish.ERROR)]),
            Code.FAILED_REQUESTS,
            {"failed": 1, "requests": 21},
        ),
        (
            replace(CLEAN, requests=[*MANY, Request(chunks=[(1.2, 1, " \n"), (1.3, 1, " ")])]),
            Code.EMPTY_ANSWERS,
            {"empty": 1, "completed": 21},
        ),
        (
            speed(FULL, replace(FULL, cached_tokens=15)),
            Code.CACHE_HITS,
            {"cached_tokens": 15, "prompt_tokens": 40, "percent": 37.5},
        ),
        (
            speed(FULL, replace(FULL, prompt_tokens=120), isl=100),
            Code.PROMPT_LENGTH,
            {"expected": 100, "worst": 20, "requests": 2},
        ),
        (
            speed(FULL, replace(FULL, max_tokens=128)),
            Code.OUTPUT_LENGTH,
            {"requests": 1, "worst": 4, "expected": 128},
        ),
        (
            replace(CLEAN, requests=[*MANY, Request(source=TokenSource.CHUNKS)]),
            Code.TOKEN_COUNTS,
            {"source": "chunks"},
        ),
        (
            replace(CLEAN, requests=[*MANY, Request(output_tokens=6)]),
            Code.TOKEN_MISMATCH,
            {"requests": 1, "seen": 4, "reported": 6},
        ),
        (
            replace(CLEAN, contenders=("qwen", "llama"), options=Options(together=True)),
            Code.CONTENDED,
            {"contenders": 2},
        ),
        (
            replace(CLEAN, samples=[*CALM, sample(1.6, memory_available=7.0 * GIB, psi_full=31.0)]),
            Code.MEMORY_RESERVE,
            {"node": "spark-a", "lowest": 7.0 * GIB, "reserve": 8 * GIB},
        ),
        (
            replace(CLEAN, samples=[*CALM, sample(1.6, psi_full=31.0), sample(1.7, psi_full=0.0)]),
            Code.MEMORY_PRESSURE,
            {"node": "spark-a", "level": "critical", "psi_full": 31.0, "floor": 8 * GIB},
        ),
        (
            replace(CLEAN, samples=[*CALM, sample(1.6, swap_used=1.5 * GIB), sample(1.7, swap_used=1.0 * GIB)]),
            Code.SWAP_GROWTH,
            {"node": "spark-a", "bytes": 0.5 * GIB},
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else "",
)
def test_faults(run: Run, code: Code, evidence: dict[str, float | str]) -> None:
    found = verdict(run, code)
    assert found is not None
    assert (found.severity, found.evidence) == (Severity.FAULT, evidence)
    assert not judged(run).valid
    assert found.text[0] != " "
    assert found.text.count("\n") == 0


@pytest.mark.parametrize(
    ("run", "code", "evidence"),
    [
        (replace(CLEAN, requests=MANY[:19]), Code.FEW_SAMPLES, {"fewest": 19}),
        (replace(CLEAN, scenario=QUESTIONS), Code.ONE_REPETITION, {"repetitions": 1}),
        (replace(CLEAN, toys=("qwen",)), Code.TOY_MODEL, {"contenders": "qwen"}),
        (
            replace(CLEAN, requests=[*MANY, Request(finish=Finish.LENGTH)]),
            Code.CUT_ANSWERS,
            {"cut": 1, "completed": 21},
        ),
        (
            replace(CLEAN, requests=[*MANY, Request(source=TokenSource.FINAL_USAGE)]),
            Code.TOKEN_COUNTS,
            {"source": "final usage spread over the chunks"},
        ),
        (speed(FULL, warm=False), Code.COLD_START, {"cold": 1, "measurements": 1}),
        (
            replace(CLEAN, requests=[*MANY, Request(cached_tokens=10)]),
            Code.CACHE_HITS,
            {"cached_tokens": 10, "prompt_tokens": 420, "percent": pytest.approx(1000 / 420)},
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else "",
)
def test_notes_leave_a_run_valid(run: Run, code: Code, evidence: dict[str, float | str]) -> None:
    found = verdict(run, code)
    assert found is not None
    assert (found.severity, found.evidence) == (Severity.NOTE, evidence)
    assert judged(run).valid


def test_repetitions_that_differ_are_named() -> None:
    slow = replace(FULL, sent=2.0, repetition=1, chunks=[(2.2 + 0.12 * n, 1, "字") for n in range(4)])
    found = verdict(speed(FULL, slow), Code.UNSTEADY)
    assert found is not None
    # 10 and 8.33 tokens per second: 1.67 apart, around 9.17.
    assert found.evidence == {"contender": "qwen", "batch": 1, "percent": pytest.approx(18.18, abs=0.01)}
    steady = replace(slow, chunks=[(2.2 + 0.105 * n, 1, "字") for n in range(4)])
    assert verdict(speed(FULL, steady), Code.UNSTEADY) is None


def stream(gaps: list[float]) -> Request:
    t, chunks = 1.2, [(1.2, 1, "字")]
    for gap in gaps:
        t += gap
        chunks.append((t, 1, "字"))
    return Request(chunks=chunks, max_tokens=len(chunks))


def test_stalls_are_named_with_their_share() -> None:
    # 38 gaps of 10 ms and one of 120: 120 of 500 ms.
    found = verdict(speed(stream([0.01] * 38 + [0.12])), Code.STALLS)
    assert found is not None
    assert found.severity is Severity.NOTE
    assert found.evidence == {
        "contender": "qwen",
        "batch": 1,
        "percent": pytest.approx(24),
        "longest_ms": pytest.approx(120),
        "usual_ms": pytest.approx(10),
    }
    assert verdict(speed(stream([0.01] * 38 + [0.09])), Code.STALLS) is None, "nine times the usual is no stall"
    assert verdict(speed(stream([0.01] * 300 + [0.12])), Code.STALLS) is None, "4 % of the time is let pass"
    assert verdict(speed(stream([0.01] * 10 + [0.5])), Code.STALLS) is None, "too few gaps to know the usual"


def test_bursts_are_no_stalls_but_a_stall_between_bursts_is() -> None:
    # Eight tokens at once every 80 ms, as a server with a stream interval or a proxy that buffers sends them.
    bursts = [*[0.0002] * 7, 0.08] * 10
    assert verdict(speed(stream(bursts)), Code.STALLS) is None
    found = verdict(speed(stream([*bursts, 1.0, *bursts])), Code.STALLS)
    assert found is not None
    assert found.evidence["usual_ms"] == pytest.approx(80)
    assert found.evidence["longest_ms"] == pytest.approx(1000)
    assert "went into 1 stall of up to 1000 ms" in found.text


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (speed(FULL), Code.COLD_START),
        (speed(FULL), Code.CUT_ANSWERS),
        (speed(FULL), Code.OUTPUT_LENGTH),
        (speed(FULL), Code.CACHE_HITS),
        (speed(replace(FULL, prompt_tokens=100), isl=100), Code.PROMPT_LENGTH),
        (speed(replace(FULL, prompt_tokens=105), isl=100), Code.PROMPT_LENGTH),
        (replace(CLEAN, options=Options(together=True)), Code.CONTENDED),
        (replace(CLEAN, contenders=("qwen", "llama")), Code.CONTENDED),
        (replace(CLEAN, samples=[*CALM, sample(1.6, swap_used=1.0 * GIB + 4096)]), Code.SWAP_GROWTH),
        (replace(CLEAN, samples=[*CALM, sample(1.6, swap_used=0.0)]), Code.SWAP_GROWTH),
        (replace(CLEAN, samples=[*CALM, sample(1.6, psi_full=5.0)]), Code.MEMORY_PRESSURE),
        (replace(CLEAN, samples=[*CALM, sample(1.6, memory_available=8.0 * GIB)]), Code.MEMORY_RESERVE),
        (replace(CLEAN, requests=[*MANY, Request(output_tokens=5)]), Code.TOKEN_MISMATCH),
    ],
)
def test_what_is_in_order_is_not_named(run: Run, code: Code) -> None:
    assert verdict(run, code) is None


def served(server_ms: float, prefill_ms: float = 100.0) -> Run:
    """A stream of 40 tokens, 10 ms apart, of a server that says what it took."""
    chunks = [(1.2 + 0.01 * n, 1, "春") for n in range(40)]
    timed = {"decode_ms": server_ms, "decode_tokens": 40}
    return replace(
        CLEAN, requests=[*MANY, Request(chunks=chunks, prefill_ms=prefill_ms, item="Q9", batch=2, more=timed)]
    )


@pytest.mark.parametrize("server_ms", [390.0, 400.0, 372.0, 419.0])
def test_a_servers_timing_is_believed_as_forty_tokens_or_thirty_nine_steps(server_ms: float) -> None:
    assert verdict(served(server_ms), Code.SERVER_TIMINGS) is None


@pytest.mark.parametrize(("server_ms", "told"), [(360.0, 9.231), (430.0, 10.75)])
def test_a_server_that_times_otherwise_is_named(server_ms: float, told: float) -> None:
    found = verdict(served(server_ms), Code.SERVER_TIMINGS)
    assert found is not None
    assert found.severity is Severity.NOTE
    assert found.evidence == {
        "contender": "qwen",
        "batch": 2,
        "client_ms": pytest.approx(10),
        "server_ms": pytest.approx(told, rel=1e-3),
    }


def test_a_first_token_cannot_come_before_the_prompt_was_read() -> None:
    found = verdict(served(390.0, prefill_ms=400.0), Code.SERVER_TIMINGS)
    assert found is not None
    assert found.evidence["client_ms"] == pytest.approx(200)
    assert found.evidence["server_ms"] == 400.0
    assert verdict(served(390.0, prefill_ms=205.0), Code.SERVER_TIMINGS) is None


@pytest.mark.parametrize(("unread_ms", "step", "named"), [(11.0, 0.01, True), (9.0, 0.005, False), (30.0, 0.04, False)])
def test_chunks_that_lay_unread_are_told(unread_ms: float, step: float, named: bool) -> None:
    chunks = [(1.2 + step * n, 1, "春") for n in range(40)]
    run = replace(CLEAN, requests=[*MANY, Request(chunks=chunks, more={"unread_ms": unread_ms})])
    found = verdict(run, Code.READ_LATE)
    assert (found is not None) == named
    assert found is None or found.evidence == {"requests": 1, "completed": 21, "longest_ms": unread_ms}


def test_a_small_machine_has_a_small_reserve() -> None:
    small = replace(CLEAN, node=replace(NODE, memory=16 * GIB))

    def left(available: float) -> Verdict | None:
        felt = sample(0.5, memory_available=available * GIB, memory_total=16.0 * GIB, psi_full=3.0)
        return verdict(replace(small, samples=[felt]), Code.MEMORY_RESERVE)

    assert left(2.0) is None
    found = left(1.0)
    assert found is not None
    assert found.severity is Severity.NOTE
    assert found.evidence["reserve"] == pytest.approx(1.6 * GIB)


def test_a_machine_that_rests_below_its_reserve_is_healthy_as_long_as_nothing_waits() -> None:
    resting = {"memory_available": 4.9 * GIB, "memory_total": 121.69 * GIB, "swap_used": 0.0}
    calm = judged(replace(CLEAN, samples=[sample(0.5, **resting, psi_full=0.0, psi_some=0.3, swap_in=0.0)]))
    memory = {Code.MEMORY_RESERVE, Code.MEMORY_PRESSURE, Code.SWAP_GROWTH}
    assert not memory & ({v.code for v in calm.verdicts} | {u.code for u in calm.unjudged})
    blind = judged(replace(CLEAN, samples=[sample(0.5, **resting)]))
    reasons = {found.code: found.reason for found in blind.unjudged}
    assert reasons[Code.MEMORY_RESERVE] == "spark-a fell to 4.9 GiB available, and whether tasks waited was not read"
    assert Code.MEMORY_PRESSURE in reasons


def test_without_readings_nothing_is_passed() -> None:
    missing = SampleTaken(t=1.0, node="spark-a", values={}, missing={"psi.full": "the kernel has no PSI"})
    found = judged(replace(CLEAN, samples=[missing]))
    reasons = {unjudged.code: unjudged.reason for unjudged in found.unjudged}
    assert reasons[Code.MEMORY_PRESSURE] == "psi.full of spark-a: the kernel has no PSI"
    assert reasons[Code.MEMORY_RESERVE] == "memory.available of spark-a: no reading was taken"
    assert reasons[Code.SWAP_GROWTH] == "swap.used of spark-a: no reading was taken"


def test_tasks_that_do_not_wait_are_no_proof_of_memory_that_was_not_read() -> None:
    found = judged(replace(CLEAN, samples=[sample(0.5, psi_full=0.0, psi_some=0.0, swap_in=0.0, swap_used=0.0)]))
    reasons = {unjudged.code: unjudged.reason for unjudged in found.unjudged}
    assert reasons[Code.MEMORY_PRESSURE] == "memory.available of spark-a: no reading was taken"
    waiting = judged(replace(CLEAN, samples=[sample(0.5, psi_full=9.0, psi_some=9.0)]))
    assert Code.MEMORY_PRESSURE in {v.code for v in waiting.verdicts}, "every task waited, whatever is left"
    assert Code.MEMORY_PRESSURE not in {u.code for u in waiting.unjudged}


def test_an_engine_that_tells_nothing_of_its_cache_is_not_trusted_to_have_none() -> None:
    found = judged(replace(CLEAN, requests=[*MANY, Request(cached_tokens=None)]))
    reasons = {unjudged.code: unjudged.reason for unjudged in found.unjudged}
    assert reasons[Code.CACHE_HITS] == "for 1 of 21 requests the engine did not tell what was cached"
    assert Code.CACHE_HITS not in {unjudged.code for unjudged in judged(CLEAN).unjudged}


def test_faults_come_before_notes() -> None:
    run = replace(CLEAN, toys=("qwen",), requests=[*MANY[:3], Request(finish=Finish.ERROR)])
    severities = [found.severity for found in judged(run).verdicts]
    assert severities == sorted(severities, key=lambda severity: severity is Severity.NOTE)
    assert set(severities) == {Severity.FAULT, Severity.NOTE}


def test_the_status_given_goes_before_that_of_the_events() -> None:
    state = fold(replace(CLEAN, status=None).events())
    text = judge(state, Status.INTERRUPTED).verdicts[0].text
    assert text == "sparktop was stopped in mid-run: 20 of 20 requests were answered"


def test_cancelled_requests_are_not_answered_ones() -> None:
    ended = [Request(), Request(sent=None, chunks=(), finish=Finish.CANCELLED), Request(finish=Finish.CANCELLED)]
    found = verdict(Run(requests=ended, status=Status.CANCELLED), Code.INCOMPLETE)
    assert found is not None
    assert found.text == "the run was cancelled: 1 of 3 requests were answered"
    assert found.evidence == {"answered": 1, "planned": 3}


def test_random_tokens_need_not_be_answered_with_text() -> None:
    random = replace(FULL, item="random", chunks=[(1.2, 2, " "), (1.3, 2, "\n")], prompt_tokens=2048)
    assert verdict(speed(random, random, isl=2048), Code.EMPTY_ANSWERS) is None
    assert verdict(speed(replace(random, item="Q1"), isl=2048), Code.EMPTY_ANSWERS) is not None
