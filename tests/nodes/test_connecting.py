"""Machines that are connected to while the program runs: real agents, real sockets, somebody who never answers."""

from __future__ import annotations

import platform
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sparktop.model.records import Options
from sparktop.nodes.place import Place, read_places
from sparktop.resources import scenarios_dir
from sparktop.runner.contenders import BadContender
from sparktop.runner.others import Others
from sparktop.runner.plan import make_plan
from sparktop.scenarios.library import Library
from tests.nodes.conftest import StartAgent

Make = Callable[..., Others]


@pytest.fixture
def others() -> Iterator[Make]:
    made: list[Others] = []

    def make(**known: Place) -> Others:
        made.append(Others((), {name.replace("_", "-"): place for name, place in known.items()}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def silence() -> Iterator[str]:
    """An address where somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"ws://127.0.0.1:{server.getsockname()[1]}"


def met(others: Others) -> tuple[str, ...]:
    """Waits until something came of an attempt."""
    deadline = time.monotonic() + 20
    while not (names := others.look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return names


def test_what_a_machine_has_is_known_once_it_is_connected_to(start_agent: StartAgent, others: Make) -> None:
    agent = start_agent()
    these = others(spark_2=Place(name="spark-2", socket=agent.socket), spark_3=Place(name="spark-3", ssh="spark-3"))
    assert [(one.name, one.how, one.connecting_s) for one in these.away] == [
        ("spark-2", "at its socket", None),
        ("spark-3", "over ssh", None),
    ]
    assert these.missing("demo-base@spark-2+spark-9") == ("spark-2", "spark-9")
    assert these.missing(f"demo-base@{platform.node()}") == ()
    these.connect("spark-2")
    assert these.away[0].connecting_s is not None
    assert met(these) == ("spark-2",)
    assert these.problem("spark-2") == ""
    assert [one.name for one in these.away] == ["spark-3"]
    assert these.missing("demo-base@spark-2") == ()
    assert [one.name for one in these.contenders()] == ["demo-base@spark-2", "demo-sutra@spark-2"]
    # A run would use it.
    assert "spark-2" in these.fleet()
    path = str(agent.socket)
    these.connect(path)
    assert met(these) == (path,)
    assert these.problem(path).endswith("is spark-2 once more: name that machine once")
    assert [one.name for one in these.away] == ["spark-3"]


def test_what_is_wrong_is_a_sentence_and_can_be_tried_again(
    start_agent: StartAgent, others: Make, tmp_path: Path
) -> None:
    agent, wrong = start_agent(), start_agent(name="spark-3").token_file
    copy = tmp_path / "token"
    shutil.copy(wrong, copy)
    these = others(spark_2=Place(name="spark-2", url=agent.url, token_file=copy))
    these.connect("spark-2")
    assert met(these) == ("spark-2",)
    (away,) = these.away
    assert away.problem.startswith("spark-2 refused the token")
    assert "of another node" in away.problem
    shutil.copy(agent.token_file, copy)
    these.connect("spark-2")
    met(these)
    assert these.away == ()


def test_an_address_is_the_machine_of_config_toml_whose_token_is_named_there(
    start_agent: StartAgent, others: Make
) -> None:
    agent = start_agent()
    these = others(spark_2=Place(name="spark-2", url=agent.url, token_file=agent.token_file))
    for typed, meant in (
        (f"demo-base@{agent.url}", "demo-base@spark-2"),
        (f"a@b@{agent.url}/", "a@b@spark-2"),
        (f"demo-base@spark-3+{agent.url}", "demo-base@spark-3+spark-2"),
        (f"@{agent.url}", "@spark-2"),
        (agent.url.replace("ws", "WS", 1), "@spark-2"),
        ("demo-base@spark-3", "demo-base@spark-3"),
        ("http://localhost:8000/v1#news@ws", "http://localhost:8000/v1#news@ws"),
    ):
        assert these.by_name(typed) == meant
    these.connect(these.by_name(agent.url).removeprefix("@"))
    met(these)
    assert these.missing(these.by_name(f"demo-base@{agent.url}")) == ()
    with pytest.raises(BadContender) as refused:
        these.by_name("demo-base@ws://192.168.100.12:7470")
    assert "no machine at ws://192.168.100.12:7470" in str(refused.value)
    assert "[nodes.NAME] there with url and token_file" in str(refused.value)
    with pytest.raises(BadContender, match="the token is in a file of its own") as refused:
        these.by_name("demo-base@ws://me:secret@192.168.100.11:7470")
    assert "secret" not in str(refused.value)
    with pytest.raises(BadContender, match=r"^expected ws://HOST:PORT"):
        these.by_name("demo-base@ws://192.168.100.11")


def test_a_name_that_nobody_knows() -> None:
    these = Others((), {"spark-2.invalid": Place(name="spark-2.invalid", ssh="spark-2.invalid")})
    try:
        with pytest.raises(BadContender, match="no host that ssh can be given"):
            these.connect("-oProxyCommand=x")
        these.connect("sparc-2.invalid")
        met(these)
        assert "did you mean spark-2.invalid?" in these.problem("sparc-2.invalid")
        these.connect("elsewhere.example.invalid")
        met(these)
        assert "or config.toml say where it is ([nodes.elsewhere" in these.problem("elsewhere.example.invalid")
        # What was mistyped is not offered from then on.
        assert [one.name for one in these.away] == ["spark-2.invalid"]
    finally:
        these.stop()


def test_who_does_not_answer_can_be_given_up(start_agent: StartAgent, others: Make, silence: str) -> None:
    token = start_agent().token_file
    these = others(silent=Place(name="silent", url=silence, token_file=token))
    these.connect("silent")
    time.sleep(0.3)
    assert these.look() == ()
    assert (these.away[0].connecting_s or 0) >= 0.3
    began = time.monotonic()
    assert these.give_up() == ("silent",)
    assert time.monotonic() - began < 0.1
    assert (these.away[0].connecting_s, these.away[0].problem) == (None, "")
    these.connect("silent")
    these.stop()
    assert time.monotonic() - began < 3


def test_nobody_waits_for_a_silent_machine_once_the_program_ends(start_agent: StartAgent, others: Make) -> None:
    agent = start_agent()
    these = others(spark_2=Place(name="spark-2", socket=agent.socket))
    these.connect("spark-2")
    met(these)
    (placed, *_) = these.contenders()
    plan = make_plan(Library(scenarios_dir(), Path("/none")).get("smoke"), (placed,), Options())
    assert these.fits(plan, placed).ok
    agent.pause(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(these.fits, plan, placed)
            time.sleep(0.3)
            assert not asking.done()
            began = time.monotonic()
            these.leave()
            assert not asking.result(2).ok
            assert time.monotonic() - began < 1
    finally:
        agent.pause(signal.SIGCONT)


def test_config_toml_can_name_who_is_connected_to_always(start_agent: StartAgent, tmp_path: Path) -> None:
    agent = start_agent()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[nodes.spark-2]\nsocket = "{agent.socket}"\nalways = true\n'
        f'[nodes.spark-3]\nssh = "spark-3"\n[nodes.{platform.node()}]\nalways = true\n'
    )
    these = Others((), read_places(config))
    try:
        # This machine is named there as well where one file is used on all.
        assert [(one.name, one.connecting_s is not None) for one in these.away] == [
            ("spark-2", True),
            ("spark-3", False),
        ]
        assert met(these) == ("spark-2",)
    finally:
        these.stop()
