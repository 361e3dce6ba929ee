"""What a run will do, before it does anything."""

from __future__ import annotations

from dataclasses import dataclass

from sparktop.model.records import Contender, Options
from sparktop.model.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario for some contenders.

    Attributes:
        scenario: With the options already applied to it.
        contenders: In the order they run.
    """

    scenario: Scenario
    contenders: tuple[Contender, ...]
    options: Options


def make_plan(scenario: Scenario, contenders: tuple[Contender, ...], options: Options) -> Plan:
    """Applies the person's options (limit, max_tokens, seed) to the scenario."""
    raise NotImplementedError
