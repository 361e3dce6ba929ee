"""Whole runs against servers, as people start them."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sparktop.model.schema import snapshot_schema
from sparktop.resources import scenarios_dir
from tests.cli.conftest import Sparktop
from tests.servers.process import Truth, truth
from tests.servers.replay import Replay, replay

FAST = "ttft=0.02&tpot=0.002&tokens=12"
SHORT = ("--limit", "2", "--max-tokens", "40")


@pytest.fixture(scope="module")
def server() -> Iterator[Truth]:
    with truth("--options", FAST) as running:
        yield running


def nowhere() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def kept(environ: dict[str, str]) -> list[Path]:
    """Every file that runs left behind."""
    return [path for path in Path(environ["HOME"]).rglob("*") if path.is_file()]


def snapshot(done: subprocess.CompletedProcess[str]) -> Any:
    document = json.loads(done.stdout)
    jsonschema.validate(document, snapshot_schema())
    return document


def test_a_server_beside_a_file_and_its_key_in_no_file(
    sparktop: Sparktop, environ: dict[str, str], server: Truth
) -> None:
    server.forget()
    address = server.under(f"{FAST}&mode=role,reasoning,timings") + "/v1"
    words = ("-m", f"{address}#truth", "-m", "demo-base", "--api-key-env", "MY_KEY", *SHORT)
    done = sparktop("run", "general", "--json", *words, MY_KEY="sk-very-secret")
    assert done.returncode == 0, done.stderr
    found = snapshot(done)

    served, own = (record["contender"] for record in found["contenders"])
    assert (served["name"], served["engine"], served["url"]) == ("truth", "http", address)
    assert (served["key_env"], own["url"], own["key_env"]) == ("MY_KEY", "", "")
    assert found["contenders"][0]["info"]["parameters"] is None
    assert found["contenders"][0]["info"]["name"] == "truth"
    for request in [one for one in found["requests"] if one["contender"] == "truth"]:
        assert (request["tokens"]["output"], request["tokens"]["source"]) == (12, "final usage spread over the chunks")
        assert request["reasoning"]
        assert request["decode_ms"]
        assert 10 < request["metrics"]["ttft_ms"] < 60
    assert {record["headers"]["authorization"] for record in server.records()} == {"Bearer sk-very-secret"}
    said = done.stdout + done.stderr
    assert not any(b"sk-very-secret" in path.read_bytes() for path in kept(environ))
    assert "sk-very-secret" not in said
    assert "answers at http" in said


def test_one_that_is_not_there_does_not_hold_up_the_others(sparktop: Sparktop, server: Truth) -> None:
    done = sparktop("run", "general", "--json", "-m", nowhere(), "-m", server.url, *SHORT)
    assert done.returncode == 1
    found = snapshot(done)
    assert f"{server.url.removeprefix('http://')}: truth, OpenAI-compatible server, answers at" in done.stderr
    gone, there = found["contenders"]
    # The name was left out: what answered is kept.
    assert (gone["contender"]["model"], there["contender"]["model"]) == ("", "truth")
    assert "the connection is refused" in gone["error"]
    assert there["error"] is None
    assert [one["finish"] for one in found["requests"]] == ["error", "error", "stop", "stop"]


def test_nobody_there_is_exit_code_three(sparktop: Sparktop) -> None:
    done = sparktop("run", "general", "--headless", "-m", nowhere(), "-m", nowhere(), *SHORT)
    assert done.returncode == 3
    assert "the connection is refused; is the server running, and on that port?" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_answers_without_a_name_is_named_in_the_table(sparktop: Sparktop, server: Truth) -> None:
    done = sparktop("run", "general", "--headless", "-m", server.url, *SHORT)
    assert done.returncode == 0, done.stderr
    assert f"{server.url.removeprefix('http://')} (truth)  " in done.stdout


def test_http_where_tls_is_spoken_is_exit_code_three(sparktop: Sparktop) -> None:
    with truth("--tls") as secure:
        done = sparktop("run", "general", "--headless", "-m", secure.url.replace("https", "http"), *SHORT)
    assert done.returncode == 3, done.stderr
    assert "is it https:// instead of http://?" in done.stderr


def test_a_throughput_run_asks_of_a_server_what_it_asks_of_a_file(
    sparktop: Sparktop, tmp_path: Path, server: Truth
) -> None:
    server.forget()
    scenario = tmp_path / "rate.toml"
    scenario.write_text(
        'title = "rate"\nkind = "prefill-decode"\nisl = 300\nosl = 24\nrepetitions = 2\nwarmup = 1\n'
        "[slo]\nttft_ms = 500\n"
    )
    done = sparktop("run", str(scenario), "--json", "-m", server.under("ttft=0.05&tpot=0.005&tokens=99") + "/v1")
    found = snapshot(done)
    (row,) = found["summary"]
    assert {(one["tokens"]["prompt"], one["tokens"]["output"]) for one in found["requests"]} == {(300, 24)}
    assert (row["completed"], row["slo_met"]) == (2, 2)
    assert row["goodput"] == row["qps"]
    assert row["tpot_ms"]["median"] == pytest.approx(5, rel=0.05)
    codes = {verdict["code"] for verdict in found["validity"]["verdicts"]}
    assert not codes & {"prompt-length", "output-length", "cache-hits", "token-mismatch", "cold-start"}
    # A server of unknown kind can't be told to go on: that it stopped early is said.
    short = snapshot(sparktop("run", str(scenario), "--json", "-m", server.under("tokens=9") + "/v1"))
    verdicts = {verdict["code"]: verdict for verdict in short["validity"]["verdicts"]}
    assert (verdicts["output-length"]["severity"], short["validity"]["valid"]) == ("fault", False)


def test_64_streams_are_warmed_up_as_64_and_share_no_prefix(sparktop: Sparktop, server: Truth) -> None:
    server.forget()
    address = server.under("ttft=0.05&tpot=0.02&tokens=10") + "/v1"
    done = sparktop("run", "batch-sweep", "--json", "-m", address, "--batches", "64", "--max-tokens", "10")
    found = snapshot(done)
    (row,) = found["summary"]
    assert (row["batch"], row["n"], row["completed"]) == (64, 64, 64)
    assert "cold-start" not in {verdict["code"] for verdict in found["validity"]["verdicts"]}
    asked = [record for record in server.records() if record["method"] == "POST"]
    assert len(asked) == 128
    for wave in (asked[:64], asked[64:]):  # the warm-up, and what counts
        assert len({record["connection"] for record in wave}) == 64
        assert max(one["received_ns"] for one in wave) < min(one["ended_ns"] for one in wave)
    # Ten questions for 64 streams, and something unique in front of each.
    starts = {record["body"]["messages"][0]["content"][:18] for record in asked}
    assert len(starts) == 128
    questions = {record["body"]["messages"][-1]["content"] for record in asked}
    assert len(questions) == 10


def test_what_a_server_does_not_tell_of_its_cache_is_not_known_and_not_passed(sparktop: Sparktop) -> None:
    with replay("ollama") as ollama:
        ollama.play = "plain"
        done = sparktop("run", "batch-sweep", "--json", "-m", f"{ollama.url}/v1#qwen3:8b", "--batches", "2")
    found = snapshot(done)
    assert [one["tokens"]["cached"] for one in found["requests"]] == [None, None]
    assert found["summary"][0]["cache_hit"] is None
    unjudged = {one["code"]: one["reason"] for one in found["validity"]["unjudged"]}
    assert unjudged["cache-hits"] == "for 2 of 2 requests the engine did not tell what was cached"
    assert "cache-hits" not in {verdict["code"] for verdict in found["validity"]["verdicts"]}
    assert found["contenders"][0]["info"]["description"].startswith("Ollama")


def counters(vllm: Replay) -> bytes:
    """The page of a vLLM on which every answer grew the counters by 8 drafted and 6 accepted tokens in 4 steps."""
    answers = sum(method == "POST" and path.endswith("/completions") for method, path, *_ in vllm.asked)
    grown = {"draft": 8, "accepted": 6}
    lines = [f"vllm:spec_decode_num_{name}_tokens_total {each * answers}.0\n" for name, each in grown.items()]
    lines += [f"vllm:spec_decode_num_drafts_total {4 * answers}.0\n", f"vllm:request_success_total {answers}.0\n"]
    return "".join(lines).encode()


def test_a_batch_is_told_what_was_guessed_ahead_for_it_and_what_its_cache_knew(sparktop: Sparktop) -> None:
    with replay("vllm") as vllm:
        vllm.play = "ids"
        vllm.made["/metrics"] = partial(counters, vllm)
        done = sparktop("run", "batch-sweep", "--headless", "-m", f"{vllm.url}/v1", "--batches", "1,4")
    assert done.returncode == 0, done.stderr
    said = "speculative decoding: 75.0 % of the guessed tokens were accepted, 2.50 tokens a step"
    assert done.stdout.count(said) == 2
    assert done.stdout.count("cache hit 0.0 %") == 2


def test_pictures_arrive_as_they_are_and_a_file_is_not_shown_them(sparktop: Sparktop, server: Truth) -> None:
    server.forget()
    done = sparktop("run", "vision", "--json", "-m", server.url, "-m", "demo-base", "--max-tokens", "40")
    assert done.returncode == 1
    found = snapshot(done)
    items = found["scenario"]["items"]
    asked = [record["body"]["messages"][-1]["content"] for record in server.records() if record["method"] == "POST"]
    assert len(asked) == len(items) == 5
    for item, (text, picture) in zip(items, asked, strict=True):
        assert text == {"type": "text", "text": item["prompt"]}
        assert picture["type"] == "image_url"
        head, _, coded = picture["image_url"]["url"].partition(",")
        data = base64.b64decode(coded, validate=True)
        assert (head, data) == ("data:image/png;base64", (scenarios_dir() / item["image"]["name"]).read_bytes())
        assert hashlib.sha256(data).hexdigest() == item["image"]["sha256"]
    served, own = found["contenders"]
    assert served["error"] is None
    assert "serve the model with llama-server -m MODEL.gguf --mmproj MMPROJ.gguf" in own["error"]
    assert [one["finish"] for one in found["requests"]] == ["stop"] * 5 + ["error"] * 5
    assert len(done.stdout) < 100_000  # what was sent is told by its hash
    alone = sparktop("run", "vision", "--headless", "-m", "demo-base")
    assert (alone.returncode, "Traceback" in alone.stderr) == (1, False)
    assert "models that sparktop itself loads read text alone" in alone.stdout


def test_usage_of_servers(sparktop: Sparktop) -> None:
    for words, sentence in (
        (("-m", "http://x:1", "--api-key-env", "NO_SUCH"), "NO_SUCH, which is to hold the API key, is not set"),
        (("-m", "http://me:secret@x:1"), "must not hold a user or password"),
        (("-m", "http://x:1", "--silence", "0"), "expected seconds from 1 to 86400"),
        (("-m", "localhost:8000"), "did you mean http://localhost:8000?"),
        (("-m", "localhost:8000/v1#qwen"), "did you mean http://localhost:8000/v1#qwen?"),
    ):
        done = sparktop("run", "general", "--headless", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
