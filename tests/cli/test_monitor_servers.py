"""`sparktop monitor --engine` in a process of its own, of played servers and of none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sparktop.headless.readings import line, lines, quantity
from sparktop.telemetry.reading import Reading
from tests.cli.conftest import ROOT, Sparktop
from tests.servers.process import truth
from tests.servers.replay import replay
from tests.terminal import Terminal

KEY = "k-3c19f0"


def test_a_server_beside_the_machine_as_json(sparktop: Sparktop) -> None:
    with replay("vllm") as server:
        server.play = "before"
        done = sparktop("monitor", "--engine", f"{server.url}/v1", "--once", "--json")

    document = json.loads(done.stdout)
    name = server.url.removeprefix("http://")
    assert (done.returncode, done.stderr) == (0, "")
    assert document["values"]["memory.total"] > 0
    assert document["values"][f"server.{name}.kv_cache"] == 43.75
    # The counters stood still between the two readings.
    assert document["values"][f"server.{name}.generated"] == 0
    assert document["units"][f"server.{name}.generated"] == "tokens/s"
    assert document["servers"] == {name: "vLLM"}
    assert document["missing"][f"server.{name}.prefix_hits"] == "no prompt was looked up in the last minute"


def test_several_servers_in_lines(sparktop: Sparktop) -> None:
    with replay("sglang") as one, replay("ollama") as other:
        one.play = "after"
        words = [word for server in (one, other) for word in ("--engine", server.url)]
        done = sparktop("monitor", *words, "--text", "--seconds", "1")

    (row,) = done.stdout.splitlines()
    names = [server.url.removeprefix("http://") for server in (one, other)]
    told = "generated 400.8 tok/s, prefilled 0.0 tok/s, 10 running, 1 waiting, KV cache 50.0 %"
    assert f"SGLang {names[0]} {told}" in row
    assert f"Ollama {names[1]} models 6.19 GiB" in row


def test_a_table_of_a_server_that_is_not_there(sparktop: Sparktop) -> None:
    with replay("vllm") as closed:
        name = closed.url.removeprefix("http://")
    done = sparktop("monitor", "--engine", closed.url, "--once")

    group = done.stdout.partition("\nserver\n")[2].partition("\n\nalerts\n")[0].splitlines()
    assert done.returncode == 3
    assert "memory.total" in done.stdout
    assert group[0].split(maxsplit=1) == [f"server.{name}.generated", f"n/a (nothing answers at {name})"]
    assert len(group) == 8


def test_a_server_on_the_screen(tmp_path: Path) -> None:
    with replay("vllm") as server:
        server.play = "after"
        arguments = ["-m", "sparktop", "monitor", "--engine", server.url]
        terminal = Terminal(arguments, tmp_path, {"PYTHONPATH": str(ROOT)})
        try:
            terminal.read_until("KV cache")
            # The figure and its word are of different colours.
            while not re.search(r" 8(\x1b\[[0-9;]*m)* running", terminal.seen.decode(errors="replace")):
                terminal.read_until("\x1b", more=True)
            terminal.type("q")
            assert terminal.ended() == 0
        finally:
            terminal.close()


def test_the_key_is_sent_and_told_nobody(sparktop: Sparktop) -> None:
    with truth("--options", "mode=busy&status=401&times=99") as server:
        done = sparktop("monitor", "--engine", server.url, "--api-key-env", "MY_KEY", "--once", "--json", MY_KEY=KEY)
        sent = {record["headers"].get("authorization") for record in server.records()}

    assert sent == {f"Bearer {KEY}"}
    assert KEY not in done.stdout + done.stderr
    assert "wants an API key (HTTP 401)" in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "vllm"], "is no URL of a server, such as http://127.0.0.1:8000/v1"),
        (["--engine", "spark-2:8000/v1"], "did you mean http://spark-2:8000/v1?"),
        (["--engine", "http://me:s3cret@x"], "leave user and password out of it"),
        (["--engine", "http://x", "--engine", "http://x:80/v1"], "--engine names x:80 twice"),
        (["--engine", "http://x", "--api-key-env", "NOT_SET"], "names NOT_SET, which is not set"),
        (["--engine", "http://x", "--api-key-env", "ODD"], "the key in ODD has characters that can't be sent"),
        (["--api-key-env", "HOME"], "name one with --engine"),
        (["--engine", "http://x", "--record", "case"], "a recording holds a machine and no server"),
        (["--engine", "http://x", "--from", "case"], "a recording holds a machine and no server"),
    ],
)
def test_refusals(sparktop: Sparktop, words: list[str], sentence: str) -> None:
    done = sparktop("monitor", *words, ODD="a\nb")

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_quantities_and_a_server_that_tells_little() -> None:
    values = {"server.[::1]:80.generated": 12.34, "server.[::1]:80.accepted_length": 2.5}

    assert [quantity(name, value) for name, value in values.items()] == [("12.3", "tok/s"), ("2.50", "tokens")]
    assert line(Reading(t=0, values=values), "").endswith("| server [::1]:80 generated 12.3 tok/s")
    assert line(Reading(t=0, missing={"server.x:1.generated": "no"}), "").endswith("| server x:1 n/a")


def test_what_a_server_says_cannot_act_on_the_terminal() -> None:
    reading = Reading(t=0, missing={"server.x:1.generated": "redirects to \x1b]0;z\x07"})

    assert not set("\n".join([*lines(reading), line(reading, "")])) & set("\x1b\x07")
