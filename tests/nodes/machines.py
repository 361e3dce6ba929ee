"""Machines as network namespaces, joined by a bridge of virtual interfaces."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


def ip(*words: str) -> None:
    """Runs ip(8)."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Machine:
    """One namespace.

    Attributes:
        name: Of the namespace.
        link: Its interface.
        address: Of that.
        bridge: Namespace of the bridge that joins the machines.
        port: The interface there that leads to this one.
    """

    name: str
    link: str
    address: str
    bridge: str
    port: str

    @property
    def within(self) -> list[str]:
        """What a command begins with that runs there."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def slow(self, delay_s: float, back_s: float = 0.0, rate: float = 0.0) -> Iterator[None]:
        """Puts a line between it and the others that takes its time, in a process of its own: kernels may lack netem.

        Args:
            delay_s: Seconds for what it sends.
            back_s: Seconds for what is sent to it.
            rate: Most bytes per second each way; 0 for any number.
        """
        near, far = f"n{self.port}", f"f{self.port}"
        inside = ["-n", self.bridge, "link"]
        ip(*inside, "add", near, "type", "veth", "peer", "name", far)
        # Whole frames with whole checksums: what kernels leave to the hardware, nobody would do here.
        turn_off_offload(self.name, self.link)
        turn_off_offload(self.bridge, near)
        ip(*inside, "set", self.port, "nomaster", "promisc", "on")
        ip(*inside, "set", near, "master", "br0", "up")
        ip(*inside, "set", far, "up", "promisc", "on")
        line = subprocess.Popen(
            [
                *("ip", "netns", "exec", self.bridge, sys.executable, str(Path(__file__).parent / "slow_line.py")),
                *(self.port, far, str(delay_s), str(back_s), str(rate)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            assert line.stdout is not None
            assert line.stdout.readline() == b"ready\n"
            yield
        finally:
            line.kill()
            line.communicate()
            ip(*inside, "del", near)
            ip(*inside, "set", self.port, "master", "br0", "promisc", "off")

    def link_is(self, state: str) -> None:
        """Sets its interface up or down."""
        ip("-n", self.name, "link", "set", self.link, state)


def turn_off_offload(namespace: str, interface: str) -> None:
    """Has the kernel put the checksums into what an interface sends, and cut it into frames (ethtool -K tx off)."""
    # SIOCETHTOOL with ETHTOOL_STXCSUM; segmentation needs it and goes with it (linux/ethtool.h).
    code = (
        "import ctypes, fcntl, socket, struct, sys\n"
        "value = ctypes.create_string_buffer(struct.pack('II', 0x17, 0))\n"
        "ask = struct.pack('16sP', sys.argv[1].encode(), ctypes.addressof(value)) + bytes(16)\n"
        "fcntl.ioctl(socket.socket(), 0x8946, ask)\n"
    )
    within = ["ip", "netns", "exec", namespace]
    subprocess.run([*within, sys.executable, "-c", code, interface], check=True)


@contextmanager
def joined(count: int, network: str = "10.231.8") -> Iterator[list[Machine]]:
    """Makes machines in one network, and removes them; skips where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces are root's")
    if shutil.which("ip") is None:
        pytest.skip("no ip(8) here: install iproute2")
    mark = secrets.token_hex(3)
    bridge = f"stb-{mark}"
    made = []
    try:
        try:
            ip("netns", "add", bridge)
            made.append(bridge)
            ip("-n", bridge, "link", "add", "br0", "type", "bridge")
            ip("-n", bridge, "link", "set", "br0", "up")
            machines = []
            for number in range(1, count + 1):
                one = Machine(
                    f"st{number}-{mark}", f"v{number}{mark}", f"{network}.{number}", bridge, f"p{number}{mark}"
                )
                ip("netns", "add", one.name)
                made.append(one.name)
                ip(
                    "link",
                    "add",
                    one.link,
                    "netns",
                    one.name,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    one.port,
                    "netns",
                    bridge,
                )
                ip("-n", bridge, "link", "set", one.port, "master", "br0", "up")
                ip("-n", one.name, "link", "set", "lo", "up")
                ip("-n", one.name, "addr", "add", f"{one.address}/24", "dev", one.link)
                one.link_is("up")
                machines.append(one)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
        yield machines
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace], check=False)
