"""What a run's contenders need of memory, held against what the machines have that they are placed on."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from sparktop.model.records import Contender
from sparktop.nodes.fit import Fit
from sparktop.runner.fit import assess, refused_everywhere
from sparktop.runner.fleet import Fleet
from sparktop.runner.plan import Plan
from sparktop.runner.split_fit import SplitFit, is_split


class Sums:
    """The sums of memory of one plan. Other machines do their own, and have to be asked.

    Args:
        plan: What is to run.
        fleet: The other machines.
        proc: Folder of this machine's kernel files.
    """

    def __init__(self, plan: Plan, fleet: Fleet, proc: Path = Path("/proc")) -> None:
        self._plan = plan
        self._fleet = fleet
        self._proc = proc
        self._asked: dict[str, Future[Fit]] = {}
        self._split: dict[str, SplitFit] = {}
        self._promised: dict[str, int] = {}

    def find(self, contender: Contender) -> Fit | None:
        """Returns a contender's sum as if it were alone; None until everybody has answered who was asked."""
        elsewhere = contender.node in self._fleet
        if contender.url or not (elsewhere or is_split(contender)):
            return assess(self._plan, contender, self._proc)
        if (refused := refused_everywhere(self._plan)) is not None:
            return refused
        return self._find_split(contender) if is_split(contender) else self._find_elsewhere(contender)

    def load(self, contender: Contender) -> Fit | None:
        """Returns the sum of a contender that loads now, less what those need that load beside it.

        None until everybody has answered who was asked; once there is a sum, it is not asked for again.
        """
        fit = self.find(contender)
        if fit is None or not self._plan.options.together:
            return fit
        if (promised := self._promised.get(contender.node)) and fit.allocatable is not None:
            rule = f"{fit.rule}, less what the contenders beside it need"
            fit = replace(fit, allocatable=max(0, fit.allocatable - promised), rule=rule)
        if fit.ok:
            self._promised[contender.node] = self._promised.get(contender.node, 0) + fit.need
        return fit

    def shares(self, contender: str) -> tuple[float, ...]:
        """Returns how a split contender is shared out, by its name; to be asked once there is a sum."""
        return self._split[contender].shares()

    def _find_elsewhere(self, contender: Contender) -> Fit | None:
        if (asked := self._asked.get(contender.name)) is None:
            asked = self._fleet.fits(contender.node, contender.model, self._plan.room(), self._plan.options.reserve)
            self._asked[contender.name] = asked
        return asked.result() if asked.done() else None

    def _find_split(self, contender: Contender) -> Fit | None:
        if (asked := self._split.get(contender.name)) is None:
            options = self._plan.options
            asked = SplitFit(
                contender, self._plan.room(), options.reserve, options.tensor_split, self._fleet, self._proc
            )
            self._split[contender.name] = asked
        return asked.result()
