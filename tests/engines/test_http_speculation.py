"""What vLLM guessed ahead: told of a request that had the server to itself, and of no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sparktop.engines.http.requests import Requests
from tests.engines.conftest import Heard, question
from tests.engines.http_asking import asked
from tests.servers.replay import Replay, replay
from tests.servers.wire_file import Wire

PAGE = """# HELP vllm:spec_decode_num_draft_tokens_total Number of draft tokens.
vllm:num_requests_running{{engine="0",model_name="a } b"}} {busy}
vllm:request_success_total{{engine="0",finished_reason="stop",model_name="a } b"}} {stop}
vllm:request_success_total{{engine="0",finished_reason="length",model_name="a } b"}} 2.0
vllm:spec_decode_num_draft_tokens_total{{engine="0"}} {drafted}
vllm:spec_decode_num_draft_tokens_total{{engine="1"}} 1e3
vllm:spec_decode_num_accepted_tokens_total{{engine="0"}} {accepted}
"""


def page(**values: float) -> Wire:
    body = PAGE.replace("a } b", "a }} b").format(**values).encode()
    return Wire(method="GET", path="/metrics", status=200, kind="text/plain", play="", body=body)


def put(running: Replay, one: Wire) -> None:
    running.wires = (*(wire for wire in running.wires if wire.path != "/metrics"), one)


BEFORE = {"busy": 0.0, "stop": 38.0, "drafted": 20000.0, "accepted": 14000.0}


@pytest.mark.parametrize(
    ("after", "streams", "told"),
    [
        ({"stop": 39.0, "drafted": 20040.0, "accepted": 14030.0}, 1, (40, 30)),
        ({"stop": 39.0}, 1, (0, 0)),
        ({"stop": 40.0, "drafted": 20040.0, "accepted": 14030.0}, 1, (None, None)),  # somebody else's too
        ({"stop": 39.0, "busy": 1.0, "drafted": 20040.0}, 1, (None, None)),
        ({"stop": 39.0, "drafted": 5.0, "accepted": 3.0}, 1, (None, None)),  # it began anew
        ({"stop": 40.0, "drafted": 20040.0, "accepted": 14030.0}, 2, (None, None)),
    ],
)
async def test_counters_before_and_after(
    after: dict[str, float], streams: int, told: tuple[int | None, int | None]
) -> None:
    with replay("vllm") as running:
        running.play, running.gap_s = "plain", 0.05
        put(running, page(**BEFORE))

        async def begun(requests: Requests, heard: Heard) -> None:
            while not any(method == "POST" for method, *_ in running.asked):
                await asyncio.sleep(0.005)
            put(running, page(**{**BEFORE, **after}))

        questions = [replace(question(0, "An hour?"), request=number) for number in range(streams)]
        heard = await asked(running.url + "/v1", *questions, meanwhile=begun)
        done = heard.done(0)
        assert (done.drafted_tokens, done.accepted_tokens) == told
        looked = [path for _, path, *_ in running.asked].count("/metrics")
        assert looked == (2 if streams == 1 else 0)


async def test_a_server_without_counters_is_asked_once() -> None:
    with replay("vllm") as running:
        running.play = "plain"
        put(running, replace(page(**BEFORE), body=b"vllm:num_requests_running 0.0\n"))
        heard = await asked(running.url + "/v1", question(0, "An hour?"))
        assert heard.done(0).drafted_tokens is None
        assert [path for _, path, *_ in running.asked].count("/metrics") == 1
