"""`sparktop node` and `sparktop nodes`, as people type them."""

from __future__ import annotations

import json
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, ROOT, Sparktop
from tests.terminal import Terminal


@pytest.fixture
def environ(environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """The home is near the root, as homes are: the path of a socket has room for a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="st-") as home:
        yield {**environ, "HOME": home}


@pytest.fixture
def agent(environ: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """An agent of this person; yields where it listens, by kind."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "mine.gguf").write_bytes(b"GGUF")
    process = subprocess.Popen(
        [*PROGRAM, "node", "--name", "spark-2", "--models", str(models), "--listen", "127.0.0.1:0"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield {one.partition(":")[0]: one for one in json.loads(process.stdout.readline())["listening"]}
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.fixture
def configured(agent: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    """The agent in config.toml."""
    home = Path(environ["HOME"])
    config = home / ".config/sparktop"
    config.mkdir(parents=True)
    shutil.copy(home / ".local/state/sparktop/node-token", config / "spark-2.token")
    (config / "config.toml").write_text(
        f'[nodes.spark-2]\nurl = "{agent["ws"]}"\ntoken_file = "spark-2.token"\n'
        '[nodes.away]\nsocket = "/nowhere/node.sock"\n[contenders.x]\npath = "x.gguf"\n'
        f'[nodes."{platform.node()}"]\nsocket = "/nowhere/of-its-own.sock"\n'
    )
    return {**agent, "home": str(home)}


def test_nodes_lists_who_answers_and_says_who_does_not(configured: dict[str, str], sparktop: Sparktop) -> None:
    listed = sparktop("nodes")
    assert listed.returncode == 3
    lines = listed.stdout.splitlines()
    assert lines[0].split()[:4] == ["NODE", "MACHINE", "MEMORY", "AVAILABLE"]
    assert lines[3].startswith("spark-2")
    assert "of-its-own" not in listed.stderr, "its own table is passed over"
    assert "spark-2: demo-base, demo-sutra, mine" in lines
    assert "- spark-2: the same machine, under two names" in lines[-1]
    assert listed.stderr.splitlines()[-1] == (
        'sparktop: away can\'t be connected to (No such file or directory): start "sparktop node" there'
    )
    alone = sparktop("nodes", "away")
    assert (alone.returncode, alone.stdout) == (3, ""), "no table without rows"
    named = sparktop("nodes", "spark-2").stdout.splitlines()
    assert named[2].startswith("spark-2")
    assert named[-1] == f"{platform.node()} - spark-2: {lines[-1].partition('spark-2: ')[2]}", "the way there from here"
    found = sparktop("nodes", "spark-2", "--json")
    assert found.returncode == 0
    (node,) = json.loads(found.stdout)
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert node["node"]["memory"] == total
    assert 0 < node["memory_available"] <= total
    assert [model["name"] for model in node["models"]] == ["demo-base", "demo-sutra", "mine"]
    assert 0 < node["clock"]["uncertainty_s"] < 0.05


def test_a_judge_on_a_node(configured: dict[str, str], sparktop: Sparktop) -> None:
    asked = sparktop("run", "smoke", "-m", "demo-base", "-m", "demo-sutra", "--json")
    assert asked.returncode == 0, asked.stderr
    judged = sparktop("judge", "last", "--with", "demo-sutra@spark-2", "--limit", "1")
    # A toy's verdicts can't be read.
    assert judged.returncode == 1, judged.stderr
    assert "of spark-2" in judged.stderr
    assert "0 of 2 verdicts" not in judged.stdout
    assert "could not be read" in judged.stdout
    assert "It judged answers of its own (demo-sutra)" in judged.stdout
    (run,) = (path for path in Path(configured["home"], ".local/share/sparktop/runs").glob("*.json"))
    (judging,) = json.loads(run.read_text())["ratings"]["models"]
    assert judging["began"]["judge"]["node"] == "spark-2"
    assert len(judging["verdicts"]) == 2
    away = sparktop("judge", "last", "--with", "demo-sutra@away")
    assert away.returncode == 3
    assert "away can't be connected to" in away.stderr


def test_monitor_prints_both(configured: dict[str, str], sparktop: Sparktop) -> None:
    printed = sparktop("monitor", "--node", "spark-2", "--json", "--once")
    assert printed.returncode == 0
    decoder, rest, found = json.JSONDecoder(), printed.stdout, []
    while rest.strip():
        one, end = decoder.raw_decode(rest.lstrip())
        found.append(one)
        rest = rest.lstrip()[end:]
    here, there = found
    assert there["node"] == "spark-2" != here["node"]
    assert (
        f"spark-2 and {here['node']} are the same machine: it is shown under both names, and counted" in printed.stderr
    )
    twice = sparktop("monitor", "--node", "spark-2", "--node", configured["unix"].removeprefix("unix:"), "--once")
    assert (twice.returncode, twice.stdout) == (2, "")
    assert "is spark-2 once more: name that machine once" in twice.stderr
    assert here["values"]["memory.total"] == there["values"]["memory.total"]
    # On one time line, whose readings are half a second apart on each machine.
    assert abs(here["t"] - there["t"]) < 1.5
    # Reasons that were told with the first reading are still known.
    assert here["missing"].keys() >= {"roce"}
    assert there["missing"].keys() >= {"roce"}


def test_a_run_on_a_node_of_the_configuration(configured: dict[str, str], sparktop: Sparktop) -> None:
    done = sparktop("run", "smoke", "-m", "demo-base@spark-2", "-m", "demo-base", "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    there, here = run["contenders"]
    assert there["contender"]["name"] == "demo-base@spark-2"
    assert [there["contender"]["node"], here["contender"]["node"]] == [run["nodes"][1]["name"], run["nodes"][0]["name"]]
    answers = {(one["contender"], one["item"]): one["answer"] for one in run["requests"]}
    assert all(answer == answers[here["contender"]["name"], item] for (_, item), answer in answers.items())
    # Both are one machine: its contenders take turns under whichever name.
    assert "are the same machine: it is shown under both names" in done.stderr
    ended = max(one["ended_s"] for one in run["requests"] if one["contender"] == there["contender"]["name"])
    assert ended < min(one["sent_s"] for one in run["requests"] if one["contender"] == here["contender"]["name"])


@pytest.mark.parametrize(
    ("model", "code", "sentence"),
    [
        ("demo-bas@spark-2", 2, 'spark-2 has no model "demo-bas" in the folders that its agent was started with: did'),
        ("demo-base@away", 3, "away can't be connected to (No such file or directory): start"),
        ("mine@spark-2", 1, "mine.gguf is no GGUF file"),
        ("demo-base@sparc-2", 3, '"ssh sparc-2" must work without questions; did you mean spark-2?'),
        ("demo-base@nowhere.invalid", 3, "or config.toml say where it is ([nodes.nowhere.invalid])"),
        ("demo-base@nowhere.gguf", 2, "demo-base@nowhere.gguf does not exist"),
    ],
)
def test_a_run_that_can_not_be_there(
    configured: dict[str, str], sparktop: Sparktop, model: str, code: int, sentence: str
) -> None:
    refused = sparktop("run", "smoke", "--headless", "-m", model)
    assert refused.returncode == code, refused
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_monitor_shows_both_on_the_screen(configured: dict[str, str], environ: dict[str, str]) -> None:
    words = ["-m", "sparktop", "monitor", "--node", configured["unix"].removeprefix("unix:")]
    terminal = Terminal(words, Path(environ["HOME"]), {"PYTHONPATH": str(ROOT)})
    try:
        terminal.read_until("spark-2")
        terminal.read_until("are the same machine")
        terminal.type("q")
        assert terminal.ended() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["node", "--listen", "0.0.0.0:7470"], "0.0.0.0 would let every network in"),
        (["node", "--listen", "[::]:7470"], ":: would let every network in"),
        (["node", "--listen", "7470"], "--listen takes ADDR:PORT"),
        (["node", "--listen", "192.0.2.1:7470"], ": no interface of this machine has that address"),
        (["node", "--listen", "no such host:1"], "no such host is no address of this machine"),
        (["node", "--any-interface"], "give --listen ADDR:PORT too"),
        (["node", "--models", "./none"], "./none is no folder"),
        (["node", "--socket", "/tmp/" + "x" * 200], "is too long for a socket"),
        (["node", "--listen", "127.0.0.1:0", "--certificate", "/dev/null"], "a file of its own with --key"),
        (["node", "--print-service"], "give --listen ADDR:PORT too"),
        (["node", "--print-service", "--listen", "127.0.0.1:0"], "with one above 0"),
        (["monitor", "--node", "-oProxyCommand=x"], "expected one argument"),
        (["monitor", "--node=-oProxyCommand=x"], "is no host that ssh can be given"),
        (["monitor", "--node", "ws://u:p@h:1"], "the token is in a file of its own"),
        (["monitor", "--node", "http://h:1"], "expected ws://HOST:PORT"),
        (["monitor", "--node", "ws://h:1", "--record", "x"], "a recording is of one machine"),
        (["monitor", "--token-file", "x"], "--token-file is for nodes"),
        (["nodes", "ws://h:1", "--token-file", "~nobody.here/x"], "there is no such home folder"),
        (["nodes", "~nobody.here/x"], "there is no such home folder"),
        (["node", "--models", "~nobody.here/x"], "there is no such home folder"),
        (["run", "smoke", "--token-file", "x"], "--token-file is for nodes"),
        (["run", "smoke", "--node=-oProxyCommand=x"], "is no host that ssh can be given"),
    ],
)
def test_what_is_refused(words: list[str], sentence: str, sparktop: Sparktop) -> None:
    refused = sparktop(*words)
    assert refused.returncode == 2, refused
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") <= 3
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[nodes.a]\nurl = 'ws://h:1'\n", "config.toml:1: nodes.a: give token_file"),
        ("[nodes.a]\nssh = 'h'\nsocket = '/x'\n", "nodes.a: give one of ssh, url and socket"),
        ("[nodes.a]\nssh = '-x'\n", "config.toml:2: nodes.a.ssh: '-x' is no host"),
        ("[nodes.a]\nhost = 'x'\n", "config.toml:2: nodes.a.host: there is no such key; there are ssh, url, "),
        ("\n[nodes.a]\nurl = 5\n", "config.toml:3: nodes.a.url: expected text, found a number"),
        ("[nodes.a]\nmodels = [1]\n", "config.toml:2: nodes.a.models: expected text, found a number"),
        ("[nodes.a]\nalways = 'yes'\n", "config.toml:2: nodes.a.always: expected true or false, found text"),
        ("[nodes]\na = 3\n", "config.toml:2: nodes.a: expected a table, found a number"),
        (
            "[nodes.a]\nsocket = '~nobody.here/x'\n",
            "config.toml:2: nodes.a.socket: ~nobody.here/x: there is no such home",
        ),
        ("[node.a]\nssh = 'x'\n", "config.toml:1: node: tables here are called [contenders.NAME] or [nodes.NAME]"),
        ("[nodes.a]\nurl = " + "9" * 5000, "is no TOML"),
        ("[nodes.'a b']\n", "nodes.a b: a name has letters"),
        ("nodes = 1\n", "nodes are tables"),
        ("[nodes\n", "is no TOML"),
    ],
)
def test_a_wrong_configuration_is_said(text: str, sentence: str, sparktop: Sparktop, environ: dict[str, str]) -> None:
    config = Path(environ["HOME"]) / ".config/sparktop/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(text)
    refused = sparktop("nodes")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"sparktop: {config}")
    assert sentence in refused.stderr


def test_one_agent_at_a_socket(agent: dict[str, str], sparktop: Sparktop) -> None:
    refused = sparktop("node")
    assert refused.returncode == 2
    assert "an agent serves at" in refused.stderr


def test_unit_is_one_that_systemd_reads(sparktop: Sparktop, tmp_path: Path) -> None:
    odd = tmp_path / 'a "b" 50%'
    odd.mkdir()
    printed = sparktop("node", "--models", str(odd), "--listen", "127.0.0.1:7470", "--print-unit")
    assert printed.returncode == 0
    (start,) = [line for line in printed.stdout.splitlines() if line.startswith("ExecStart=")]
    assert start.endswith(f'--models "{tmp_path}/a \\"b\\" 50%%" --listen 127.0.0.1:7470')
    if shutil.which("systemd-analyze") is None:
        return
    unit = tmp_path / "sparktop-node.service"
    unit.write_text(printed.stdout)
    checked = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert str(unit) not in checked.stderr, checked.stderr
