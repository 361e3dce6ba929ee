"""Over ssh to whatever shell is there, with whatever the person's own configuration says."""

from __future__ import annotations

import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.nodes.place import Place
from sparktop.nodes.remote import RemoteNode
from tests.nodes.test_ssh import Server, gone, left_over, pytestmark, server

__all__ = ["pytestmark", "server"]


def behind(server: Server, command: str) -> None:
    """Has the other side run the command of every connection, SSH_ORIGINAL_COMMAND, in its own way."""
    keys = server.config.parent / "authorized_keys"
    escaped = command.replace('"', '\\"')
    keys.write_text(f'command="{escaped}" {keys.read_text()}')


def connects(place: Place, server: Server) -> None:
    node = RemoteNode(place)
    try:
        assert node.connect().node.name
    finally:
        node.stop()
    assert gone(server), left_over(server)


@pytest.mark.parametrize(
    "shell",
    [
        pytest.param(one, marks=pytest.mark.skipif(not shutil.which(one), reason=f"no {one} here"))
        for one in ("fish", "tcsh", "zsh", "dash")
    ],
)
def test_any_shell_and_any_path(server: Server, shell: str) -> None:
    behind(server, f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"')
    folder = server.config.parent / "it's a $HOME of `tools`"
    folder.mkdir()
    program = folder / "sparktop"
    program.symlink_to(server.program)
    models = folder / "my models"
    models.mkdir()
    connects(replace(server.place, command=str(program), models=(str(models),)), server)


@pytest.mark.parametrize(
    "noise",
    ["echo Welcome to this machine", "printf '\\033]0;title\\007'", "seq 20000", "echo '{}'", "echo oh >&2"],
    ids=["line", "half a line", "much", "json", "stderr"],
)
def test_a_shell_that_greets(server: Server, noise: str) -> None:
    behind(server, f'{noise}; exec sh -c "$SSH_ORIGINAL_COMMAND"')
    connects(server.place, server)


def test_a_path_in_the_home_over_there(server: Server) -> None:
    behind(server, f'HOME={server.home} exec sh -c "$SSH_ORIGINAL_COMMAND"')
    (server.home / "my bin").mkdir()
    (server.home / "my bin" / "sparktop").symlink_to(server.program)
    connects(replace(server.place, command="~/my bin/sparktop", models=("~",)), server)


@pytest.mark.parametrize(
    "line",
    [
        "ClearAllForwardings yes",
        "ExitOnForwardFailure yes\n  LocalForward {port} localhost:1",
        "StdinNull yes",
        "ForkAfterAuthentication yes",
        "SessionType none",
    ],
)
def test_what_the_person_has_set_for_that_host(server: Server, line: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with server.config.open("a") as config:
            config.write(f"  {line.format(port=taken.getsockname()[1])}\n")
        connects(server.place, server)


def test_a_long_folder_for_temporary_files(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    connects(server.place, server)
