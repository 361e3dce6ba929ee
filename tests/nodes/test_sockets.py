"""Where an agent listens, and whose socket that is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparktop.nodes.left_over import sweep
from sparktop.nodes.service import CannotServe, _answers, address
from tests.nodes.conftest import ROOT, StartAgent

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_runtime_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """As after "su", which keeps XDG_RUNTIME_DIR."""
    runtime = tmp_path / "runtime"
    (runtime / "sparktop").mkdir(parents=True)
    runtime.chmod(0o700)
    code = (
        "import os, sys; from pathlib import Path; from sparktop.nodes import service\n"
        "os.setegid(65534); os.seteuid(65534); runtime = Path(sys.argv[1])\n"
        "print(service.socket_path({'XDG_RUNTIME_DIR': str(runtime)}, Path('/state')))\n"
        "print(service.socket_path({'XDG_RUNTIME_DIR': str(runtime / 'sparktop')}, Path('/state')))\n"
        "try: service._make_room(runtime / 'sparktop' / 'node.sock')\n"
        "except service.CannotServe as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, runtime], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout.splitlines() == [
        "/state/node.sock",
        "/state/node.sock",
        f"{runtime}/sparktop/node.sock can't be made: Permission denied",
    ], done.stderr


def test_an_agent_that_ends_leaves_the_socket_of_the_next_one_alone(start_agent: StartAgent) -> None:
    before = start_agent()
    before.socket.unlink()
    after = start_agent()
    assert after.socket == before.socket
    before.process.terminate()
    assert before.process.wait(10) == 0
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(after.socket))
    after.process.terminate()
    assert after.process.wait(10) == 0
    assert not after.socket.exists()


def test_an_agent_that_is_busy_is_not_pushed_aside(start_agent: StartAgent, tmp_path: Path) -> None:
    """One that was stopped by a debugger, say, has a queue of callers, and a full one refuses like nobody does."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as caller:
        busy.bind(str(path))
        busy.listen(0)
        caller.connect(str(path))
        done = started(tmp_path, "--socket", str(path))
    assert done.returncode == 2
    assert f"an agent serves at {path} already" in done.stderr


def test_callers_who_say_nothing_do_not_keep_an_agent_from_ending(start_agent: StartAgent) -> None:
    agent = start_agent()
    host, port = agent.url.removeprefix("ws://").split(":")
    with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))) as talkative:
        talkative.sendall(b"GET /node HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.2)
        began = time.monotonic()
        agent.process.terminate()
        assert agent.process.wait(10) == 0
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("text", ["", ":1", "127.0.0.1", "127.0.0.1:", "::1:80", "a:70000", "a:" + "9" * 5000, "a:٣"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(CannotServe, match="--listen takes ADDR:PORT"):
        address(text)


def started(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """An agent that does not come up."""
    return subprocess.run(
        [sys.executable, "-m", "sparktop", "node", *words],
        cwd=ROOT,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "[::]", "*"])
def test_all_interfaces_are_refused_however_they_are_written(host: str, tmp_path: Path) -> None:
    """Of "*" the C library makes every interface for who listens, and this machine for who connects."""
    done = started(tmp_path, "--listen", f"{host}:0")
    assert done.returncode == 2
    assert "every network in" in done.stderr or "is no address of this machine" in done.stderr


def test_an_agent_that_can_not_listen_leaves_no_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = started(tmp_path, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 2
    assert "another program listens there" in done.stderr
    assert not (tmp_path / ".local/state/sparktop/node.sock").exists()


@pytest.fixture
def near_root() -> Iterator[Path]:
    """A folder for sockets, of which the path may have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        yield Path(folder)


def test_what_killed_agents_left_is_cleared_away(near_root: Path) -> None:
    """Each connection over ssh has a folder of its own; that of an agent that lives, or just begins, stays."""
    gone, lives, begins, link = (near_root / f"sparktop-{number:016x}" for number in range(4))
    other = near_root / "sparktop-ssh-1-abc"
    for folder in (gone, lives, begins, other):
        folder.mkdir()
    link.symlink_to(other)
    (other / "node.sock").touch()
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as alive:
        dead.bind(str(gone / "node.sock"))
        alive.bind(str(lives / "node.sock"))
        alive.listen()
        for folder in (gone, lives, link):
            os.utime(folder, (0, 0), follow_symlinks=False)
        sweep(near_root / f"sparktop-{99:016x}" / "node.sock", _answers)
        assert not gone.exists()
        assert (lives / "node.sock").exists()
    assert begins.exists()
    assert (other / "node.sock").exists()
