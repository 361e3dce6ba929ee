"""Each mode of the ground-truth server does on the wire what it says, and its record is true."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.servers.process import ROOT, Truth, truth
from tests.servers.stalls import stalls
from tests.servers.truth.answer import THOUGHTS, WORDS
from tests.servers.truth.options import MODES
from tests.servers.wire_client import Arrived, completion, connect, drain, exchange, get, post

TOKENS = 12
FAST = f"ttft=0.02&tpot=0.002&tokens={TOKENS}"
TEXT = "".join(WORDS[:TOKENS])


@pytest.fixture(scope="module")
def server() -> Iterator[Truth]:
    with truth("--options", FAST) as running:
        yield running


def ask(server: Truth, options: str, *, seconds: float = 10.0, most: int = 1 << 30, **more: Any) -> Arrived:
    with connect(server.url) as sock:
        return exchange(sock, completion(f"truth?{options}", **more), seconds, most)


def deltas(arrived: Arrived, name: str = "content") -> list[str]:
    """The pieces of text that came, empty ones too."""
    choices = [choice for event in arrived.events for choice in event.get("choices", ())]
    return [choice["delta"][name] for choice in choices if choice["delta"].get(name) is not None]


def last(server: Truth) -> dict[str, Any]:
    return server.records()[-1]


def test_plain(server: Truth) -> None:
    arrived = ask(server, "mode=plain", stream_options={"include_usage": True})

    assert (arrived.status, arrived.whole) == (200, True)
    assert arrived.header("Content-Type") == "text/event-stream; charset=utf-8"
    assert deltas(arrived) == list(WORDS[:TOKENS])
    *_, finish, usage = arrived.events
    assert arrived.events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], TOKENS)
    assert arrived.body.endswith(b"\n\ndata: [DONE]\n\n")


def test_the_record_tells_what_was_sent_and_when(server: Truth) -> None:
    arrived = ask(server, "tokens=40&tpot=0.004&per=3")

    record = last(server)
    sent = [each for each in record["sent"] if each["kind"] == "answer"]
    assert (record["text"], record["end"]) == ("".join(deltas(arrived)), "complete")
    assert [each["tokens"] for each in sent] == [3] * 13 + [1]
    # Nothing is sent before it is due, and nothing arrives before it is sent.
    assert all(each["due_ns"] <= each["before_ns"] <= each["after_ns"] for each in sent)
    assert {b["due_ns"] - a["due_ns"] for a, b in pairwise(sent)} == {12_000_000}
    assert sent[0]["due_ns"] - record["received_ns"] == 20_000_000
    times = [t for t, piece in arrived.pieces if b'"content"' in piece]
    assert all(t > each["before_ns"] for t, each in zip(times, sent, strict=False))
    assert server.record(record["number"]) == server.record(arrived.events[0]["id"]) == record


def test_several_tokens_a_chunk(server: Truth) -> None:
    assert deltas(ask(server, "per=5")) == ["".join(WORDS[:5]), "".join(WORDS[5:10]), "".join(WORDS[10:12])]


def test_role_first(server: Truth) -> None:
    arrived = ask(server, "mode=role&ttft=0.1")

    record = last(server)
    kinds = [each["kind"] for each in record["sent"]]
    assert kinds[:3] == ["head", "role", "answer"]
    assert arrived.events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert record["sent"][2]["after_ns"] - record["sent"][1]["after_ns"] > 90e6


def test_reasoning(server: Truth) -> None:
    arrived = ask(server, "mode=reasoning&field=reasoning&per=4", stream_options={"include_usage": True})

    assert "".join(deltas(arrived, "reasoning")) == "".join(THOUGHTS[n % 5] for n in range(6))
    assert "".join(deltas(arrived)) == "".join(WORDS[:6])
    assert arrived.events[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 6
    assert [e["kind"] for e in last(server)["sent"]][1:5] == ["reasoning", "reasoning", "answer", "answer"]


def test_progress(server: Truth) -> None:
    arrived = ask(server, "mode=progress&prompt=100&cached=20")

    progress = [event["prompt_progress"] for event in arrived.events if "prompt_progress" in event]
    assert [(each["processed"], each["total"], each["cache"]) for each in progress] == [
        (25, 100, 20),
        (50, 100, 20),
        (75, 100, 20),
        (100, 100, 20),
    ]
    assert deltas(arrived)[0] == WORDS[0]


def test_timings(server: Truth) -> None:
    arrived = ask(server, "mode=timings,draft&cached=3&prompt=10&lie=2", timings_per_token=True)

    told = [event["timings"] for event in arrived.events if "timings" in event]
    assert [each["predicted_n"] for each in told] == [*range(1, TOKENS + 1), TOKENS]
    assert told[-1]["predicted_ms"] == pytest.approx(2 * 2 * TOKENS)
    assert (told[-1]["cache_n"], told[-1]["prompt_n"], told[-1]["prompt_ms"]) == (3, 7, 40)
    assert (told[-1]["draft_n"], told[-1]["draft_n_accepted"]) == (12, 9)
    assert sum("timings" in event for event in ask(server, "mode=timings").events) == 1


def test_token_ids(server: Truth) -> None:
    arrived = ask(server, "mode=ids&per=5", return_token_ids=True)

    ids = [event["choices"][0].get("token_ids") for event in arrived.events]
    assert ids == [[*range(1000, 1005)], [*range(1005, 1010)], [1010, 1011], None]


@pytest.mark.parametrize(
    ("options", "body", "expected"),
    [
        ("mode=plain", {}, []),
        ("mode=plain", {"stream_options": {"include_usage": True}}, [TOKENS]),
        ("mode=nousage", {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}, []),
        ("mode=usage&per=5", {}, [5, 10, 12, 12, 12]),
        ("per=5", {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}, [5, 10, 12, 12, 12]),
    ],
)
def test_usage(server: Truth, options: str, body: dict[str, Any], expected: list[int]) -> None:
    events = ask(server, options, **body).events

    assert [event["usage"]["completion_tokens"] for event in events if "usage" in event] == expected


@pytest.mark.parametrize(
    ("options", "body", "tokens", "finish"),
    [
        ("", {"max_tokens": 5}, 5, "length"),
        ("", {"max_completion_tokens": 30}, TOKENS, "stop"),
        ("", {"max_tokens": 30, "ignore_eos": True}, 30, "length"),
        ("", {"max_tokens": 30, "min_tokens": 20}, 20, "stop"),
        ("mode=early", {"max_tokens": 30, "min_tokens": 20, "ignore_eos": True}, TOKENS, "stop"),
    ],
)
def test_lengths(server: Truth, options: str, body: dict[str, Any], tokens: int, finish: str) -> None:
    arrived = ask(server, options, **body)

    assert len(deltas(arrived)) == tokens
    assert arrived.events[-1]["choices"][0]["finish_reason"] == finish


def test_last_token_with_its_finish_reason(server: Truth) -> None:
    assert ask(server, "mode=merged").events[-1]["choices"][0]["delta"]["content"] == WORDS[TOKENS - 1]


def test_crlf_and_no_space(server: Truth) -> None:
    body = ask(server, "mode=crlf,nospace").body

    assert body.count(b"\r\n") == body.count(b"\n")
    assert body.count(b"data:{") == TOKENS + 1
    assert b"data: " not in body


def test_comments(server: Truth) -> None:
    arrived = ask(server, "mode=comments&ttft=0.12")

    assert arrived.body.count(b": keep-alive\n\n") == TOKENS + 2
    assert deltas(arrived) == list(WORDS[:TOKENS])


def test_split_inside_characters(server: Truth) -> None:
    arrived = ask(server, "mode=split&tpot=0.01")

    assert "".join(deltas(arrived)) == TEXT
    # 字 is e5 ad 97: its first byte ends one read, the others begin the next.
    pieces = [piece for _, piece in arrived.pieces]
    assert any(a.endswith(b"\xe5\r\n") and b"\xad\x97" in b for a, b in pairwise(pieces))
    assert sum(each["kind"] == "part" for each in last(server)["sent"]) == TOKENS


def test_no_done(server: Truth) -> None:
    arrived = ask(server, "mode=nodone")

    assert arrived.whole
    assert b"[DONE]" not in arrived.body


def test_error_in_the_stream(server: Truth) -> None:
    arrived = ask(server, "mode=error&at=3")

    assert deltas(arrived) == list(WORDS[:3])
    assert arrived.events[-1]["error"]["message"] == "the engine died"
    assert arrived.whole


@pytest.mark.parametrize(("mode", "how"), [("cut", "closed"), ("reset", "reset")])
def test_cut(server: Truth, mode: str, how: str) -> None:
    arrived = ask(server, f"mode={mode}&at=3")

    assert (arrived.how, arrived.whole, deltas(arrived)) == (how, False, list(WORDS[:3]))
    assert last(server)["end"] == "cut"


def test_stall(server: Truth) -> None:
    arrived = ask(server, "mode=stall&at=3", seconds=0.2)

    assert (arrived.how, arrived.whole, deltas(arrived)) == ("open", False, list(WORDS[:3]))
    assert last(server)["end"] == "left"


def test_malformed_and_invalid(server: Truth) -> None:
    malformed, invalid = ask(server, "mode=malformed&at=3"), ask(server, "mode=invalid&at=3")

    with pytest.raises(json.JSONDecodeError):
        _ = malformed.events
    with pytest.raises(UnicodeDecodeError):
        _ = invalid.events
    for arrived in (malformed, invalid):
        assert arrived.body.count(b"data: {") == TOKENS + 2
        assert arrived.body.endswith(b"[DONE]\n\n")


def test_busy_and_then_not(server: Truth) -> None:
    arrived = [ask(server, "mode=busy&status=429&after=2&times=2&key=here") for _ in range(3)]

    assert [each.status for each in arrived] == [429, 429, 200]
    assert [each.header("Retry-After") for each in arrived] == ["2", "2", None]


def test_redirect_leads_somewhere(server: Truth) -> None:
    with connect(server.url) as sock:
        moved = exchange(sock, get("/o/mode=redirect/v1/models"))
        there = exchange(sock, get(moved.header("Location") or ""))

    assert (moved.status, there.status) == (307, 200)
    assert json.loads(there.body)["data"][0]["id"] == "truth"


def test_html(server: Truth) -> None:
    arrived = ask(server, "mode=html")

    assert (arrived.status, arrived.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert arrived.body.startswith(b"<!DOCTYPE html>")


def test_endless(server: Truth) -> None:
    with connect(server.url) as sock:
        models = exchange(sock, get("/o/mode=endless/v1/models"), most=10_000_000)
    stream = ask(server, "mode=endless,unpaced", most=10_000_000)
    paced = ask(server, "mode=endless", seconds=0.2)

    assert (len(models.raw) >= 10_000_000, models.whole) == (True, False)
    assert (len(stream.raw) >= 10_000_000, stream.whole) == (True, False)
    assert (len(deltas(paced)) > 2 * TOKENS, paced.whole) == (True, False)


def test_long_line(server: Truth) -> None:
    arrived = ask(server, "mode=line&at=2&size=8000000")

    lengths = sorted(map(len, arrived.body.splitlines()))
    assert (lengths[-1], lengths[-2] < 1000) == (8_000_000, True)
    assert len(deltas(arrived)) == TOKENS + 1


def test_slow_loris(server: Truth) -> None:
    arrived = ask(server, "mode=slow&tokens=1")
    with connect(server.url) as sock:
        head = exchange(sock, get("/o/mode=slow,slowhead/v1/models"))

    assert deltas(arrived) == [WORDS[0]]
    assert len(arrived.pieces) > 0.7 * len(arrived.body)
    assert len(head.pieces) > 0.7 * len(head.raw)
    assert json.loads(head.body)["data"][0]["id"] == "truth"


def test_silent(server: Truth) -> None:
    arrived = ask(server, "mode=silent", seconds=0.1)

    assert (arrived.raw, arrived.how, last(server)["status"]) == (b"", "open", 0)


def test_unpaced_counts(server: Truth) -> None:
    arrived = ask(server, "mode=unpaced&tokens=5000", stream_options={"include_usage": True})

    assert arrived.body.count(b'"content":') == 5000
    assert sum(each["tokens"] for each in last(server)["sent"]) == 5000
    assert arrived.whole


def test_connections_are_kept_and_told_apart(server: Truth) -> None:
    with connect(server.url) as sock:
        for _ in range(2):
            assert exchange(sock, completion("truth")).whole
    ask(server, "mode=plain")

    first, second, third = (record["connection"] for record in server.records()[-3:])
    assert first == second != third


def test_legacy_completions_and_whole_answers(server: Truth) -> None:
    with connect(server.url) as sock:
        stream = exchange(sock, post("/v1/completions", {"model": "truth", "stream": True, "prompt": "one two, 三四"}))
        whole = exchange(sock, post("/v1/chat/completions", {"model": "truth", "messages": []}))

    assert "".join(event["choices"][0]["text"] for event in stream.events) == TEXT
    assert last(server)["end"] == "complete"
    assert server.records()[-2]["prompt_tokens"] == 5
    answer = json.loads(whole.body)
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["usage"]["completion_tokens"] == TOKENS


def test_tokenize_where_it_is_asked_for(server: Truth) -> None:
    with connect(server.url) as sock:
        there = exchange(sock, post("/o/mode=tokenize/tokenize", {"content": "one two, 三四"}))
        away = exchange(sock, post("/tokenize", {"content": "one"}))

    assert (json.loads(there.body)["count"], away.status) == (5, 404)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (completion("gpt-5"), 404),
        (completion("truth?mode=nonsense"), 400),
        (completion("truth?tokens=many"), 400),
        (completion("truth?nonsense=1"), 400),
        (post("/v1/chat/completions", []), 404),
        (get("/nowhere"), 404),
    ],
)
def test_what_it_refuses(server: Truth, request_: bytes, status: int) -> None:
    with connect(server.url) as sock:
        arrived = exchange(sock, request_)

    assert arrived.status == status
    assert json.loads(arrived.body)["error"]["message"]


@pytest.mark.alone
def test_64_streams_are_on_time() -> None:
    # Shorter than a tick of the clocks beside it the machine can stand still unseen; who is late is late each time.
    late_ms = min(lateness_ms() for _ in range(2))

    assert late_ms < 0.3


def lateness_ms() -> float:
    """The 99th percentile; beside other processes nobody is on time who may not go before them, so then the median."""
    with stalls() as machine, truth("--first") as server:
        drain(server.url, completion("truth?ttft=0.1&tpot=0.02&tokens=50"), 64)
        records = server.records()
    sent = [each for record in records for each in record["sent"] if each["kind"] == "answer"]
    assert (len(records), len(sent)) == (64, 3200)
    late = [
        each["before_ns"] - each["due_ns"] for each in sent if not machine.within(each["due_ns"], each["before_ns"])
    ]
    assert len(late) > 1600, "the machine stood still more than half of the time"
    return float(np.percentile(late, 99 if may_go_first() else 50)) / 1e6


def may_go_first() -> bool:
    try:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))).result()
    except PermissionError:
        return False
    return True


@pytest.mark.alone
def test_unpaced_is_faster_than_any_client(server: Truth) -> None:
    began = time.monotonic()
    size = drain(server.url, completion("truth?mode=unpaced&tokens=20000"), 64)

    assert 64 * 20000 / (time.monotonic() - began) > 1e6
    assert size > 64 * 20000 * 100


def test_tls_is_self_signed() -> None:
    trusting = ssl.create_default_context(cafile=ROOT / "tests/servers/self-signed.pem")
    with truth("--tls", "--options", FAST) as server:
        assert server.url.startswith("https://")
        with pytest.raises(ssl.SSLCertVerificationError), connect(server.url) as sock:
            ssl.create_default_context().wrap_socket(sock, server_hostname="127.0.0.1")
        with trusting.wrap_socket(connect(server.url), server_hostname="127.0.0.1") as sock:
            assert deltas(exchange(sock, completion("truth"))) == list(WORDS[:TOKENS])


def test_every_mode_is_tested_here() -> None:
    text = (ROOT / "tests/servers/test_truth.py").read_text()

    assert {mode for mode in MODES if mode not in text} == set()
