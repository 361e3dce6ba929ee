"""What lies in the folders of a node and is no model."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from sparktop.nodes.shelf import Shelf
from sparktop.resources import demo_dir
from tests.nodes.conftest import StartAgent
from tests.nodes.test_agent import talk
from tests.nodes.test_order_frames import HOLD, LOAD, ROOM


def test_a_link_that_leads_nowhere_and_a_pipe_are_no_models(start_agent: StartAgent, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "gone.gguf").symlink_to(tmp_path / "nowhere")
    (folder / "round.gguf").symlink_to(folder / "round.gguf")
    os.mkfifo(folder / "pipe.gguf")
    # As the caches of Hugging Face have them: that is a model.
    (folder / "linked.gguf").symlink_to(demo_dir() / "demo-base.gguf")
    agent = start_agent("--models", str(folder))

    async def converse(connection: ClientConnection) -> None:
        hello = json.loads(await connection.recv())
        assert [model["name"] for model in hello["models"]] == ["demo-base", "demo-sutra", "linked"]
        for number, name in enumerate(("gone", "round", "pipe")):
            await connection.send(json.dumps({"frame": "fits", "id": number, "model": name, "room": ROOM}))
            fit = json.loads(await asyncio.wait_for(connection.recv(), 5))["fit"]
            assert fit["problem"].startswith(f'there is no model "{name}" in the folders of spark-2')
        for frame in (HOLD, {**LOAD, "model": "gone"}, {"frame": "follow", "start": 0, "job": 0}):
            await connection.send(json.dumps(frame))
        assert json.loads(await connection.recv()) == {"frame": "held", "orders": 0}
        (line,) = str(await asyncio.wait_for(connection.recv(), 5)).split("\n")[1:]
        assert json.loads(line)["error"].startswith('there is no model "gone"')

    talk(agent.socket, converse)


def test_a_link_into_a_folder_of_others_is_left_out(tmp_path: Path) -> None:
    """A long way to a file, as one that may not be looked at, is an error that is not "there is none"."""
    (tmp_path / "long.gguf").symlink_to("x" * 300)
    (tmp_path / "real.gguf").write_bytes(b"")
    assert [model.name for model in Shelf((tmp_path,)).models()] == ["real"]
