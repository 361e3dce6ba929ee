"""Machines found by mDNS: by real avahi, in two network namespaces, and by what it may print."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sparktop.nodes.mdns import Announced, NotAsked, announced, parse
from tests.nodes.conftest import ROOT
from tests.nodes.machines import Machine, joined

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={path}</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
"""
"""A bus of the test's own: the machine's may not run, and is not for tests."""


def environ(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus",
    }


@pytest.fixture
def two(tmp_path: Path) -> Iterator[list[tuple[Machine, Path]]]:
    """Two machines with avahi on each, and the folder of each; services in `services` there are announced."""
    needed = ("dbus-daemon", "avahi-daemon", "avahi-browse")
    if missing := [one for one in needed if shutil.which(one, path=environ(tmp_path)["PATH"]) is None]:
        pytest.skip(f"not here: {', '.join(missing)} (dbus, avahi-daemon, avahi-utils)")
    with joined(2, "10.231.9") as machines, ExitStack() as ends:
        folders = []
        for number, machine in enumerate(machines, start=1):
            folder = tmp_path / f"m{number}"
            (folder / "services").mkdir(parents=True)
            folders.append(folder)
            (folder / "bus.conf").write_text(BUS.format(path=folder / "bus"))
            (folder / "avahi.conf").write_text(
                f"[server]\nhost-name=machine-{number}\nuse-ipv6=no\nallow-interfaces={machine.link}\n"
            )
            # "ip netns exec" gives a mount namespace too: the daemon's folders are this machine's alone.
            script = (
                f"mount -t tmpfs none /run && mount --bind {folder}/services /etc/avahi/services && "
                f"exec avahi-daemon --no-drop-root --no-rlimits --no-chroot --file {folder}/avahi.conf"
            )
            for words in (
                ["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={folder}/bus.conf"],
                ["sh", "-c", script],
            ):
                with (folder / "log").open("ab") as log:
                    process = subprocess.Popen(
                        [*machine.within, *words], env=environ(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                    )
                ends.callback(process.wait)
                ends.callback(process.terminate)
                deadline = time.monotonic() + 5
                while not (folder / "bus").exists():
                    assert time.monotonic() < deadline, (folder / "log").read_text()
                    time.sleep(0.02)
        yield list(zip(machines, folders, strict=True))


def sparktop(machine: Machine, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*machine.within, sys.executable, "-m", "sparktop", *words],
        env=environ(folder),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_node_that_is_announced_is_found(two: list[tuple[Machine, Path]]) -> None:
    (head, mine), (node, theirs) = two
    words = ("node", "--name", 'spark "2" & <co>', "--listen", f"{node.address}:7470", "--print-service")
    (theirs / "services/sparktop.service").write_text(sparktop(node, theirs, *words).stdout)
    expected = (
        f'found by mDNS: spark "2" & <co> at ws://{node.address}:7470 runs "sparktop node": '
        "name it in config.toml with its token_file"
    )
    deadline = time.monotonic() + 20
    # A name is announced once avahi knows that nobody else has it.
    while expected not in (listed := sparktop(head, mine, "nodes")).stdout.splitlines():
        assert time.monotonic() < deadline, (listed, (theirs / "log").read_text())
    assert listed.returncode == 0
    assert "mDNS" not in listed.stderr
    document = json.loads(sparktop(head, mine, "nodes", "--json").stdout)
    assert document[1]["mdns"] == {
        "host": "machine-2.local",
        "address": node.address,
        "url": f"ws://{node.address}:7470",
    }
    assert document[1]["reachable"] is None
    # One that is named is listed as a node, and not told of twice.
    config = mine / ".config/sparktop"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(f'[nodes.x]\nurl = "ws://{node.address}:7470"\ntoken_file = "none"\n')
    assert "mDNS" not in sparktop(head, mine, "nodes").stdout


def test_what_makes_no_sense_is_left_out() -> None:
    good = b'=;eth0;IPv4;a\\032\\195\\188\\027\\0912J;_sparktop._tcp;local;s2.local;10.0.0.2;7470;"tls=1" "x=y"\n'
    bad = [
        good.replace(b"10.0.0.2", b"10.0.0.2/evil"),
        good.replace(b"7470", b"0"),
        good.replace(b"7470", b"99999"),
        good.replace(b"s2.local", b"-oProxyCommand=x"),
        good.replace(b"10.0.0.2", b"fe80::1"),
        good.replace(b"_sparktop._tcp", b"_http._tcp"),
        good.replace(b"=", b"+", 1),
        b"=;;;\n\xff\n",
    ]
    (found,) = parse(b"".join([*bad, good]))
    assert found.name.isprintable()
    assert found.name.startswith("a ü")
    assert found.url == "wss://10.0.0.2:7470"


def test_an_avahi_that_hangs_or_is_not_there_is_told(tmp_path: Path) -> None:
    path = {"PATH": str(tmp_path)}
    with pytest.raises(NotAsked, match="avahi-utils"):
        announced(path)
    program = tmp_path / "avahi-browse"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(NotAsked, match=r"no answer within 0\.3 s"):
        announced(path, timeout_s=0.3)
    assert time.monotonic() - began < 3
    # What had come in time counts all the same; ssh is told of hosts without an agent that listens.
    program.write_text(
        '#!/bin/sh\nfor last; do :; done\n[ "$last" = _ssh._tcp ] || exec /bin/sleep 60\n'
        "echo '=;eth0;IPv4;s3;_ssh._tcp;local;s3.local;10.0.0.3;22;'\n"
    )
    expected = Announced(name="s3", kind="_ssh._tcp", host="s3.local", address="10.0.0.3", port=22)
    assert announced(path, timeout_s=0.5) == (expected,)
