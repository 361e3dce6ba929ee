"""Running the same once more: the scenario, the contenders and the options of an earlier run."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sparktop.model.records import Contender, Node
from sparktop.runner.contenders import BadContender, is_elsewhere
from sparktop.runner.plan import Plan
from sparktop.runner.split_fit import AND
from sparktop.store.opening import load_snapshot
from sparktop.store.runs import RunEntry
from sparktop.ui.format import plural
from sparktop.ui.ports import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a repetition would be.

    Attributes:
        plan: The run.
        sentence: It in words.
        problems: Why it can't be done, a few words each; empty if it can.
    """

    plan: Plan
    sentence: str
    problems: tuple[str, ...]


def plan_again(entry: RunEntry, ports: Ports, environ: Mapping[str, str] = os.environ) -> Again:
    """Returns the repetition of a run; reads files, so it is called in a thread.

    Raises:
        BadRun: The run can't be read.
    """
    snapshot = load_snapshot(entry)
    contenders: list[Contender] = []
    problems: list[str] = []
    for record in snapshot.contenders:
        try:
            contenders.append(_find(record.contender, snapshot.nodes, ports, environ))
        except BadContender as error:
            contenders.append(record.contender)
            problems.append(str(error))
    # The scenario is that of the snapshot, to which the options were applied: applying them again changes nothing.
    plan = ports.plan(snapshot.scenario, tuple(contenders), snapshot.options)
    together = ", all at once" if snapshot.options.together and len(contenders) > 1 else ""
    sentence = f"{snapshot.scenario.title}: {plural(plan.planned, 'request')} to {_names(contenders)}{together}."
    return Again(plan=plan, sentence=sentence, problems=tuple(problems))


def _find(contender: Contender, nodes: tuple[Node, ...], ports: Ports, environ: Mapping[str, str]) -> Contender:
    """Returns a contender as it is now; whoever is not on this machine is taken as it was.

    Raises:
        BadContender: Its model or its key is gone.
    """
    if contender.url:
        if contender.key_env and not environ.get(contender.key_env):
            raise BadContender(f"{contender.name} needs the key in {contender.key_env}, which is not set")
        return contender
    machines = contender.node.split(AND)
    if is_elsewhere(contender) or len(machines) > 1:
        connected = {platform.node(), *(one.node for one in ports.machines.contenders())}
        away = [machine for machine in machines if machine not in connected]
        if away:
            where = f"connect to {' and '.join(away)} first, in the menu or with --node"
            raise BadContender(f"{contender.name} ran on {contender.node}: {where}")
        return contender
    if contender.toy:
        found = next((one for one in ports.demos() if one.name == contender.name), None)
        if found is None:
            raise BadContender(f"{contender.name} no longer comes with sparktop")
        return found
    if contender.node != platform.node() and not Path(contender.model).exists():
        return contender
    return replace(ports.resolve(contender.model), name=contender.name)


def _names(contenders: list[Contender]) -> str:
    names = [contender.name for contender in contenders]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
