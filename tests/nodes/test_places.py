"""What names a node: what can't, is one sentence before anything is tried."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sparktop.model.events import ContenderFailed, Event, ModelReady
from sparktop.nodes.place import BadPlace, Place, place, read_places
from tests.nodes.conftest import Head, StartAgent
from tests.nodes.driven import engine_on


@pytest.mark.parametrize(
    "text",
    [
        "ws://a..b:7470",
        "ws://" + "a" * 64 + ":7470",
        "ws://a\x00b:7470",
        "ws://a\x1b[2J:7470",
        "ws://127.0.0.1:0",
        "ws://127.0.0.1",
        "ws://127.0.0.1:99999",
        "http://127.0.0.1:1",
        "-oProxyCommand=x",
        "me@-oProxyCommand",
        "-v",
        "a b",
        "a;b",
        "$(b)",
    ],
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(BadPlace) as refused:
        place(text, {})
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text", ["ws://[fe80::1%25eth0]:1", "ws://[::1]:7470", "ws://spark-2.local:1", "wss://bücher.de:1"]
)
def test_what_is_one(text: str) -> None:
    assert place(text, {}).url == text


@pytest.mark.parametrize(
    "table",
    [
        'socket = "/tmp/a\\u0000b"',
        'url = "ws://127.0.0.1:1"\ntoken_file = "a\\u0000b"',
        'ssh_config = "a\\u0000b"',
        'command = "a\\u0000b"',
        'models = ["a", "b\\u001b[2J"]',
        'ssh = "-oProxyCommand=true"',
    ],
)
def test_a_configuration_that_nothing_can_be_made_of(table: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[nodes.spark-2]\n{table}\n")
    with pytest.raises(BadPlace, match=r"nodes\.spark-2") as refused:
        read_places(config)
    assert str(refused.value).isprintable()


def test_an_error_of_our_own_ends_what_runs_and_not_the_node(
    start_agent: StartAgent, follow: Callable[[Place], Head]
) -> None:
    agent = start_agent()
    head = follow(agent.place)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    broken = True

    def emit(event: Event) -> None:
        nonlocal broken
        if broken and isinstance(event, ModelReady):
            broken = False
            raise KeyError("ours")
        events.put(event)

    def run() -> Event:
        engine = engine_on(head.remote, emit, lambda: time.monotonic() - head.origin)
        engine.open()
        while not isinstance(event := events.get(timeout=20), ModelReady | ContenderFailed):
            pass
        return event

    failed = run()
    assert isinstance(failed, ContenderFailed)
    assert failed.error.startswith("sparktop made an error with ")
    assert "KeyError('ours')" in failed.error
    assert isinstance(run(), ModelReady)
