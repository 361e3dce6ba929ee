from __future__ import annotations

import io
from dataclasses import replace

from sparktop.headless.columns import width
from sparktop.headless.progress import LineProgress, PlainProgress, Progress
from sparktop.headless.run import progress_for
from sparktop.model.events import ContenderFailed, Event, Finish, ModelLoading, Notice, RequestDone
from sparktop.model.state import RunState
from tests.cli.scripted import beginning, contender, failed, request, whole_run


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Ticking(Clock):
    def __call__(self) -> float:
        self.now += 1
        return self.now


def tell(progress: Progress, events: list[Event]) -> None:
    """Tells events one by one, as a run does."""
    state = RunState()
    for event in events:
        state.apply(event)
        progress.show(state, [event])
    progress.finish()


def plain(events: list[Event]) -> list[str]:
    stream = io.StringIO()
    tell(PlainProgress(stream, Clock()), events)
    return stream.getvalue().splitlines()


def test_plain_lines_of_a_run() -> None:
    assert plain(whole_run()) == [
        "run run-1: 两个问题, demo-base, 2 requests",
        "demo-base: llama 1M F16 loaded in 0.1 s on CPU",
        "[1/2] demo-base Q1, 11 tokens, 0.20 s, TTFT 100 ms, 100.0 tok/s, stop",
        "note: a note",
        "[2/2] demo-base Q2, 11 tokens, 0.20 s, TTFT 100 ms, 100.0 tok/s, stop",
    ]


def test_plain_lines_are_few_and_none_is_lost_from_the_count() -> None:
    events = beginning(contender("a"), planned=40)
    for number in range(40):
        events += request(number, "a", f"Q{number}", start=1.0 + number, text="x")

    lines = plain(events)  # all within one moment of the clock

    assert len([line for line in lines if line.startswith("[")]) == 4
    assert lines[-1] == "... and 36 more"


def test_held_lines_are_told_before_the_next_one() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    state = RunState()
    state.extend(beginning(contender("a"), planned=6))
    for number in range(6):
        clock.now = 5.0 if number == 5 else 0.0
        events = request(number, "a", "Q1", start=1.0, text="x")
        state.extend(events)
        progress.show(state, events)

    assert stream.getvalue().splitlines()[-2:] == [
        "... and 1 more",
        "[6/6] a Q1, 11 tokens, 0.20 s, TTFT 100 ms, 100.0 tok/s, stop",
    ]


def test_warm_up_has_no_line() -> None:
    lines = plain([*beginning(contender("a")), *request(0, "a", "Q1", start=1.0, text="x", warmup=True)])

    assert not any(line.startswith("[") for line in lines)


def test_failures_are_told_with_the_end_of_the_log() -> None:
    log = "\n".join(f"line {n}" for n in range(20))
    lines = plain(
        [
            *beginning(contender("a")),
            *failed(0, "a", "Q1", start=1.0, error="no more slots"),
            ContenderFailed(t=2.0, contender="a", error="killed by signal 9", log=log),
        ]
    )

    assert "a Q1 failed: no more slots" in lines
    assert lines[-9] == "a failed: killed by signal 9"
    assert lines[-8:] == [f"    line {n}" for n in range(12, 20)]


def test_failure_that_takes_many_requests_with_it_is_told_once() -> None:
    events = [
        *beginning(contender("a"), contender("b"), planned=5),
        *failed(0, "a", "Q1", start=1.0, error="the process is gone"),
        *failed(1, "a", "Q2", start=1.0, error="the process is gone"),
        ContenderFailed(t=2.0, contender="a", error="the process is gone"),
        *failed(2, "a", "Q3", start=2.0, error="the process is gone"),
        *failed(3, "b", "Q1", start=3.0, error="the process is gone"),
        *failed(4, "b", "Q2", start=4.0, error="another"),
    ]

    for lines in (plain(events), [frame.partition("\x1b[K\n")[0] for frame in line_frames(events, 80)]):
        assert [line for line in lines if "failed" in line] == [
            "a Q1 failed: the process is gone",
            "a failed: the process is gone",
            "b Q1 failed: the process is gone",
            "b Q2 failed: another",
        ]


def test_requests_that_came_together_are_counted_one_by_one() -> None:
    stream = io.StringIO()
    events = [*whole_run()[:-1], *failed(2, "demo-base", "Q3", start=4.0, error="no")]
    state = RunState()
    state.extend(events)
    PlainProgress(stream, Clock()).show(state, events)

    assert [line[:5] for line in stream.getvalue().splitlines() if line.startswith("[")] == ["[1/2]", "[2/2]"]


def test_cancelled_requests_are_not_counted_as_done() -> None:
    queued, sent, tokens, done = request(1, "a", "Q2", start=2.0, text="x")
    never_queued, _, _, never_done = request(2, "a", "Q3", start=3.0, text="")
    assert isinstance(done, RequestDone)
    assert isinstance(never_done, RequestDone)
    events = [
        *beginning(contender("a"), planned=3),
        *request(0, "a", "Q1", start=1.0, text="x"),
        *(queued, sent, tokens, replace(done, finish=Finish.CANCELLED)),
        *(never_queued, replace(never_done, finish=Finish.CANCELLED, output_tokens=0)),
    ]

    assert [line.split(",")[0] for line in plain(events) if line.startswith("[")] == ["[1/3] a Q1", "[1/3] a Q2"]
    assert line_frames(events, 80, Ticking())[-2].startswith("[1/3], ")


def test_untrusted_text_cannot_act_on_the_terminal() -> None:
    evil = "\x1b]0;title\x07\x1b[2J\n\u202eend"
    events = [
        *beginning(contender(f"a{evil}")),
        *failed(0, "a", evil, start=1.0, error=evil),
        ContenderFailed(t=2.0, contender=f"a{evil}", error=evil, log=evil),
        Notice(t=3.0, text=evil),
    ]

    printed = "\n".join(plain(events))

    assert "end" in printed
    assert not set(printed) & set("\x1b\x07\u202e")


def line_frames(events: list[Event], columns: int, clock: Clock | None = None) -> list[str]:
    stream = io.StringIO()
    tell(LineProgress(stream, lambda: columns, clock or Clock()), events)
    return stream.getvalue().split("\r")


def test_line_never_reaches_the_last_column() -> None:
    name = "很长的名字" * 8
    frames = line_frames(
        [beginning(contender(name))[0], ModelLoading(t=1.0, contender=name, fraction=0)], 40, Ticking()
    )

    current = [frame.removesuffix("\x1b[K") for frame in frames if frame.endswith("\x1b[K")]
    assert max(map(width, current)) == 38  # of 40; a Chinese character more would take the last cell


def test_line_is_repainted_at_most_ten_times_a_second() -> None:
    events = beginning(contender("a"))
    events += [ModelLoading(t=1.0, contender="a", fraction=n / 100) for n in range(100)]

    # Two for the start and for the loaded model, which scroll up, and one to take the line away.
    assert len([frame for frame in line_frames(events, 80) if frame.endswith("\x1b[K")]) == 3


def test_line_shows_what_is_going_on() -> None:
    clock = Clock()
    stream = io.StringIO()
    progress = LineProgress(stream, lambda: 80, clock)
    state = RunState()
    events = [*beginning(contender("a")), *request(0, "a", "Q1", start=1.0, text="x")[:3]]
    state.extend(events)
    progress.show(state, events)

    assert stream.getvalue().rpartition("\r")[2] == "[0/2], a Q1: answering, 11 tokens, 0:01\x1b[K"


def test_line_that_has_not_changed_is_not_painted_again() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream, lambda: 80, Ticking())
    state = RunState()
    state.extend(beginning(contender("a")))
    for _ in range(5):
        progress.show(state, [])

    assert stream.getvalue().count("\r") == 1


def test_sentence_scrolls_up_above_the_line() -> None:
    stream = io.StringIO()
    progress = LineProgress(stream, lambda: 80, Ticking())
    state = RunState()
    state.extend(beginning(contender("a")))
    progress.show(state, [])
    progress.say("ending")

    assert stream.getvalue() == "\r[0/2], 0:00\x1b[K\rending\x1b[K\n\r[0/2], 0:00\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_way_of_telling_suits_the_stream() -> None:
    assert isinstance(progress_for(io.StringIO(), {"TERM": "xterm"}), PlainProgress)
    assert isinstance(progress_for(Terminal(), {"TERM": "xterm"}), LineProgress)
    assert isinstance(progress_for(Terminal(), {"TERM": "dumb"}), PlainProgress)
    assert isinstance(progress_for(Terminal(), {}), PlainProgress)
