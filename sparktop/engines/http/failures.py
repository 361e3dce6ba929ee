"""What can go wrong with a server, in one sentence each."""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from sparktop.engines.http.chunks import complaint
from sparktop.model.text import one_line

_LONGEST: Final = 300


class RequestLost(Exception):
    """A request failed; the message is one sentence for the person."""


class Dropped(RequestLost):
    """The server closed the connection before it said anything."""


class NotHttp(RequestLost):
    """What answers speaks something else."""


class Unreachable(RequestLost):
    """Nothing that could be talked to answers at the server's address."""


def explain(error: Exception, where: str) -> RequestLost:
    """Returns what happened to a request.

    Args:
        error: From aiohttp, or a timeout.
        where: The server's address, for people.
    """
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Unreachable(
                f"the TLS certificate of {where} is not trusted ({_verification(error)}):"
                " SSL_CERT_FILE can name a file with the certificate of its authority"
            )
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(f"{where} can't be reached: no host of that name is known")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Unreachable(f"{where} does not speak TLS: is it http:// instead of https://?")
        case aiohttp.ClientConnectorError():
            return Unreachable(f"{where} can't be reached: {_refusal(error.os_error)}")
        case aiohttp.ServerTimeoutError() | TimeoutError() | asyncio.TimeoutError():
            # A server without TLS takes its beginning for a line that is not whole yet, and waits.
            hint = ": does it speak TLS, or is it http:// instead of https://?" if where.startswith("https:") else ""
            return Unreachable(f"{where} did not answer in time{hint}")
        case aiohttp.ServerDisconnectedError() | ConnectionResetError():
            return Dropped(f"{where} cut the connection")
        case aiohttp.ClientPayloadError() | OSError():
            return RequestLost(f"{where} cut the connection")
        case aiohttp.ClientResponseError():
            return NotHttp(f"what {where} sends is not HTTP ({tidy(error.message)})")
    return RequestLost(f"the request to {where} failed: {tidy(str(error)) or type(error).__name__}")


def refused(status: int, kind: str, body: bytes, where: str) -> RequestLost:
    """Returns what a server's refusal of a request means.

    Args:
        status: HTTP status, other than 200.
        kind: Its content type.
        body: Beginning of what it sent.
    """
    if is_page(kind, body):
        said = "with a web page: is this the address of its API?"
        return RequestLost(f"{where} answers {'' if status == 200 else f'HTTP {status} '}{said}")
    try:
        said = complaint(json.loads(body))
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace")
    because = f": {tidy(said)}" if said.strip() else ""
    match status:
        case 401 | 403:
            return RequestLost(f"{where} wants an API key, or another one (HTTP {status}; see --api-key-env){because}")
        case 429:
            return RequestLost(f"{where} takes no more requests for now (HTTP 429){because}")
        case 400 | 404 | 413 | 422:
            return RequestLost(f"{where} refuses the request (HTTP {status}){because}")
    return RequestLost(f"{where} failed (HTTP {status}){because}")


def wants_tls(status: int, body: bytes) -> bool:
    """Whether a refusal says that TLS is spoken there: nginx, Go and OpenSSL's servers name HTTPS in it."""
    return status == 400 and b"https" in body[:_LONGEST].lower()


def redirected(location: str, where: str) -> RequestLost:
    """Returns what a redirect means: it is not followed, as another server would be measured than was named."""
    try:
        parts = urlsplit(location)
        target = (
            f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.port else f"{parts.scheme}://{parts.hostname}"
        )
        target = (target if parts.hostname else "") + parts.path
    except ValueError:
        target = ""
    return RequestLost(f"{where} redirects to {tidy(target) or 'nowhere'}: name that address if it is the right one")


def is_page(kind: str, body: bytes) -> bool:
    """Whether an answer is a web page."""
    return "html" in kind.lower() or body.lstrip()[:1] == b"<"


def tidy(text: str) -> str:
    """Returns a server's words as one short line."""
    line = " ".join(one_line(text).split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."


def _verification(error: aiohttp.ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    return tidy(getattr(cause, "verify_message", "") or str(cause))


def _refusal(error: OSError) -> str:
    match error.errno:
        case errno.ECONNREFUSED:
            return "the connection is refused; is the server running, and on that port?"
        case errno.EHOSTUNREACH | errno.ENETUNREACH:
            return "there is no way to that host"
        case errno.ETIMEDOUT:
            return "it does not answer"
    return tidy(error.strerror or str(error))
