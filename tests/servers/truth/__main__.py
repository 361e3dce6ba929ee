"""Serves until SIGTERM, or until a pipe that is its standard input ends: it never outlives the test that started it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import socket
import ssl
import stat
import sys
from pathlib import Path

from tests.servers.truth.loop import precise_loop
from tests.servers.truth.options import Options
from tests.servers.truth.server import TruthServer

CERTIFICATE = Path(__file__).parent.parent / "self-signed.pem"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.truth", description="A server of known truth.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--options", default="", help='such as "mode=role,crlf&ttft=0.2": what every request gets')
    parser.add_argument("--model", action="append", help='a model that it has, "truth" if none is given')
    parser.add_argument("--tls", action="store_true", help="self-signed; times are less exact")
    parser.add_argument("--first", action="store_true", help="go before other processes (SCHED_FIFO), where allowed")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: None if os.read(0, 1024) else stop.set())
    listener = socket.create_server(("127.0.0.1", 0 if arguments.tls else arguments.port), backlog=512)
    listener.setblocking(False)
    server = TruthServer(Options().changed(arguments.options), arguments.model or ["truth"])
    serving = loop.create_task(server.serve(listener))
    scheme, port = "http", listener.getsockname()[1]
    if arguments.tls:
        scheme, port = "https", await _encrypt(arguments.port, port)
    print(json.dumps({"port": port, "url": f"{scheme}://127.0.0.1:{port}"}), flush=True)
    # Nothing here makes cycles worth a pause.
    gc.collect()
    gc.disable()
    ended = loop.create_task(stop.wait())
    await asyncio.wait((ended, serving), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()


async def _encrypt(port: int, behind: int) -> int:
    """Puts TLS in front of a plain port; returns where."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", behind)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    server = await asyncio.start_server(join, "127.0.0.1", port, ssl=context)
    return int(server.sockets[0].getsockname()[1])


def main() -> None:
    """Runs the server."""
    arguments = _arguments()
    if arguments.first:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            print("not allowed to go before other processes", file=sys.stderr)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(_serve(arguments))


if __name__ == "__main__":
    main()
