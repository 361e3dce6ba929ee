"""`sparktop scenarios`: what can be asked."""

from __future__ import annotations

import argparse

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import library
from sparktop.headless.columns import Align, table
from sparktop.model.scenario import Kind, Scenario
from sparktop.model.text import one_line, printable
from sparktop.scenarios.fields import BadScenario


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists the scenarios or shows one.

    Raises:
        Refused: There is no such scenario, or it is broken.
    """
    try:
        match arguments.words:
            case []:
                return _list(console)
            case ["show", name]:
                console.say("\n".join(_describe(library(console).get(name))))
                return Exit.OK
            case ["show", *_]:
                raise Refused('"sparktop scenarios show" takes one scenario, such as "show sutra-qa"')
            case [word, *_]:
                raise Refused(f'"sparktop scenarios" lists them and "sparktop scenarios show {word}" shows one')
    except BadScenario as error:
        raise Refused(str(error)) from error
    raise AssertionError(arguments.words)


def _list(console: Console) -> int:
    entries = library(console).list()
    rows = [
        [
            one_line(entry.name),
            "own" if entry.own else "",
            entry.scenario.kind if entry.scenario else "broken",
            _size(entry.scenario) if entry.scenario else "",
            one_line(entry.scenario.title) if entry.scenario else "",
        ]
        for entry in entries
    ]
    console.say("\n".join(table(["NAME", "", "KIND", "SIZE", "TITLE"], [Align.LEFT] * 5, rows)))
    broken = [entry for entry in entries if entry.scenario is None]
    for entry in broken:
        console.note(f"sparktop: {one_line(entry.error)}")
    return Exit.USAGE if broken else Exit.OK


def _size(scenario: Scenario) -> str:
    match scenario.kind:
        case Kind.QUESTIONS:
            return f"{len(scenario.items)} questions"
        case Kind.BATCH:
            return f"batch {', '.join(map(str, scenario.batches))}"
        case Kind.PREFILL_DECODE:
            return f"{scenario.isl} in, {scenario.osl} out"


def _describe(scenario: Scenario) -> list[str]:
    sampling = scenario.sampling
    chosen = (
        "greedy (temperature 0)"
        if sampling.temperature == 0
        else f"temperature {sampling.temperature:g}, top-k {sampling.top_k}, top-p {sampling.top_p:g},"
        f" seed {sampling.seed}"
    )
    lines = [
        f"{one_line(scenario.name)}: {one_line(scenario.title)}",
        one_line(scenario.description),
        "",
        f"kind         {scenario.kind}, {_size(scenario)}",
        f"tokens       {chosen}; at most {sampling.max_tokens} a request"
        + (", never fewer" if sampling.ignore_eos else ""),
        f"repetitions  {scenario.repetitions}",
        f"warm-up      {scenario.warmup}",
    ]
    if scenario.kind is Kind.BATCH:
        lines.append(f"mode         {scenario.mode}")
    if scenario.system:
        lines.append(f"system       {one_line(scenario.system)}")
    for item in scenario.items:
        points = f" ({len(item.points)} points)" if item.points else ""
        lines += ["", f"{one_line(item.id)}  {one_line(item.title)}{points}"]
        if item.image is not None:
            lines.append(f"    [{one_line(item.image.name)}]")
        lines += [f"    {line}" for line in printable(item.prompt).splitlines()]
    return lines
