"""Servers as they tell of themselves: played ones of all kinds, a real llama-server, and hostile ones."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sparktop.model.channels import describe
from sparktop.model.servers import ServerKind
from sparktop.telemetry.reading import Reading, Unreadable
from sparktop.telemetry.sampler import Sampler
from sparktop.telemetry.server import ServerSource
from sparktop.telemetry.server_dialect import COMMON
from sparktop.telemetry.server_http import Address, Answer, BadAddress, Web
from tests.servers.llama_server import DEMO, llama_server
from tests.servers.process import ROOT, Truth, truth
from tests.servers.replay import Replay, replay
from tests.servers.wire_client import connect, exchange, post
from tests.servers.wire_file import Wire


def source(url: str, clock: Callable[[], float] = lambda: 0.0) -> ServerSource:
    return ServerSource(Address.of(url), clock=clock)


def quantities(channels: Any) -> dict[str, Any]:
    """What is told of the one server, by quantity."""
    return {name.rpartition(".")[2]: told for name, told in channels.items()}


def values(reading: Reading) -> dict[str, float]:
    return quantities(reading.values)


def missing(reading: Reading) -> dict[str, str]:
    return quantities(reading.missing)


def twice(server: Replay, first: str, then: str) -> tuple[ServerSource, Reading]:
    """Two readings two seconds apart."""
    reader = source(server.url + "/v1")
    server.play = first
    reader.read(100.0)
    server.play = then
    return reader, reader.read(102.0)


def test_vllm() -> None:
    with replay("vllm") as server:
        reader, reading = twice(server, "before", "after")

    assert (reader.kind, reading.missing) == (ServerKind.VLLM, {})
    assert values(reading) == {
        "generated": (50_800 - 50_000) / 2,
        "prefilled": (32_000 - 30_000) / 2,  # of 8,000 prompt tokens, those that were computed
        "running": 8,
        "waiting": 3,
        "kv_cache": 50,
        "prefix_hits": 100 * 6_000 / 8_000,
        "accepted": 100 * 300 / 400,
        "accepted_length": 1 + 300 / 200,
    }
    assert {(method, path) for method, path, _, _ in server.asked} == {("GET", "/metrics")}


def without(wire: Wire, *starts: str) -> Wire:
    lines = [line for line in wire.body.decode().splitlines(True) if not line.startswith(starts)]
    return replace(wire, body="".join(lines).encode())


def test_an_older_vllm_tells_less() -> None:
    gone = ("vllm:prompt_tokens_by_source_total", "vllm:spec_decode", "vllm:prefix_cache_queries_total")
    with replay("vllm") as server:
        server.wires = tuple(without(wire, *gone) for wire in server.wires)
        _, reading = twice(server, "before", "after")

    assert values(reading)["prefilled"] == (32_000 - 30_000) / 2
    assert missing(reading) == {
        "prefix_hits": "the server does not tell vllm:prefix_cache_queries_total",
        "accepted": "no token was drafted since the server began",
        "accepted_length": "no token was drafted since the server began",
    }


def test_sglang_counts_each_engine_once() -> None:
    with replay("sglang") as server:
        reader, reading = twice(server, "before", "after")

    assert (reader.kind, reading.missing) == (ServerKind.SGLANG, {})
    assert values(reading) == {
        "generated": 250.5 + 150.25,
        "prefilled": (32_000 - 30_000) / 2,
        "running": 6 + 4,  # and not the 6 of priority 0 again
        "waiting": 1,
        "kv_cache": 50,
        "prefix_hits": 100 * 6_000 / 8_000,
        "accepted": 75,
        "accepted_length": 2.5,
    }


def test_sglang_without_a_request_generates_nothing() -> None:
    with replay("sglang") as server:
        idle = tuple(
            replace(w, body=w.body.replace(b"} 6.0\n", b"} 0.0\n").replace(b"} 4.0\n", b"} 0.0\n"))
            for w in server.wires
        )
        server.wires = idle
        _, reading = twice(server, "before", "after")

    assert (values(reading)["running"], values(reading)["generated"]) == (0, 0)
    assert missing(reading)["accepted"] == "no request is running"


def test_tensorrt_llm() -> None:
    with replay("tensorrt-llm") as server:
        reader, reading = twice(server, "before", "after")

    assert (reader.kind, reading.missing) == (ServerKind.TENSORRT_LLM, {})
    assert values(reading) == {
        "generated": (20 * (8 + 12) + (7 + 10)) / 2,  # one for each request, and the drafts that were accepted
        "prefilled": 500 / 2,
        "running": 8,
        "waiting": 2,
        "kv_cache": 50,
        "prefix_hits": 100 * 600 / 800,
        "accepted": pytest.approx(100 * 250 / 334),
        "accepted_length": pytest.approx(1 + 250 / 167),
    }


def test_tensorrt_llm_that_was_not_told_to_tell() -> None:
    with replay("tensorrt-llm") as server:
        server.wires = tuple(wire for wire in server.wires if wire.path != "/prometheus/metrics")
        _, reading = twice(server, "idle", "idle")

    assert reading.values == {}
    assert {"enable_iter_perf_stats" in reason for reason in missing(reading).values()} == {True}


def test_tensorrt_llm_between_two_iterations() -> None:
    with replay("tensorrt-llm") as server:
        _, reading = twice(server, "before", "idle")

    told, reasons = values(reading), missing(reading)
    assert (told["generated"], told["kv_cache"]) == (0, 40)
    assert reasons["prefix_hits"] == "no iteration of the engine has ended since the last reading"


def test_ollama() -> None:
    with replay("ollama") as server:
        reader, reading = twice(server, "", "")
        _, unloaded = twice(server, "unloaded", "unloaded")

    assert reader.kind is ServerKind.OLLAMA
    assert values(reading) == {"models": 1, "memory": 6_651_363_328, "memory_gpu": 4_988_522_496}
    assert set(missing(reading)) == set(COMMON)
    assert values(unloaded) == {"models": 0, "memory": 0, "memory_gpu": 0}


def test_counters_that_begin_again_are_a_gap() -> None:
    with replay("vllm") as server:
        reader, _ = twice(server, "before", "after")
        server.play = "before"
        restarted = reader.read(103.0)
        server.play = "after"
        again = reader.read(104.0)

    assert {name: reason for name, reason in missing(restarted).items() if name != "kv_cache"} == dict.fromkeys(
        ("generated", "prefilled", "prefix_hits", "accepted", "accepted_length"), "the counter was reset"
    )
    assert (values(again)["generated"], values(again)["prefix_hits"]) == (800, 75)


def test_another_server_at_the_same_place_is_recognized() -> None:
    with replay("vllm") as server, replay("sglang") as other:
        reader, _ = twice(server, "before", "after")
        page, server.wires = server.wires, ()
        gone = reader.read(103.0)
        server.wires = page
        back = reader.read(105.0)
        server.wires = ()
        reader.read(106.0)
        server.wires, server.play = other.wires, "after"
        changed = reader.read(107.0)

    assert gone.values == {}
    assert set(missing(gone)) == set(COMMON)
    # The same server's counters go on where they were.
    assert values(back)["generated"] == 0
    assert (reader.kind, values(changed)["running"]) == (ServerKind.SGLANG, 10)


def test_the_time_of_a_late_reading_is_no_rate() -> None:
    with replay("vllm") as server:
        reader, _ = twice(server, "before", "before")
        reader.forget()
        server.play = "after"
        reading = reader.read(103.0)

    assert missing(reading) == dict.fromkeys(("generated", "prefilled"), "a rate needs two readings")
    assert values(reading)["prefix_hits"] == 75


def test_every_channel_has_a_meaning() -> None:
    with replay("ollama") as server:
        reader, _ = twice(server, "", "")

    described = [describe(name) for name in reader.channels]
    assert None not in described
    assert len(described) == 11


# --- a real llama-server


def generate(url: str, tokens: int) -> threading.Thread:
    body = {"model": "demo", "max_tokens": tokens, "ignore_eos": True, "prompt": "Once", "stream": True}

    def ask() -> None:
        with connect(url) as sock:
            exchange(sock, post("/v1/completions", body), 60)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def decoded(url: str) -> int:
    slots = Web(Address.of(url)).get("/slots").json()
    return sum(slot["next_token"][0]["n_decoded"] for slot in slots if slot.get("is_processing"))


@pytest.mark.alone
def test_a_real_llama_server_while_it_answers() -> None:
    with llama_server(DEMO, "--context", "2048", "--slots", "2") as url:
        reader = source(url + "/v1", time.monotonic)
        reader.read(time.monotonic())
        threads = [generate(url, 600) for _ in range(3)]
        while decoded(url) < 50:
            time.sleep(0.005)
        first, began = decoded(url), time.monotonic()
        reader.read(time.monotonic())
        time.sleep(0.3)
        reading = reader.read(time.monotonic())
        grown, seconds = decoded(url) - first, time.monotonic() - began
        for thread in threads:
            thread.join()
        reader.read(time.monotonic())
        time.sleep(0.05)
        idle = reader.read(time.monotonic())

    assert reader.kind is ServerKind.LLAMA_SERVER
    told = values(reading)
    assert (told["running"], told["waiting"]) == (2, 1)
    assert told["generated"] == pytest.approx(grown / seconds, rel=0.35)
    # The fullest slot has decoded its share of what was counted, after a short prompt, of 1024 tokens.
    assert 100 * (first / 2) / 1024 < told["kv_cache"] <= 100 * 700 / 1024
    assert values(idle)["kv_cache"] == 0
    assert (values(idle)["running"], values(idle)["generated"]) == (0, 0)


@pytest.mark.alone
def test_tokens_of_a_real_llama_server_are_counted_once() -> None:
    """Over whole answers, what is told adds up to what was generated, wherever the readings fall."""
    total = 0.0
    with llama_server(DEMO, "--context", "4096", "--slots", "2") as url:
        reader = source(url, time.monotonic)
        reader.read(time.monotonic())
        last = time.monotonic()
        threads = [generate(url, tokens) for tokens in (40, 90, 300, 500)]
        busy = True
        while busy:
            busy = any(thread.is_alive() for thread in threads)
            time.sleep(0.03)
            reading = reader.read(time.monotonic())
            told = values(reading)
            assert told["running"] >= 0
            if "generated" in told:
                now = reading.t
                assert told["generated"] >= 0
                total += told["generated"] * (now - last)
                last = now

    # The first token of each answer is prefill's. The clock is read a moment beside the counters.
    assert total == pytest.approx(40 + 90 + 300 + 500 - 4, rel=0.1)


def test_a_real_llama_server_that_drafts() -> None:
    with llama_server(DEMO, "--draft") as url:
        reader = source(url, time.monotonic)
        generate(url, 40).join()
        reader.read(time.monotonic())
        generate(url, 60).join()
        told = values(reader.read(time.monotonic()))

    # It drafts for itself, with a sampler that is not greedy: most is accepted.
    assert 0 < told["accepted"] <= 100
    assert 1 < told["accepted_length"] <= 5


def test_a_real_llama_server_that_was_not_told_to_tell() -> None:
    with llama_server(DEMO, "--no-metrics") as url:
        reader = source(url)
        reading = reader.read(0.0)
    with llama_server(DEMO, "--no-slots") as url:
        without_slots = source(url).read(0.0)

    assert reader.kind is ServerKind.LLAMA_SERVER
    assert set(missing(reading).values()) == {
        "the server has no metrics (GET /metrics: HTTP 501); start it with --metrics"
    }
    assert missing(without_slots)["generated"].endswith("started with --slots")
    assert values(without_slots)["running"] == 0


# --- servers that mean no good, or none


@pytest.fixture(scope="module")
def server() -> Iterator[Truth]:
    with truth("--options", "tpot=0.01") as running:
        yield running


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("mode=html", "no server whose metrics are known"),
        ("mode=plain", "no server whose metrics are known (GET /metrics: HTTP 404)"),
        ("mode=redirect", "redirects to /plain/metrics: give its own address"),
        ("mode=busy&status=401", "wants an API key (HTTP 401)"),
        ("mode=busy&status=503&times=99", "no server whose metrics are known (GET /metrics: HTTP 503)"),
    ],
)
def test_answers_of_no_use(server: Truth, options: str, reason: str) -> None:
    reader = source(server.under(options) + "/v1")

    reading = reader.read(0.0)

    assert (reading.values, reader.kind) == ({}, None)
    assert set(missing(reading)) == set(COMMON)
    assert all(reason in told for told in missing(reading).values())
    assert server.records()[-1]["target"].startswith("/o/")


@pytest.mark.alone
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("mode=silent", "gave no answer within 0.3 s"),
        ("mode=slow", "gave no answer within 0.3 s"),
        ("mode=slow,slowhead", "gave no answer within 0.3 s"),
        ("mode=endless", "is longer than 0 MiB"),
    ],
)
def test_nothing_takes_long_or_fills_the_memory(server: Truth, options: str, reason: str) -> None:
    web = Web(Address.of(server.under(options)), timeout_s=0.3, most_bytes=100_000)

    began = time.monotonic()
    with pytest.raises(Unreadable, match=reason):
        web.get("/v1/models")

    assert time.monotonic() - began < 0.6


def test_nobody_there() -> None:
    with replay("vllm") as closed:
        address = Address.of(closed.url)

    with pytest.raises(Unreadable, match=f"nothing answers at {address.name}"):
        Web(address).get("/metrics")
    with pytest.raises(Unreadable, match=r"no machine is known as nowhere\.invalid"):
        Web(Address.of("http://nowhere.invalid")).get("/metrics")


def test_certificates_are_looked_at() -> None:
    trusting = ssl.create_default_context(cafile=ROOT / "tests/servers/self-signed.pem")
    with truth("--tls") as server:
        address = Address.of(server.url)
        with pytest.raises(Unreadable, match=r"certificate of .* is not to be trusted: self-signed certificate"):
            Web(address).get("/v1/models")
        assert Web(address, tls=trusting).get("/v1/models").status == 200
        plain = replace(address, scheme="http")
        with pytest.raises(Unreadable, match="ended the connection without an answer"):
            Web(plain).get("/v1/models")
    with replay("vllm") as server_without, pytest.raises(Unreadable, match="does not speak TLS as it should"):
        Web(replace(Address.of(server_without.url), scheme="https")).get("/version")


def test_tls_to_a_server_that_waits_for_a_line_of_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address.of(f"https://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unreadable, match=r"did not answer as TLS within 0.2 s: is it http://\?"):
            Web(address, timeout_s=0.2).get("/metrics")


def test_one_connection_stays_open_and_a_new_one_is_made() -> None:
    with truth() as server:
        web = Web(Address.of(server.url + "/v1"), key="s3cret")
        for _ in range(3):
            assert web.get("/v1/models").status == 200
        web.close()
        web.get("/v1/models")
        records = server.records()

    assert [record["connection"] for record in records] == [1, 1, 1, 2]
    assert records[0]["headers"]["authorization"] == "Bearer s3cret"


def test_a_connection_that_the_server_ended_is_made_again(server: Truth) -> None:
    listener_gone = Web(Address.of(server.url))
    assert listener_gone.get("/v1/models").status == 200
    connection = listener_gone._connection
    assert connection is not None
    assert connection.sock is not None
    # Its end comes while nobody looks.
    vars(connection.sock)["_sock"].shutdown(socket.SHUT_RDWR)

    assert listener_gone.get("/v1/models").status == 200


def test_a_server_that_hangs_is_a_gap_and_delays_nothing(server: Truth) -> None:
    readings: list[Reading] = []
    hanging, well = source(server.under("mode=silent")), None
    with replay("ollama") as ollama:
        well = source(ollama.url)
        sampler = Sampler((hanging, well), emit=readings.append, interval_s=0.1)
        sampler.start()
        time.sleep(0.55)
        sampler.stop()

    assert len(readings) >= 4
    for reading in readings:
        reasons = [reason for name, reason in reading.missing.items() if name in hanging.channels]
        assert len(reasons) == len(COMMON)
        assert all("no answer for" in reason for reason in reasons)
    assert all(any(name.endswith(".memory_gpu") for name in reading.values) for reading in readings)


def answering(body: bytes, kind: str = "application/json", status: int = 200) -> Callable[[str], Answer]:
    return lambda path: Answer(status, kind, body)


@pytest.mark.parametrize(
    "document",
    [
        [],
        [1, "x", None],
        [{}],
        [{"kvCacheStats": 3, "numActiveRequests": "many", "iterLatencyMS": 1e400}],
        [{"kvCacheStats": {"maxNumBlocks": -1}, "inflightBatchingStats": []}],
        [[[]]],
    ],
)
def test_nonsense_in_json_is_no_crash(document: Any) -> None:
    reader = ServerSource(Address.of("http://x"), answering(json.dumps(document).encode()), clock=lambda: 0.0)

    for t in (0.0, 1.0):
        reading = reader.read(t)

    assert set(values(reading)) | set(missing(reading)) == set(COMMON)
    assert all(0 <= value < 1e15 for value in values(reading).values())


def test_deep_json_is_no_crash() -> None:
    reading = ServerSource(Address.of("http://x"), answering(b"[" * 100_000)).read(0.0)

    assert set(missing(reading).values()) == {"the server's answer is no JSON"}


@pytest.mark.parametrize(
    ("url", "name", "root"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", ""),
        ("http://spark-1.local:8000/v1", "spark-1.local:8000", ""),
        ("http://[::1]:8000/v1/#qwen", "[::1]:8000", ""),
        ("https://host/llm/v1#a/b", "host:443", "/llm"),
        ("http://host", "host:80", ""),
    ],
)
def test_addresses(url: str, name: str, root: str) -> None:
    address = Address.of(url)

    assert (address.name, address.root) == (name, root)


@pytest.mark.parametrize(
    "url",
    ["", "host:8000", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://[::1", str(Path())],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadAddress):
        Address.of(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadAddress) as caught:
        Address.of("http://user:s3cret@host:8000/v1")

    assert "s3cret" not in str(caught.value)
