"""Machines that announce themselves in the local network by mDNS, as the avahi that runs here knows them.

avahi-browse(1) asks the daemon; a machine that announces `_sparktop._tcp` runs an agent that listens on the network,
one that announces `_ssh._tcp` may be reached over ssh. Anybody in the network can announce anything: what is found is
shown, and never connected to without being asked.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final
from xml.sax.saxutils import escape

from sparktop.model.text import one_line

AGENT: Final = "_sparktop._tcp"
SSH: Final = "_ssh._tcp"

TIMEOUT_S: Final = 4.0
"""avahi-browse ends by itself, after a second as a rule; a service that does not resolve takes it five."""

_MOST_BYTES: Final = 1 << 18
_MOST: Final = 32
_FIELDS: Final = 10
_ESCAPED: Final = re.compile(rb"\\(\d{3}|.)")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")

_SERVICE: Final = """\
<?xml version="1.0" standalone='no'?>
<!-- Save as /etc/avahi/services/sparktop.service: avahi-daemon then announces this node, and "sparktop nodes" on other
     machines of the network finds it. -->
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name{wildcards}>{name}</name>
  <service protocol="{protocol}">
    <type>{type}</type>
    <port>{port}</port>
    <txt-record>tls={tls}</txt-record>
  </service>
</service-group>
"""


class NotAsked(Exception):
    """The network could not be asked; the message is why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A machine that announced itself.

    Attributes:
        name: What it calls the service; any text, made safe.
        kind: `AGENT` or `SSH`.
        host: Its name in the network ("spark-2.local").
        address: Its IP address.
        port: TCP port.
        tls: Whether an agent says that it serves TLS.
    """

    name: str
    kind: str
    host: str
    address: str
    port: int
    tls: bool = False

    @property
    def url(self) -> str:
        """Where an agent is connected to."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'wss' if self.tls else 'ws'}://{host}:{self.port}"


def announced(environ: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> tuple[Announced, ...]:
    """Returns who announces an agent or ssh in the network, agents first; this machine's own are left out.

    Args:
        environ: The environment that is meant.
        timeout_s: Most seconds that it may take; what came until then counts.

    Raises:
        NotAsked: There is no avahi here, or it does not answer.
    """
    program = shutil.which("avahi-browse", path=environ.get("PATH"))
    if program is None:
        raise NotAsked("avahi-browse is not installed (Debian and Ubuntu: avahi-utils)")
    deadline = time.monotonic() + timeout_s
    # Files and not pipes: what came in time is there even where the program has to be ended.
    with tempfile.TemporaryFile() as agents, tempfile.TemporaryFile() as hosts, tempfile.TemporaryFile() as errors:
        asked = [_ask(program, kind, out, errors, environ) for kind, out in ((AGENT, agents), (SSH, hosts))]
        in_time = [_ended(one, deadline) for one in asked]
        texts = [_read(agents), _read(hosts)]
        problem = one_line(_read(errors).decode("utf-8", "replace").strip().partition("\n")[0])[:200]
    if not any(texts) and any(one.returncode != 0 for one in asked):
        why = problem if all(in_time) else f"no answer within {timeout_s:g} s"
        raise NotAsked(f"avahi does not answer ({why or 'no reason given'}): is avahi-daemon running?")
    return tuple(_distinct(one for text in texts for one in parse(text)))[:_MOST]


def parse(text: bytes) -> Iterator[Announced]:
    """Yields what `avahi-browse --parsable --resolve` printed, as far as it makes sense.

    Args:
        text: Its standard output: fields apart by ";", where letters beyond the usual are a backslash and three decimal
            digits for each byte.
    """
    for line in text.split(b"\n"):
        fields = line.split(b";", _FIELDS - 1)
        # "=" is a service that was resolved; "+" and "-" only say that one came or went.
        if len(fields) < _FIELDS - 1 or fields[0] != b"=":
            continue
        name, kind, host, address, port = (_text(fields[number]) for number in (3, 4, 6, 7, 8))
        if kind not in (AGENT, SSH) or not _HOST.fullmatch(host) or not re.fullmatch(r"[0-9]{1,5}", port):
            continue
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            continue
        # An address of IPv6 for one link says nothing without that link.
        if (found.is_link_local and found.version == 6) or found.is_multicast or not 0 < int(port) < 1 << 16:
            continue
        records = fields[_FIELDS - 1] if len(fields) == _FIELDS else b""
        yield Announced(
            name=one_line(name)[:80],
            kind=kind,
            host=host,
            address=str(found),
            port=int(port),
            tls=b'"tls=1"' in records,
        )


def service_file(name: str, address: str, port: int, *, tls: bool) -> str:
    """Returns the file by which avahi-daemon announces an agent of this machine (avahi.service(5)).

    Args:
        name: What the node calls itself; empty for the name of the host.
        address: Where it listens.
        port: Its port.
        tls: Whether it serves TLS.
    """
    return _SERVICE.format(
        wildcards="" if name else ' replace-wildcards="yes"',
        name=escape(name) or "%h",
        protocol="ipv6" if ":" in address else "ipv4",
        type=AGENT,
        port=port,
        tls=int(tls),
    )


def _ask(
    program: str, kind: str, out: IO[bytes], errors: IO[bytes], environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [program, "--terminate", "--resolve", "--parsable", "--no-db-lookup", "--ignore-local", kind],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=errors,
    )


def _ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Waits for a process and ends it where it takes too long; returns whether it ended by itself."""
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    except BaseException:
        process.kill()
        process.wait()
        raise
    return True


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(_MOST_BYTES)


def _text(field: bytes) -> str:
    def byte(found: re.Match[bytes]) -> bytes:
        code = found.group(1)
        return bytes([int(code) & 0xFF]) if len(code) == 3 else code

    return _ESCAPED.sub(byte, field).decode("utf-8", "replace")


def _distinct(those: Iterator[Announced]) -> Iterator[Announced]:
    """One for each service of each host: a machine announces itself on every interface, by IPv4 if it can."""
    best: dict[tuple[str, str, int], Announced] = {}
    for one in those:
        key = (one.kind, one.host.casefold(), one.port)
        if key not in best or (":" in best[key].address and ":" not in one.address):
            best[key] = one
    agents = {one.host.casefold() for one in best.values() if one.kind == AGENT}
    # Whoever runs an agent that listens need not be named once more for its ssh.
    yield from (one for one in best.values() if one.kind == AGENT or one.host.casefold() not in agents)
