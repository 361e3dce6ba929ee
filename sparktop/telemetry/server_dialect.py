"""What the servers that are known have in common as they tell of themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

from sparktop.model.channels import indexed
from sparktop.model.servers import ServerKind
from sparktop.telemetry.prometheus import Page, parse
from sparktop.telemetry.reading import Gathered, Unreadable
from sparktop.telemetry.server_http import Get

COMMON: Final = (
    "generated",
    "prefilled",
    "running",
    "waiting",
    "kv_cache",
    "prefix_hits",
    "accepted",
    "accepted_length",
)
"""Quantities of every server; one that it doesn't tell has a reason."""

LOADED: Final = ("models", "memory", "memory_gpu")
"""Quantities of a server that loads and unloads models by itself."""


class Gauges:
    """The channels of one server in one reading."""

    def __init__(self, server: str, gathered: Gathered) -> None:
        """Takes the server's name in channels, and where its readings go."""
        self._server = server
        self._gathered = gathered

    def put(self, quantity: str, value: Callable[[], float]) -> None:
        """Reads one quantity, or keeps the reason why it can't be read."""
        self._gathered.put(indexed("server", self._server, quantity), value)

    def fail(self, quantities: tuple[str, ...], reason: str) -> None:
        """Gives quantities the same reason."""
        self._gathered.fail((indexed("server", self._server, quantity) for quantity in quantities), reason)


class Dialect(Protocol):
    """How one kind of server tells of itself; it remembers what rates are counted from."""

    @property
    def kind(self) -> ServerKind:
        """Whose it is."""
        ...

    @property
    def quantities(self) -> tuple[str, ...]:
        """What there is to put, be it with a reason."""
        ...

    def read(self, get: Get, clock: Callable[[], float], gauges: Gauges) -> None:
        """Asks the server and puts every quantity.

        Args:
            get: Asks for a path.
            clock: Seconds, now.
            gauges: Where they go.

        Raises:
            Unreadable: The server can't be asked, or not in this way.
        """
        ...

    def forget(self) -> None:
        """Drops what rates are counted from."""
        ...


class PageDialect:
    """A dialect that is one Prometheus page.

    Attributes:
        wanted: Names of the metrics that are read.
        path: Where the page is.
        needed: What the server must be started with to have it; "" where it always has.
    """

    wanted: ClassVar[frozenset[str]]
    path: ClassVar[str] = "/metrics"
    needed: ClassVar[str] = ""
    quantities: ClassVar[tuple[str, ...]] = COMMON

    def read(self, get: Get, clock: Callable[[], float], gauges: Gauges) -> None:
        """See `Dialect`."""
        self.take(self.page(get), clock(), gauges)

    def page(self, get: Get) -> Page:
        """Returns the page.

        Raises:
            Unreadable: There is none.
        """
        answer = get(self.path)
        if answer.status != 200:
            hint = f"; start it with {self.needed}" if self.needed else ""
            raise Unreadable(f"the server has no metrics (GET {self.path}: HTTP {answer.status}){hint}")
        return parse(answer.text, self.wanted)

    @abstractmethod
    def take(self, page: Page, now: float, gauges: Gauges) -> None:
        """Puts every quantity of a page that was read at `now`."""
