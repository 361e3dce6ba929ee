"""The servers that `sparktop monitor --engine` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sparktop.cli.console import Refused
from sparktop.telemetry.server import ServerSource
from sparktop.telemetry.server_http import Address, BadAddress


def server_sources(urls: Sequence[str], key_variable: str, environ: Mapping[str, str]) -> tuple[ServerSource, ...]:
    """Returns a source for each server.

    Args:
        urls: Where they are.
        key_variable: Name of the environment variable that holds their API key; "" for none.
        environ: Environment variables.

    Raises:
        Refused: One is no address or named twice, or the variable is not set.
    """
    key = environ.get(key_variable, "") if key_variable else ""
    if key_variable and not key:
        raise Refused(f"--api-key-env names {key_variable}, which is not set; export it first")
    if not (key.isascii() and key.isprintable()):
        raise Refused(f"the key in {key_variable} has characters that can't be sent")
    try:
        addresses = [Address.of(url) for url in urls]
    except BadAddress as error:
        raise Refused(f"--engine: {error}") from error
    named = [address.name for address in addresses]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise Refused(f"--engine names {twice} twice; give it once")
    return tuple(ServerSource(address, key=key) for address in addresses)
