"""Servers of known truth: what each sends is what is told, and every failure is a sentence."""

from __future__ import annotations

import asyncio
import itertools
import resource
import time
from collections.abc import Iterator

import pytest

from sparktop.engines.http.requests import Requests
from sparktop.engines.protocol import Generation
from sparktop.model.events import Finish, Notice, PrefillProgress, RequestSent, TokenKind, TokenSource
from sparktop.model.metrics import Stream, tpot_ms
from sparktop.model.scenario import Sampling
from tests.engines.conftest import Heard, question
from tests.engines.http_asking import asked
from tests.servers.process import Truth, truth

FAST = "ttft=0.04&tpot=0.004&tokens=40"
HOUR = question(0, "How long is an hour?", max_tokens=400)
CHUNKS, FINAL = TokenSource.CHUNKS, TokenSource.FINAL_USAGE


@pytest.fixture(scope="module")
def server() -> Iterator[Truth]:
    with truth() as running:
        yield running


GOOD = [
    ("plain", FINAL),
    ("role", FINAL),
    ("role,reasoning", FINAL),
    ("reasoning&field=reasoning", FINAL),
    ("progress,role", FINAL),
    ("usage", TokenSource.USAGE),
    ("usage,role&per=4", TokenSource.USAGE),
    ("plain&per=4", FINAL),
    ("nousage", CHUNKS),
    ("merged", FINAL),
    ("merged,usage", TokenSource.USAGE),
    ("crlf", FINAL),
    ("nospace", FINAL),
    ("comments,role", FINAL),
    ("split", FINAL),
    ("split,crlf,nospace,comments,role,reasoning", FINAL),
    ("nodone", FINAL),
    ("timings,draft", FINAL),
]


@pytest.mark.parametrize(("mode", "source"), GOOD, ids=[mode for mode, _ in GOOD])
async def test_what_is_sent_is_what_is_told(server: Truth, mode: str, source: TokenSource) -> None:
    server.forget()
    heard = await asked(server.under(f"{FAST}&mode={mode}") + "/v1", HOUR)
    record = [one for one in server.records() if one["method"] == "POST"][-1]
    done, chunks = heard.done(0), [sent for sent in record["sent"] if sent["tokens"]]

    assert heard.answer(0) == record["text"]
    assert heard.answer(0, TokenKind.REASONING) == record["reasoning"]
    assert (done.finish, done.token_source) == (Finish.STOP, source)
    assert done.output_tokens == sum(heard.counts(0)) == (len(chunks) if source is CHUNKS else 40)
    if source is not CHUNKS:
        assert (done.prompt_tokens, done.cached_tokens) == (record["prompt_tokens"], 0)
    # Neither the role, nor progress, nor a comment was taken for the first token.
    first_ns, late_ns = heard.origin_ns + heard.times(0)[0] * 1e9, 5e6
    assert chunks[0]["before_ns"] - late_ns < first_ns < chunks[0]["after_ns"] + late_ns
    assert heard.origin_ns + heard.sent(0) * 1e9 < record["received_ns"]
    assert any(isinstance(event, PrefillProgress) for event in heard.seen) == ("progress" in mode)
    assert (done.drafted_tokens, done.accepted_tokens) == ((40, 30) if "draft" in mode else (None, None))
    assert (done.prefill_ms is not None) == (done.decode_ms is not None) == ("timings" in mode)
    assert len({one["connection"] for one in server.records() if one["method"] == "POST"}) == 1


async def test_reasoning_and_answer_each_have_their_first_token(server: Truth) -> None:
    heard = await asked(server.under(f"{FAST}&mode=role,reasoning&reasoning=30") + "/v1", HOUR)
    kinds = [event.kind for event in heard.tokens(0) for _ in event.times]
    first_answer = kinds.index(TokenKind.ANSWER)
    assert set(kinds[first_answer:]) == {TokenKind.ANSWER}
    assert sum(heard.counts(0)[:first_answer]) == 30


BAD = [
    ("error", "the server reports an error: the engine died", 20),
    ("cut", "cut the connection", 20),
    ("reset", "cut the connection", 20),
    ("stall", "nothing more came from", 20),
    ("malformed", "the server sent a chunk that is not JSON", 20),
    ("invalid", "the server sent a chunk that is not JSON", 20),
    ("line", "sent a line that does not end", 20),
    ("endless,unpaced", "does not keep to max_tokens", None),
    ("silent", "no token came from", 0),
    ("slow", "no token came from", 0),
    ("slowhead", "no token came from", 0),
    ("html", "answers with a web page", 0),
    ("redirect", "redirects to /plain/v1/chat/completions", 0),
    ("busy&status=500&times=9", "failed (HTTP 500)", 0),
    ("busy&status=401&times=9", "--api-key-env", 0),
    ("busy&status=400&times=9", "refuses the request (HTTP 400)", 0),
]


@pytest.mark.parametrize(("mode", "sentence", "kept"), BAD, ids=[mode for mode, *_ in BAD])
async def test_what_goes_wrong_is_one_sentence_and_what_came_is_kept(
    server: Truth, mode: str, sentence: str, kept: int | None
) -> None:
    server.forget()
    # The options stand in the model's name, so that only requests for tokens meet the fault.
    heard = await asked(server.url + "/v1", HOUR, asked_for=f"truth?mode={mode}&{FAST}", silence_s=0.7)
    error = heard.failed(0).error
    assert sentence in error
    assert server.url in error or "the server" in error
    if kept is not None:
        assert sum(heard.counts(0)) == kept
        assert bool(heard.answer(0)) == bool(kept)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 400 << 10
    assert server.records()[-1]["end"] in ("complete", "cut", "left")


@pytest.mark.alone
async def test_the_round_trip_is_the_networks_and_not_the_servers(server: Truth) -> None:
    heard = await asked(server.url + "/v1", HOUR, asked_for=f"truth?{FAST}")
    rtt = heard.done(0).rtt_ms
    assert rtt is not None
    assert 0 < rtt < 5  # loopback; the first token takes the server 40 ms


@pytest.mark.alone
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_asked_again_when_it_wants_to_be(server: Truth, status: int) -> None:
    server.forget()
    mode = f"mode=busy&status={status}&after=0.4&times=2&key={status}"
    heard = await asked(server.url + "/v1", HOUR, asked_for=f"truth?{mode}&{FAST}")
    asked_at = [one["received_ns"] / 1e9 for one in server.records() if one["method"] == "POST"]
    assert all(0.4 <= later - before < 0.8 for before, later in itertools.pairwise(asked_at))
    assert len(asked_at) == 3
    assert heard.done(0).output_tokens == 40
    # The time that it made us wait is no time to first token.
    assert 0.04 <= heard.times(0)[0] - heard.sent(0) < 0.3
    assert len([event for event in heard.seen if isinstance(event, RequestSent)]) == 3
    (notice,) = [event.text for event in heard.seen if isinstance(event, Notice)]
    assert notice == f"served: the server is busy (HTTP {status}); asked again in 0.4 s"


async def test_cancelling_closes_the_connections_and_keeps_what_came(server: Truth) -> None:
    server.forget()

    async def cancel(requests: Requests, heard: Heard) -> None:
        while not heard.tokens(7):
            await asyncio.sleep(0.02)
            requests.tick()
        begun = time.monotonic()
        await requests.cancel()
        assert time.monotonic() - begun < 0.5

    slow = "ttft=0.02&tpot=0.02&tokens=400"
    asking = [question(number, "?", max_tokens=400) for number in range(8)]
    heard = await asked(server.under(slow) + "/v1", *asking, meanwhile=cancel)
    for number in range(8):
        done = heard.done(number)
        assert done.finish is Finish.CANCELLED
        assert done.output_tokens == sum(heard.counts(number)) < 100
    assert heard.answer(7)
    await asyncio.sleep(0.1)
    assert {one["end"] for one in server.records() if one["method"] == "POST"} == {"left"}


async def ended(requests: Requests) -> None:
    while requests.busy:
        await asyncio.sleep(0.02)
        requests.tick()


async def test_connections_are_used_again_one_for_each_stream(server: Truth) -> None:
    server.forget()
    first = [question(number, "?", max_tokens=400) for number in range(4)]

    async def again(requests: Requests, heard: Heard) -> None:
        await ended(requests)
        requests.submit([question(number, "?", max_tokens=400) for number in range(4, 8)])

    heard = await asked(server.under(FAST) + "/v1", *first, meanwhile=again)
    assert {heard.done(number).output_tokens for number in range(8)} == {40}
    connections = [one["connection"] for one in server.records() if one["method"] == "POST"]
    assert len(set(connections[:4])) == 4
    assert set(connections[4:]) == set(connections[:4])


async def test_a_prompt_of_random_tokens_is_as_long_as_asked_also_without_a_tokenizer(server: Truth) -> None:
    sampling = Sampling(max_tokens=16, ignore_eos=True)
    generation = Generation(request=0, prompt="", random_tokens=500, sampling=sampling)
    heard = await asked(server.under(FAST) + "/v1", generation)
    assert heard.done(0).prompt_tokens == 500


async def test_prompts_that_must_be_read_afresh_share_no_beginning(server: Truth) -> None:
    server.forget()
    asking = [Generation(request=n, prompt="hello", uncached=True, sampling=Sampling(max_tokens=4)) for n in range(3)]
    await asked(server.under(FAST) + "/v1", *asking)
    prompts = [one["body"]["messages"][0]["content"] for one in server.records() if one["method"] == "POST"]
    assert len({prompt[:10] for prompt in prompts}) == 3
    assert all(prompt.endswith("] hello") for prompt in prompts)


PER = [("plain", 1), ("plain", 4), ("usage,role", 3), ("role,reasoning", 2), ("merged", 4)]


@pytest.mark.alone
@pytest.mark.parametrize(("mode", "per"), PER, ids=[f"{mode} {per}" for mode, per in PER])
async def test_time_per_token_is_the_servers_also_where_chunks_hold_several(server: Truth, mode: str, per: int) -> None:
    server.forget()
    options = f"mode={mode}&per={per}&ttft=0.05&tpot=0.01&tokens=120"
    heard = await asked(server.under(options) + "/v1", HOUR)
    record = [one for one in server.records() if one["method"] == "POST"][-1]
    chunks = [sent for sent in record["sent"] if sent["tokens"]]
    span = (chunks[-1]["before_ns"] - chunks[0]["before_ns"]) / 1e6
    true = span / sum(sent["tokens"] for sent in chunks[1:])
    told = tpot_ms(Stream(sent=heard.sent(0), times=heard.times(0), counts=heard.counts(0)))
    assert told == pytest.approx(true, rel=0.005)
