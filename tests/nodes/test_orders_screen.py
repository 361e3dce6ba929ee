"""Other machines on the screen: chosen in the menu, and run."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from tests.nodes.conftest import ROOT, StartAgent
from tests.terminal import Terminal


def opened(terminals: list[Terminal], home: Path, *words: str) -> Terminal:
    terminals.append(Terminal(["-m", "sparktop", *words], home, {"PYTHONPATH": str(ROOT)}))
    return terminals[-1]


def kept(home: Path) -> dict[str, object]:
    """The snapshot of the only run, once it is there."""
    deadline = time.monotonic() + 30
    while not (found := list((home / ".local/share/sparktop/runs").glob("*.json"))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    snapshot: dict[str, object] = json.loads(found[0].read_text())
    return snapshot


def test_the_menu_offers_what_another_machine_has(
    start_agent: StartAgent, tmp_path: Path, terminals: list[Terminal]
) -> None:
    agent = start_agent()
    terminal = opened(terminals, tmp_path, "--node", str(agent.socket))
    terminal.read_until("demo-sutra@spark-2")
    terminal.read_until("fits")
    # Its last line: beneath the two that are chosen already.
    terminal.type("\t\x1b[B\x1b[B\x1b[B")
    terminal.read_until("llama.cpp on spark-2")
    terminal.type(" ")
    terminal.read_until("on each machine one after another")
    terminal.type("q")
    assert terminal.ended() == 0


def test_a_run_on_two_machines_on_the_screen(
    start_agent: StartAgent, tmp_path: Path, terminals: list[Terminal]
) -> None:
    agent = start_agent()
    words = ("run", "smoke", "--node", str(agent.socket), "-m", "demo-base", "-m", "demo-sutra@spark-2")
    terminal = opened(terminals, tmp_path, *words)
    snapshot = kept(tmp_path)
    assert snapshot["status"] == "completed"
    nodes, contenders = snapshot["nodes"], snapshot["contenders"]
    assert isinstance(nodes, list)
    assert isinstance(contenders, list)
    assert nodes[1]["name"] == "spark-2"
    assert [record["contender"]["node"] for record in contenders] == [nodes[0]["name"], "spark-2"]
    terminal.read_until("spark-2")
    # While it has not heard of the end yet, it would ask.
    terminal.read_until("completed")
    terminal.type("q")
    assert terminal.ended() == 0
    assert b"Traceback" not in terminal.seen


def configured(home: Path, text: str) -> None:
    folder = home / ".config/sparktop"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


def test_a_machine_of_the_configuration_is_connected_to_when_it_is_asked_for(
    start_agent: StartAgent, tmp_path: Path, terminals: list[Terminal]
) -> None:
    agent = start_agent()
    configured(tmp_path, f'[nodes.spark-2]\nsocket = "{agent.socket}"\n')
    terminal = opened(terminals, tmp_path)
    terminal.read_until("not connected")
    # The smoke test, and a model of the other machine beside the two that are chosen.
    terminal.type("\x1b[B\x1b[B\x1b[B\x1b[B" + "o")
    # Its frame is another one once it takes keys.
    terminal.read_until("Add a model of your own", more=True)
    terminal.type("demo-base@spark-2\r")
    terminal.read_until("6 requests")
    terminal.type("\r")
    snapshot = kept(tmp_path)
    assert snapshot["status"] == "completed"
    contenders = snapshot["contenders"]
    assert isinstance(contenders, list)
    assert [record["contender"]["name"] for record in contenders] == ["demo-base", "demo-sutra", "demo-base@spark-2"]
    assert contenders[2]["contender"]["node"] == "spark-2"
    terminal.read_until("completed")
    terminal.type("q")
    assert terminal.ended() == 0
    assert b"Traceback" not in terminal.seen


def test_one_that_is_connected_to_always_can_be_moved_to(
    start_agent: StartAgent, tmp_path: Path, terminals: list[Terminal]
) -> None:
    agent = start_agent()
    configured(tmp_path, f'[nodes.spark-2]\nsocket = "{agent.socket}"\nalways = true\n')
    terminal = opened(terminals, tmp_path)
    terminal.read_until("demo-sutra@spark-2")
    terminal.type("\x1b[B\x1b[B\x1b[B\x1b[B" + "\tp")
    terminal.read_until("Where demo-base runs")
    terminal.type("p\r")
    terminal.read_until("on each machine one after another")
    terminal.type("\r")
    snapshot = kept(tmp_path)
    contenders = snapshot["contenders"]
    assert isinstance(contenders, list)
    assert sorted(record["contender"]["name"] for record in contenders) == ["demo-base@spark-2", "demo-sutra"]
    terminal.read_until("completed")
    terminal.type("q")
    assert terminal.ended() == 0


def test_the_program_can_be_left_while_a_silent_machine_is_connected_to(
    start_agent: StartAgent, tmp_path: Path, terminals: list[Terminal]
) -> None:
    agent = start_agent()
    configured(
        tmp_path,
        f'[nodes.spark-2]\nurl = "{agent.url}"\ntoken_file = "{agent.token_file}"\nalways = true\n'
        f'[nodes.broken]\nssh = "-oProxyCommand=x"\n',
    )
    agent.pause(signal.SIGSTOP)
    try:
        terminal = opened(terminals, tmp_path)
        # What is wrong in the configuration is said; what has nothing to do with it goes on.
        terminal.read_until("nodes.broken.ssh")
        terminal.type("q")
        assert terminal.ended() == 0
        (tmp_path / ".config/sparktop/config.toml").write_text(
            f'[nodes.spark-2]\nurl = "{agent.url}"\ntoken_file = "{agent.token_file}"\nalways = true\n'
        )
        terminal = opened(terminals, tmp_path)
        terminal.read_until("esc stops it")
        terminal.type("\x03")
        assert terminal.ended(5) == 0
    finally:
        agent.pause(signal.SIGCONT)
