"""The worker's side of llama.cpp's RPC: connects to the servers before a model is loaded, and holds the connections.

llama.cpp makes a connection whenever something needs one and drops it when nothing does. A backend that is made here
and never freed keeps it: so there is one for the worker's whole life, whose socket and thread are known, and what goes
over it can be told.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sparktop.engines.llama.devices import Device, all_devices, device, ggml, rpc_library
from sparktop.engines.llama.rpc import Endpoint, RpcFailed, Transport, check_version, greet, own_version, transport_of
from sparktop.engines.llama.rpc_socket import own_sockets, set_up

_TASKS: Final = Path("/proc/self/task")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that this process is connected to.

    Attributes:
        devices: What it lends.
        connection: The connection's socket, a duplicate: to be looked at, never read or written.
        thread: Id of llama.cpp's thread that talks over it; 0 if that is not known.
        transport: How the connection carries its data.
    """

    endpoint: Endpoint
    devices: tuple[Device, ...]
    connection: socket.socket
    thread: int
    transport: Transport


def connect(endpoints: Sequence[Endpoint], log: Callable[[], str]) -> tuple[Server, ...]:
    """Connects to servers; their devices are then among llama.cpp's, in this order.

    Args:
        endpoints: The servers.
        log: Returns what llama.cpp has said so far.

    Raises:
        RpcFailed: One can't be used; or llama.cpp here can't use any.
    """
    try:
        rpc_library()
    except OSError:
        raise RpcFailed(
            "llama.cpp here was built without RPC, which a split needs: sparktop doctor tells how to build it"
        ) from None
    ours = own_version()
    for endpoint in endpoints:
        check_version(endpoint, greet(endpoint), ours)
    return tuple(_connect(endpoint, log) for endpoint in endpoints)


def _connect(endpoint: Endpoint, log: Callable[[], str]) -> Server:
    library, known = rpc_library(), _threads()
    address = str(endpoint).encode()
    registry = library.ggml_backend_rpc_add_server(address)
    if not registry:
        raise RpcFailed(f"{endpoint.node}'s RPC server at {endpoint} has no device to lend")
    ggml().ggml_backend_register(registry)
    said = len(log())
    # Never freed: see above.
    if not library.ggml_backend_rpc_init(address, 0):
        raise RpcFailed(f"{endpoint.node}'s RPC server at {endpoint} can't be used: see the worker's log")
    devices = tuple(
        # By the machine, not by its address: which port it was is no difference between two runs.
        replace(device(ggml().ggml_backend_reg_dev_get(registry, n)), description=endpoint.node)
        for n in range(ggml().ggml_backend_reg_dev_count(registry))
    )
    listed = {one.handle for one in all_devices()}
    if missing := [one.name for one in devices if one.handle not in listed]:
        # A second copy of the library, with a registry that llama.cpp never looks at.
        raise RpcFailed(f"llama.cpp does not see {', '.join(missing)} of {endpoint.node}: the model would not be split")
    new = _threads() - known
    connection = _socket_to(endpoint)
    set_up(connection)
    return Server(endpoint, devices, connection, new.pop() if len(new) == 1 else 0, transport_of(log()[said:]))


def _threads() -> set[int]:
    return {int(name) for name in os.listdir(_TASKS)}


def _socket_to(endpoint: Endpoint) -> socket.socket:
    for found in own_sockets():
        with suppress(OSError):  # it is not connected
            if found.getpeername() == (endpoint.host, endpoint.port):
                return found
        found.close()
    raise RpcFailed(f"llama.cpp holds no connection to {endpoint.node} at {endpoint}")
