"""What vLLM and SGLang guessed ahead: told of requests that had the server to themselves, and of no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sparktop.engines.http.requests import Requests
from sparktop.model.events import Finish, RequestDone
from tests.engines.conftest import Heard, question
from tests.engines.http_asking import asked
from tests.servers.replay import Replay, replay
from tests.servers.wire_file import Wire

VLLM_PAGE = """# HELP vllm:spec_decode_num_draft_tokens_total Number of draft tokens.
vllm:num_requests_running{{engine="0",model_name="a }} b"}} {busy}
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="a }} b"}} {stop}
vllm:request_success_total{{engine="0",finished_reason="length",model_name="a }} b"}} 2.0
vllm:spec_decode_num_drafts_total{{engine="0"}} {steps}
vllm:spec_decode_num_draft_tokens_total{{engine="0"}} {drafted}
vllm:spec_decode_num_draft_tokens_total{{engine="1"}} 1e3
vllm:spec_decode_num_accepted_tokens_total{{engine="0"}} {accepted}
"""
SGLANG_PAGE = """sglang:num_running_reqs{{model_name="m",priority=""}} 3.0
sglang:generation_tokens_total{{model_name="m"}} {tokens}
sglang:num_requests_total{{model_name="m"}} {finished}
"""
STEPS = """sglang:spec_verify_calls_total{{model_name="m"}} {steps}
"""


def page(text: str) -> Wire:
    return Wire(method="GET", path="/metrics", status=200, kind="text/plain", play="", body=text.encode())


def vllm(**values: float) -> Wire:
    return page(VLLM_PAGE.format(**{**BEFORE, **values}))


def sglang(tokens: float, finished: float, steps: float | None) -> Wire:
    text = SGLANG_PAGE.format(tokens=tokens, finished=finished)
    return page(text if steps is None else text + STEPS.format(steps=steps))


def put(running: Replay, one: Wire) -> None:
    running.wires = (*(wire for wire in running.wires if wire.path != one.path), one)


def served_as(running: Replay, algorithm: str | None, drafted: int | None) -> None:
    """Makes SGLang one that was started with these settings."""
    told = {"version": "0.5.9", "speculative_algorithm": algorithm, "speculative_num_draft_tokens": drafted}
    wire = Wire(method="GET", path="/server_info", status=200, kind="application/json", play="", body=b"")
    put(running, replace(wire, body=json.dumps(told).encode()))


def told(done: RequestDone) -> tuple[int | None, int | None, int | None, int]:
    return done.drafted_tokens, done.accepted_tokens, done.draft_steps, done.drafts_of


def looked(running: Replay) -> int:
    return [path for _, path, *_ in running.asked].count("/metrics")


async def ask_while(
    running: Replay, after: Wire, streams: int, cancel: Callable[[Requests], object] | None = None
) -> Heard:
    """Asks some questions at once; while they are answered the server's page becomes another."""

    async def begun(requests: Requests, heard: Heard) -> None:
        while not any(method == "POST" for method, *_ in running.asked):
            await asyncio.sleep(0.005)
        put(running, after)
        if cancel is not None:
            cancel(requests)

    running.play, running.gap_s = "plain", 0.05
    questions = [replace(question(0, "An hour?"), request=number) for number in range(streams)]
    return await asked(running.url + "/v1", *questions, meanwhile=begun)


BEFORE = {"busy": 0.0, "stop": 38.0, "steps": 9000.0, "drafted": 20000.0, "accepted": 14000.0}
GREW = {"steps": 9020.0, "drafted": 20040.0, "accepted": 14030.0}
NOTHING = (None, None, None, 1)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"stop": 39.0, **GREW}, (40, 30, 20, 1)),
        ({"stop": 39.0}, (0, 0, 0, 1)),
        ({"stop": 40.0, **GREW}, NOTHING),  # somebody else's too
        ({"stop": 39.0, **GREW, "busy": 1.0}, NOTHING),
        ({"stop": 39.0, "drafted": 5.0, "accepted": 3.0}, NOTHING),  # it began anew
        ({"stop": 38.0, **GREW}, NOTHING),  # never counted as answered
    ],
)
async def test_counters_before_and_after_a_request(
    after: dict[str, float], expected: tuple[int | None, int | None, int | None, int]
) -> None:
    with replay("vllm") as running:
        put(running, vllm())
        heard = await ask_while(running, vllm(**after), 1)
        assert told(heard.done(0)) == expected
        assert looked(running) == (5 if after["stop"] == 38 else 2)


async def test_a_batch_is_told_as_one_by_its_last_request() -> None:
    with replay("vllm") as running:
        put(running, vllm())
        heard = await ask_while(running, vllm(stop=42.0, **GREW), 4)
        ends = [event for event in heard.seen if isinstance(event, RequestDone)]
        assert [told(done) for done in ends] == [NOTHING, NOTHING, NOTHING, (40, 30, 20, 4)]
        assert looked(running) == 2


async def test_a_batch_of_which_one_failed_is_not_told() -> None:
    def cut(requests: Requests) -> None:
        next(iter(requests._live.values())).task.cancel()  # type: ignore[union-attr]

    with replay("vllm") as running:
        put(running, vllm())
        heard = await ask_while(running, vllm(stop=42.0, **GREW), 4, cut)
        ends = [event for event in heard.seen if isinstance(event, RequestDone)]
        assert sorted(done.finish is Finish.CANCELLED for done in ends) == [False, False, False, True]
        assert {told(done) for done in ends} == {NOTHING}


async def test_a_server_without_counters_is_asked_once() -> None:
    with replay("vllm") as running:
        running.play = "plain"
        put(running, page("vllm:num_requests_running 0.0\n"))
        heard = await asked(running.url + "/v1", question(0, "An hour?"))
        assert told(heard.done(0)) == NOTHING
        assert looked(running) == 1


@pytest.mark.parametrize(
    ("before", "after", "streams", "expected"),
    [
        # 20 tokens: the first from the prompt, 7 steps, 12 guessed well of 7 x 3.
        (sglang(500, 9, 100), sglang(520, 10, 107), 1, (21, 12, 7, 1)),
        (sglang(500, 9, 100), sglang(540, 11, 114), 2, (42, 24, 14, 2)),
        (sglang(0, 0, None), sglang(20, 1, 7), 1, (21, 12, 7, 1)),  # counters appear when they first count
        (sglang(500, 9, 100), sglang(520, 11, 107), 1, NOTHING),
    ],
)
async def test_sglang_counts_steps_and_its_settings_say_how_many_each_guessed(
    before: Wire, after: Wire, streams: int, expected: tuple[int | None, int | None, int | None, int]
) -> None:
    with replay("sglang") as running:
        served_as(running, "EAGLE3", 4)
        put(running, before)
        heard = await ask_while(running, after, streams)
        assert told([event for event in heard.seen if isinstance(event, RequestDone)][-1]) == expected


async def test_sglang_that_guesses_nothing_is_not_asked_for_its_page() -> None:
    with replay("sglang") as running:
        served_as(running, None, None)
        heard = await ask_while(running, sglang(1, 1, None), 1)
        assert told(heard.done(0)) == NOTHING
        assert looked(running) == 0
