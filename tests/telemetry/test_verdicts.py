"""Each recorded machine is found to have what it has, live and afterwards, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from sparktop.model.alerts import LINE_CELLS, RECENT_S, Alert, alerts
from sparktop.model.events import (
    ContenderFailed,
    Event,
    ModelLoading,
    ModelReady,
    NodeSeen,
    RequestQueued,
    RequestSent,
    RunStarted,
    SampleTaken,
    TokenKind,
    Tokens,
)
from sparktop.model.records import Contender, Node, Options
from sparktop.model.state import RunState, fold
from sparktop.model.validity import Validity, judge
from sparktop.model.verdicts import Code, Severity
from sparktop.telemetry.played import moments, play
from tests.model.synthetic import INFO, NODE, throughput
from tests.telemetry.cases import FOLDER

GIB = 2**30
HOLD_S = 15.0
STEP_S = 0.5
RUN_CODES = {Code.INCOMPLETE, Code.ONE_REPETITION, Code.FEW_SAMPLES, Code.COLD_START, Code.SLOWER_THAN_BEFORE}
"""What a made-up run of one unfinished request brings with it."""

NODES = {
    "spark": NODE,
    "x86-h200": replace(NODE, name="h200", machine="", gpus=("NVIDIA H200",)),
    "laptop": replace(NODE, name="laptop", machine="", gpus=()),
}
Values = dict[str, float]


@dataclass
class Played:
    """A run on a recorded machine, which stays as it was last recorded while a model decodes."""

    recording: str
    place: str = ""
    size: int = 0
    change: Callable[[float, Values], Values] = field(default=lambda _, values: values)
    decodes: bool = True
    run: bool = True
    fails: bool = False

    @property
    def node(self) -> Node:
        return next(node for name, node in NODES.items() if self.recording.startswith(name))

    def samples(self) -> list[SampleTaken]:
        first, second, *_ = moments(play(FOLDER / self.recording))
        known = {**first.values, **second.values}
        name = self.node.name
        taken = [
            SampleTaken(t=0.0, node=name, values=self.change(0.0, dict(first.values)), missing=dict(first.missing))
        ]
        for tick in range(1, round(HOLD_S / STEP_S) + 1):
            t = tick * STEP_S
            missing = dict(second.missing) if tick == 1 else {}
            taken.append(SampleTaken(t=t, node=name, values=self.change(t, dict(known)), missing=missing))
        return taken

    def events(self) -> list[Event]:
        if not self.run:
            return [NodeSeen(t=0.0, node=self.node), *self.samples()]
        contender = Contender(
            name="qwen",
            engine="llama.cpp",
            model="/models/qwen.gguf",
            node=self.place or self.node.name,
            size=self.size,
        )
        start = RunStarted(
            t=0.0,
            id="2026-11-23T07-15-04-speed",
            created="2026-11-23T07:15:04+08:00",
            sparktop="0.1.0",
            scenario=throughput(),
            options=Options(),
            nodes=(self.node,),
            contenders=(contender,),
            planned=1,
        )
        queued = RequestQueued(
            t=0.0, request=0, contender="qwen", item="Q1", repetition=0, batch=1, prompt="?", max_tokens=999
        )
        events: list[Event] = [start, queued, ModelLoading(t=0.0, contender="qwen", fraction=0.0)]
        samples = self.samples()
        events.append(samples[0])
        if self.fails:
            events.append(ContenderFailed(t=0.1, contender="qwen", error="CUDA out of memory"))
        elif self.decodes:
            events += [ModelReady(t=0.1, contender="qwen", model=INFO, load_s=0.1), RequestSent(t=0.2, request=0)]
        for sample in samples[1:]:
            if self.decodes and not self.fails:
                times = tuple(sample.t - 0.1 * n for n in (4, 3, 2, 1))
                events.append(
                    Tokens(t=times[-1], request=0, kind=TokenKind.ANSWER, text="一二三四", times=times, counts=(1,) * 4)
                )
            events.append(sample)
        return events

    def state(self) -> RunState:
        return fold(self.events())

    def verdicts(self) -> dict[Code, Severity]:
        """The worst of each code."""
        return {v.code: v.severity for v in reversed(self.judged().verdicts) if v.code not in RUN_CODES}

    def unjudged(self) -> dict[Code, str]:
        return {u.code: u.reason for u in self.judged().unjudged if u.code not in RUN_CODES}

    def judged(self) -> Validity:
        return judge(self.state())

    def alerts(self, later: float = 0.0) -> dict[Code, Alert]:
        state = self.state()
        found = alerts(state, state.now + later)
        assert all(len(alert.text) <= LINE_CELLS for alert in found), [alert.text for alert in found]
        assert [alert.severity for alert in found] == sorted(
            (alert.severity for alert in found), key=list(Severity).index
        )
        return {alert.code: alert for alert in reversed(found)}


CAPPED = "without counters, this GPU does not declare that its power is capped"
SPLIT = "spark-a+spark-b"


@pytest.mark.parametrize(
    ("played", "expected"),
    [
        (Played("spark-idle"), {}),
        (Played("spark-loaded"), {Code.THROTTLING: Severity.NOTE, Code.OTHER_GPU_WORK: Severity.NOTE}),
        (Played("spark-rdma", place=SPLIT), {}),
        (Played("spark-tcp-fallback", place=SPLIT), {Code.ROCE_FALLBACK: Severity.NOTE}),
        (Played("spark-tcp-fallback"), {}),
        (Played("spark-pd-fault"), {Code.LOW_CLOCK: Severity.FAULT}),
        (
            Played("spark-memory-squeeze"),
            {Code.MEMORY_PRESSURE: Severity.FAULT, Code.MEMORY_RESERVE: Severity.FAULT},
        ),
        (Played("spark-without-nvml"), {}),
        (Played("x86-h200"), {Code.THROTTLING: Severity.NOTE}),
        (Played("laptop-bare"), {}),
    ],
    ids=lambda value: f"{value.recording}{'-split' if value.place else ''}" if isinstance(value, Played) else "",
)
def test_every_machine_is_judged_as_it_is(played: Played, expected: dict[Code, Severity]) -> None:
    assert played.verdicts() == expected
    live = {code: alert.severity for code, alert in played.alerts().items()}
    # That memory fell below the reserve is said of a run; live it is the same pressure.
    assert live == {code: severity for code, severity in expected.items() if code is not Code.MEMORY_RESERVE}
    assert played.alerts(later=RECENT_S + 1) == {}, "what was read long ago is not now"


@pytest.mark.parametrize(
    ("recording", "code", "says"),
    [
        ("spark-pd-fault", Code.LOW_CLOCK, "GPU 0 stuck at 611 MHz, 14 W: power-delivery fault; unplug for 60 s"),
        ("spark-memory-squeeze", Code.MEMORY_PRESSURE, "4.9 GiB left, floor 8.0: all tasks wait 19 % of time"),
        ("x86-h200", Code.THROTTLING, "GPU 0 held back by its power limit, 80 % of the time"),
    ],
)
def test_without_a_run_a_machine_is_watched_all_the_same(recording: str, code: Code, says: str) -> None:
    found = Played(recording, run=False).alerts()
    assert list(found) == [code]
    assert says in found[code].text
    # Whose processes they are is of no matter where nothing is measured.
    assert Code.OTHER_GPU_WORK not in Played("spark-loaded", run=False).alerts()


def test_what_cannot_be_judged_is_said() -> None:
    assert CAPPED in Played("spark-idle").unjudged()[Code.THROTTLING]
    assert Code.THROTTLING not in Played("spark-loaded").unjudged()
    blind = Played("spark-without-nvml").unjudged()
    assert all(
        "Driver/library version mismatch" in blind[code]
        for code in (Code.THROTTLING, Code.LOW_CLOCK, Code.OTHER_GPU_WORK)
    )
    assert Code.PAGE_CACHE in Played("spark-without-nvml", size=GIB).unjudged()
    assert Code.PAGE_CACHE not in Played("laptop-bare", size=GIB).unjudged(), "no GPU, no CUDA to be squeezed"
    assert set(Played("x86-h200").unjudged()) == set()
    split = Played("x86-h200", place="h200+other").unjudged()
    assert "no RDMA device" in split[Code.ROCE_FALLBACK]
    assert "no RDMA device" in split[Code.ROCE_ERRORS]


def test_the_clocks_fault_says_what_it_is_and_what_to_do() -> None:
    [found] = [v for v in Played("spark-pd-fault").judged().verdicts if v.code is Code.LOW_CLOCK]
    assert all(part in found.text for part in ("611 MHz", "14 W", "96 % busy", "USB-C power delivery", "minute"))
    assert found.evidence["sm_clock"] == 611
    assert found.evidence["seconds"] == pytest.approx(HOLD_S)


def test_the_clocks_fault_is_named_without_its_clock() -> None:
    def without(t: float, values: Values) -> Values:
        return {name: value for name, value in values.items() if name != "gpu.0.sm_clock"}

    found = Played("spark-pd-fault", change=without).alerts()[Code.LOW_CLOCK]
    assert found.text == "GPU 0 stuck at 20 % clock: power-delivery fault; unplug for 60 s"


def test_what_is_a_fault_of_a_spark_is_a_note_elsewhere() -> None:
    elsewhere = Played("spark-pd-fault").state()
    elsewhere.nodes["spark-a"] = replace(NODE, gpus=("NVIDIA RTX",))
    [other] = [v for v in judge(elsewhere).verdicts if v.code is Code.LOW_CLOCK]
    assert other.severity is Severity.NOTE
    assert "USB-C" not in other.text


def test_a_hardware_slowdown_that_no_counter_explains_is_named() -> None:
    def slow(t: float, values: Values) -> Values:
        return values | {"gpu.0.event_reasons": 8.0}

    played = Played("x86-h200", change=slow)
    assert played.verdicts() == {Code.THROTTLING: Severity.FAULT}
    assert played.alerts()[Code.THROTTLING].severity is Severity.FAULT
    hot = Played("x86-h200", change=lambda t, v: v | {"gpu.0.event_reasons": 8.0, "gpu.0.throttle_hw_thermal": 50.0})
    texts = [v.text for v in hot.judged().verdicts if v.severity is Severity.FAULT and v.code is Code.THROTTLING]
    assert len(texts) == 1, "what slowed it down is known"


def test_the_page_cache_is_named_where_it_hid_what_a_load_needed() -> None:
    # 7 GiB are free, 44 could be had, and the load takes 20.
    loading = Played("spark-loaded", size=20 * GIB, decodes=False)
    alert = loading.alerts()[Code.PAGE_CACHE]
    assert alert.text == "CUDA sees 7.0 GiB free, 20.0 needed; 37.0 GiB are page cache"
    for played, word in (
        (Played("spark-loaded", size=20 * GIB), "was loaded"),
        (Played("spark-loaded", size=20 * GIB, fails=True), "failed to load"),
    ):
        [found] = [v for v in played.judged().verdicts if v.code is Code.PAGE_CACHE]
        assert found.severity is Severity.NOTE
        assert word in found.text
        assert "drop_caches" in found.text
        assert found.evidence["free"] == 7_340_032 * 1024
        assert found.evidence["need"] == 20 * GIB
    for calm in (
        Played("spark-loaded", size=6 * GIB),  # it fits into what is free
        Played("spark-loaded", size=90 * GIB),  # it would fit nowhere
        Played("spark-idle", size=60 * GIB),
        Played("x86-h200", size=100 * GIB),  # its GPU has memory of its own
        Played("laptop-bare", size=4 * GIB),
    ):
        assert Code.PAGE_CACHE not in calm.verdicts()
        assert Code.PAGE_CACHE not in calm.alerts()


def test_a_load_is_judged_by_how_it_began() -> None:
    # What a load has taken itself is no longer free when it is nearly done.
    def filling(t: float, values: Values) -> Values:
        return values | {"memory.free": max(0.5, 101.0 - 10 * t) * GIB}

    played = Played("spark-loaded", size=40 * GIB, decodes=False, change=filling)
    assert Code.PAGE_CACHE not in played.verdicts()
    assert Code.PAGE_CACHE not in played.alerts()


def test_without_a_run_a_page_cache_that_leaves_cuda_nothing_is_named() -> None:
    def full(t: float, values: Values) -> Values:
        return values | {"memory.free": 1.0 * GIB}

    assert "CUDA sees 1.0 GiB free" in Played("spark-loaded", run=False, change=full).alerts()[Code.PAGE_CACHE].text
    assert Code.PAGE_CACHE not in Played("spark-idle", run=False, change=full).alerts(), "nothing uses the GPU"
    assert Code.PAGE_CACHE not in Played("x86-h200", run=False, change=full).alerts()


def test_a_fallback_is_told_by_what_went_where() -> None:
    [found] = [v for v in Played("spark-tcp-fallback", place=SPLIT).judged().verdicts if v.code is Code.ROCE_FALLBACK]
    # Two halves, both ways, 40 MiB/s each, and four tokens in half a second.
    assert found.evidence["tokens"] == 4 * 30
    assert found.evidence["tcp"] == 4 * 20_480 * 1024 * 30
    assert found.evidence["rdma"] == 0
    assert "20,480.0 KiB a token" in found.text

    def elsewhere(t: float, values: Values) -> Values:
        quiet = {name: 0.0 for name in values if name.endswith(("_tcp", "_rdma"))}
        return values | quiet | {"net.enP7s7.rx": 200_000.0, "net.enP7s7.tx": 200_000.0}

    other = Played("spark-rdma", place=SPLIT, change=elsewhere)
    assert other.verdicts() == {Code.ROCE_FALLBACK: Severity.NOTE}
    assert "another interface" in other.alerts()[Code.ROCE_FALLBACK].text

    def silent(t: float, values: Values) -> Values:
        return values | {name: 10.0 for name in values if name.endswith(("_tcp", "_rdma", ".rx", ".tx"))}

    unseen = Played("spark-rdma", place=SPLIT, change=silent)
    assert unseen.verdicts() == {}
    assert "KiB of traffic" in unseen.unjudged()[Code.ROCE_FALLBACK]

    def down(t: float, values: Values) -> Values:
        return values | {name: 0.0 for name in values if name.startswith("roce.") and name.endswith(".up")}

    assert "no link" in Played("spark-tcp-fallback", place=SPLIT, change=down).unjudged()[Code.ROCE_FALLBACK]


def counted(name: str, device: str = "rocep1s0f0", since: float = 10.0) -> Callable[[float, Values], Values]:
    """A counter that grows to 3 at some time; it is read every half second here."""
    return lambda t, values: values | {f"roce.{device}.{name}": 3.0 if t >= since else 0.0}


@pytest.mark.parametrize(
    ("counter", "split", "alone"),
    [
        ("symbol_error", Severity.FAULT, Severity.NOTE),
        ("link_downed", Severity.FAULT, Severity.NOTE),
        ("local_ack_timeout_err", Severity.FAULT, Severity.NOTE),
        ("out_of_sequence", Severity.NOTE, None),
        ("np_cnp_sent", Severity.NOTE, None),
    ],
)
def test_errors_of_the_link_are_counted_over_the_run(counter: str, split: Severity, alone: Severity | None) -> None:
    change = counted(counter)
    used = Played("spark-rdma", place=SPLIT, change=change)
    assert used.verdicts() == {Code.ROCE_ERRORS: split}
    [found] = [v for v in used.judged().verdicts if v.code is Code.ROCE_ERRORS]
    assert found.evidence[counter] == 3
    assert "port 0 of spark-a" in found.text
    assert used.alerts()[Code.ROCE_ERRORS].text == f"port 0: {counter} 3"
    assert used.alerts()[Code.ROCE_ERRORS].severity is split
    unused = Played("spark-rdma", change=change)
    assert unused.verdicts() == ({} if alone is None else {Code.ROCE_ERRORS: alone})
    old = Played("spark-rdma", place=SPLIT, change=counted(counter, since=2.0))
    assert old.verdicts() == {Code.ROCE_ERRORS: split}
    assert old.alerts() == {}, "it was long ago"


def test_an_error_counter_that_is_not_read_is_not_passed() -> None:
    def without(t: float, values: Values) -> Values:
        return {name: value for name, value in values.items() if not name.endswith("f0.local_ack_timeout_err")}

    played = Played("spark-rdma", place=SPLIT, change=without)
    assert played.verdicts() == {}
    reason = "roce.roceP2p1s0f0.local_ack_timeout_err of spark-a: no reading was taken, and 1 more"
    assert played.unjudged()[Code.ROCE_ERRORS] == reason
    assert Code.ROCE_ERRORS not in Played("spark-rdma", place=SPLIT).unjudged()
    assert Code.ROCE_ERRORS not in Played("spark-rdma", change=without).unjudged(), "no model uses the link"


def test_a_link_that_goes_down_is_told_until_it_is_back() -> None:
    def lost(until: float) -> Callable[[float, Values], Values]:
        return lambda t, values: values | ({"roce.rocep1s0f0.up": 0.0} if 3.0 <= t < until else {})

    gone = Played("spark-rdma", place=SPLIT, change=lost(99.0))
    assert gone.verdicts() == {Code.ROCE_ERRORS: Severity.FAULT}
    assert gone.alerts()[Code.ROCE_ERRORS].text == "port 0 went down 12 s ago, and is down"
    back = Played("spark-rdma", place=SPLIT, change=lost(6.0))
    assert back.verdicts() == {Code.ROCE_ERRORS: Severity.FAULT}
    assert back.alerts() == {}
    never = Played("spark-idle")
    assert Code.ROCE_ERRORS not in never.verdicts(), "the second port was never plugged in"


def test_swap_is_counted_from_the_first_reading_however_long_the_run() -> None:
    # It begins full, empties, and fills again to where it was: nothing grew. The series is thinned several times.
    values = [4.0 * GIB, *[0.0] * 9000, 4.0 * GIB]
    state = Played("spark-idle").state()
    gauge = state.gauges["spark-a"]["swap.used"]
    gauge.times.clear()
    gauge.values.clear()
    for t, value in enumerate(values):
        gauge.add(float(t), value)
    assert Code.SWAP_GROWTH not in {v.code for v in judge(state).verdicts}


@pytest.mark.parametrize(("run", "severity"), [(True, Severity.FAULT), (False, Severity.NOTE)])
def test_swap_that_grows_is_told_while_it_does(run: bool, severity: Severity) -> None:
    def growing(until: float) -> Callable[[float, Values], Values]:
        return lambda t, values: values | {"swap.used": min(t, until) * 4 * 2**20}

    found = Played("spark-idle", run=run, change=growing(HOLD_S)).alerts()
    assert {code: alert.severity for code, alert in found.items()} == {Code.SWAP_GROWTH: severity}
    assert found[Code.SWAP_GROWTH].text == "swap grew by 40 MiB in 10 s, to 0.1 GiB"
    # It grew by 20 MiB, and has been still for the last ten seconds: the run's verdict stays, the alert has gone.
    over = Played("spark-idle", run=run, change=growing(5.0))
    assert over.alerts() == {}
    assert Code.SWAP_GROWTH in over.verdicts()
    slow = Played("spark-idle", run=run, change=lambda t, values: values | {"swap.used": t * 2**20})
    assert slow.alerts() == {}
