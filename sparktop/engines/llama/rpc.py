"""llama.cpp's RPC as far as sparktop itself speaks it: where a server is, and its greeting.

A llama.cpp that finds no server, or one of another protocol, aborts its process. So whoever is about to connect greets
the server first, with a short timeout, and can say whose it is.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GREET_S: Final = 3.0
"""Longest wait for a server's greeting: on one link it comes within a millisecond."""

_HELLO: Final = 14
"""RPC_CMD_HELLO (ggml-rpc.cpp)."""

_CAPS: Final = 24
"""RPC_CONN_CAPS_SIZE (transport.h); all zero: no RDMA, which a greeting does not need."""

GREETING: Final = struct.Struct(f"<BQ{_CAPS}x")
"""The command, the length of what follows, and that."""

_ANSWER: Final = struct.Struct(f"<QBBBB{_CAPS}x")
"""Its length, then rpc_msg_hello_rsp: major, minor, patch, padding, what the connection can do."""

_ACTIVATED: Final = "RDMA activated"
_PROBED: Final = re.compile(r"RDMA probed: dev=([\w.-]+)")

Version = tuple[int, int, int]


class RpcFailed(Exception):
    """A server can't be used; the message is one sentence that names its node and address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a server of llama.cpp's RPC listens.

    Attributes:
        node: Name of the machine.
        host: Its IPv4 address; llama.cpp's RPC knows no other.
    """

    node: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Transport:
    """How a connection of llama.cpp's RPC carries its data, as its log tells.

    Attributes:
        rdma: By RDMA; else by TCP.
        device: The RDMA device; empty for TCP.
        line: The line of the log that says so; empty where its silence does.
    """

    rdma: bool
    device: str = ""
    line: str = ""


def check_address(host: str) -> None:
    """Raises RpcFailed where a server must not listen: it lets everybody in who reaches it."""
    try:
        address = ipaddress.IPv4Address(host)
    except ipaddress.AddressValueError:
        raise RpcFailed(f"{host[:60]!r} is no IPv4 address, and llama.cpp's RPC knows no other") from None
    if address.is_unspecified or address.is_multicast or int(address) == 0xFFFFFFFF:
        raise RpcFailed(
            f"llama.cpp's RPC asks for no password, so it must not listen on {host}: name the address of one link"
        )


def greet(endpoint: Endpoint, timeout: float = _GREET_S) -> Version:
    """Greets a server and returns the version of its protocol.

    Raises:
        RpcFailed: Nobody answers there, or something else than llama.cpp's RPC.
    """
    where = f"{endpoint.node}'s RPC server at {endpoint}"
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout) as connection:
            connection.sendall(GREETING.pack(_HELLO, _CAPS))
            answer = b""
            while len(answer) < _ANSWER.size:
                piece = connection.recv(_ANSWER.size - len(answer))
                if not piece:
                    raise RpcFailed(f"{where} hung up at the greeting: its llama.cpp speaks another protocol")
                answer += piece
    except TimeoutError:
        raise RpcFailed(
            f"{where} did not answer within {timeout:.0f} s: the link is down, or it serves somebody else"
        ) from None
    except OSError as error:
        raise RpcFailed(f"{where} can't be reached: {error.strerror or error}") from None
    length, major, minor, patch, _ = _ANSWER.unpack(answer)
    if length != _ANSWER.size - 8:
        raise RpcFailed(f"what answers at {endpoint} on {endpoint.node} is no RPC server of llama.cpp")
    return major, minor, patch


def own_version() -> Version | None:
    """Returns the version of the protocol that llama.cpp here speaks; None where its header is not installed."""
    header = Path(sysconfig.get_paths()["platlib"]) / "include" / "ggml-rpc.h"
    try:
        text = header.read_text(errors="replace")
    except OSError:
        return None
    found = dict(re.findall(r"#define RPC_PROTO_(MAJOR|MINOR|PATCH)_VERSION\s+(\d+)", text))
    if len(found) != 3:
        return None
    return int(found["MAJOR"]), int(found["MINOR"]), int(found["PATCH"])


def check_version(endpoint: Endpoint, theirs: Version, ours: Version | None) -> None:
    """Raises RpcFailed where both sides would misunderstand each other.

    llama.cpp itself compares no more than the first two numbers; the third one grows with its operations, and a graph
    that names them by other numbers computes something else.
    """
    if ours is not None and theirs != ours:
        raise RpcFailed(
            f"llama.cpp on {endpoint.node} speaks version {_dotted(theirs)} of the RPC protocol and here it is"
            f" {_dotted(ours)}: install the same llama-cpp-python on both"
        )


def transport_of(log: str) -> Transport:
    """Returns how a connection carries its data, from the log of one of its sides.

    llama.cpp falls back to TCP without a word, so there the log's silence is what is known.
    """
    probed = ""
    for line in log.splitlines():
        if found := _PROBED.search(line):
            probed = found[1]
        if _ACTIVATED in line:
            return Transport(True, probed, line.strip())
    return Transport(False)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
