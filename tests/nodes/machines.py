"""Machines as network namespaces, joined by a bridge of virtual interfaces."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
    """

    name: str
    link: str
    address: str

    @property
    def within(self) -> list[str]:
        """What a command begins with that runs there."""
        return ["ip", "netns", "exec", self.name]

    @contextmanager
    def slow(self, delay: str) -> Iterator[None]:
        """Delays what it sends; skips where the kernel can't."""
        device = ["dev", self.link, "root"]
        made = subprocess.run(
            [*self.within, "tc", "qdisc", "add", *device, "netem", "delay", delay], capture_output=True, text=True
        )
        if made.returncode != 0:
            pytest.skip(f"tc(8) can't delay here: {made.stderr.strip()}")
        try:
            yield
        finally:
            subprocess.run([*self.within, "tc", "qdisc", "del", *device], check=True)

    def link_is(self, state: str) -> None:
        """Sets its interface up or down."""
        ip("-n", self.name, "link", "set", self.link, state)


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
                one = Machine(f"st{number}-{mark}", f"v{number}{mark}", f"{network}.{number}")
                ip("netns", "add", one.name)
                made.append(one.name)
                port = f"p{number}{mark}"
                ip("link", "add", one.link, "netns", one.name, "type", "veth", "peer", "name", port, "netns", bridge)
                ip("-n", bridge, "link", "set", port, "master", "br0", "up")
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
