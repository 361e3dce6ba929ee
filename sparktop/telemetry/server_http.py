"""Asking a server that nobody vouches for: nothing it does takes long or fills the memory."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sparktop.model.text import one_line
from sparktop.telemetry.reading import Unreadable

TIMEOUT_S: Final = 2.0
MOST_BYTES: Final = 4 << 20
"""vLLM's page is of 300 KB where it serves several models and adapters."""

_HOST_AND_PORT: Final = re.compile(r"[\w.-]+:\d+(/.*)?")
_PORTS: Final = {"http": 80, "https": 443}
_REASON: Final = 100


class BadAddress(Exception):
    """It is no address of a server; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Attributes:
        scheme: "http" or "https".
        host: Its name or number.
        port: Its port.
        root: What stands in front of its paths; "" as a rule, and never with a "/" at its end.
    """

    scheme: str
    host: str
    port: int
    root: str

    @property
    def name(self) -> str:
        """Host and port, for people and for channels."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> Address:
        """Returns the address in a URL; "/v1" at its end and a "#model" are left out.

        Raises:
            BadAddress: It is none, or it holds a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadAddress(f"{one_line(url)} is no URL: {error}") from None
        if "://" not in url and _HOST_AND_PORT.fullmatch(url):
            raise BadAddress(f"{one_line(url)} is no URL of a server: did you mean http://{one_line(url)}?")
        if parts.scheme not in _PORTS or not parts.hostname:
            raise BadAddress(f"{one_line(url)} is no URL of a server, such as http://127.0.0.1:8000/v1")
        if parts.username is not None or parts.password is not None:
            raise BadAddress("a URL is shown and kept: leave user and password out of it")
        root = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], root)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        status: Such as 200.
        kind: Its Content-Type, without parameters.
        body: Its bytes.
    """

    status: int
    kind: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Returns the body's JSON.

        Raises:
            Unreadable: It is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreadable("the server's answer is no JSON") from None


Get = Callable[[str], Answer]
"""Asks for a path; raises `Unreadable`."""


class Web:
    """Asks one server, over one connection that stays open."""

    def __init__(
        self,
        address: Address,
        key: str = "",
        *,
        timeout_s: float = TIMEOUT_S,
        most_bytes: int = MOST_BYTES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Opens nothing yet.

        Args:
            address: Where it is.
            key: Sent as a bearer token; "" sends none.
            timeout_s: Most seconds that one answer may take from beginning to end.
            most_bytes: Longest body that is taken.
            tls: Whom to trust; None trusts whom the machine does.
        """
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout = timeout_s
        self._most = most_bytes
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        """Asks for a path. A redirect is not followed: it would lead where nobody wanted to ask.

        Raises:
            Unreadable: There is no answer, or none that can be used.
        """
        fresh = self._connection is None or self._connection.sock is None
        deadline = time.monotonic() + self._timeout
        try:
            return self._ask(path, deadline)
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            self.close()
            if fresh:
                raise Unreadable(self._reason(error)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unreadable(self._reason(error)) from None
        # It had ended the connection in the meantime, as servers do with those that idle.
        try:
            return self._ask(path, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Unreadable(self._reason(error)) from None

    def close(self) -> None:
        """Ends the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, path: str, deadline: float) -> Answer:
        connection = self._connection
        # A server that said "Connection: close" has been taken at its word.
        if connection is None or connection.sock is None:
            self._connection = connection = self._connect(deadline)
        assert isinstance(connection.sock, _Punctual)
        connection.sock.deadline = deadline
        connection.request("GET", self._address.root + path, headers=self._headers)
        with connection.getresponse() as response:
            body = response.read(self._most + 1)
            if len(body) > self._most:
                raise _TooLongError
        if 300 <= response.status < 400:
            to = one_line(response.getheader("Location", ""))[:_REASON]
            raise Unreadable(f"{self._address.name} redirects to {to or 'somewhere else'}: give its own address")
        if response.status in (401, 403):
            raise Unreadable(f"{self._address.name} wants an API key (HTTP {response.status})")
        return Answer(response.status, response.headers.get_content_type(), body)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        address = self._address
        connection = http.client.HTTPConnection(address.host, address.port)
        sock = socket.create_connection((address.host, address.port), max(0.001, deadline - time.monotonic()))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.scheme == "https":
                sock.settimeout(max(0.001, deadline - time.monotonic()))
                context = self._tls or ssl.create_default_context()
                try:
                    sock = context.wrap_socket(sock, server_hostname=address.host)
                except TimeoutError:
                    reason = f"{address.name} did not answer as TLS within {self._timeout:g} s: is it http://?"
                    raise Unreadable(reason) from None
        except BaseException:
            sock.close()
            raise
        # http.client asks of a socket no more than what this one has.
        connection.sock = _Punctual(sock)
        return connection

    def _reason(self, error: Exception) -> str:
        name = self._address.name
        match error:
            case TimeoutError():
                return f"{name} gave no answer within {self._timeout:g} s"
            case ConnectionRefusedError():
                return f"nothing answers at {name}"
            case ssl.SSLCertVerificationError():
                return f"the certificate of {name} is not to be trusted: {one_line(error.verify_message)}"
            case ssl.SSLError():
                return f"{name} does not speak TLS as it should: {error.reason}"
            case socket.gaierror():
                return f"no machine is known as {self._address.host}"
            case _TooLongError():
                return f"the answer of {name} is longer than {self._most >> 20} MiB"
            case http.client.RemoteDisconnected() | ConnectionError():
                return f"{name} ended the connection without an answer"
            case OSError():
                return f"{name} can't be asked: {error.strerror or type(error).__name__}"
        return f"{name} does not speak HTTP"


class _TooLongError(ValueError):
    pass


class _Punctual:
    """A socket that gives up at one moment, however many bytes still come.

    A timeout of the socket's own begins again with every byte.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._users = 1
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self._wait()
        self._sock.sendall(data)

    def receive(self, buffer: Any) -> int:
        self._wait()
        return self._sock.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Received(self))

    def close(self) -> None:
        """Ends the connection when the answer that is being read, if any, is closed too."""
        self._users -= 1
        if not self._users:
            self._sock.close()

    def _wait(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


class _Received(io.RawIOBase):
    def __init__(self, sock: _Punctual) -> None:
        super().__init__()
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._sock.close()
