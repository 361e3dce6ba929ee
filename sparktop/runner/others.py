"""Machines elsewhere that the runs of a program may use, one run after another."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from sparktop.model.records import Contender
from sparktop.nodes.fit import Fit
from sparktop.nodes.protocol import ModelFile
from sparktop.nodes.remote import RemoteNode
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import Plan
from sparktop.runner.sums import Sums

_POLL_S: Final = 0.05


class Others:
    """Keeps a connection to each of them to ask what fits; a run has connections of its own.

    Args:
        nodes: They are connected to, and each has a name of its own.
    """

    def __init__(self, nodes: Sequence[RemoteNode] = ()) -> None:
        self._nodes = tuple(nodes)
        self._asked = Fleet(nodes)
        self._asked.start(lambda event: None, time.monotonic())

    def __contains__(self, name: str) -> bool:
        return name in self._asked

    @property
    def models(self) -> Mapping[str, Sequence[ModelFile]]:
        """What each of them can load."""
        return {node.name: node.hello.models for node in self._nodes if node.hello is not None}

    def contenders(self) -> tuple[Contender, ...]:
        """All that they can load, as contenders; their names tell where they are."""
        return tuple(
            contender
            for node, models in self.models.items()
            if models
            for contender in resolve_contenders([f"{one.name}@{node}" for one in models], elsewhere=self.models)
        )

    def nodes(self) -> list[RemoteNode]:
        """Returns them once more, not connected to."""
        return [node.again() for node in self._nodes]

    def fleet(self) -> Fleet:
        """Returns them for one run, which connects to them."""
        return Fleet(self.nodes())

    def fits(self, plan: Plan, contender: Contender) -> Fit:
        """Returns whether a contender fits where it is placed; takes as long as those machines take to answer."""
        sums = Sums(plan, self._asked)
        while (fit := sums.find(contender)) is None:
            time.sleep(_POLL_S)
        return fit

    def stop(self) -> None:
        """Ends the connections."""
        self._asked.stop()
