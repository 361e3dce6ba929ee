"""`sparktop run`, and `sparktop` alone: on the screen where there is one, else headless."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.left import tell
from sparktop.cli.library import library, places
from sparktop.cli.machines import in_menu, machines
from sparktop.cli.target import Target
from sparktop.model.events import Status
from sparktop.model.records import Options
from sparktop.model.text import one_line
from sparktop.runner.contenders import BadContender, resolve_contenders
from sparktop.runner.plan import Plan, make_plan
from sparktop.scenarios.fields import BadScenario

if TYPE_CHECKING:
    from sparktop.headless.drive import Drive
    from sparktop.nodes.remote import RemoteNode

DEFAULT_SCENARIO: Final = "sutra-qa"
"""What runs where there is neither a terminal nor a wish."""


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Runs the scenario that was asked for.

    Raises:
        Refused: An option, the scenario or a contender can't be used.
    """
    target = Target.of(arguments.out, arguments.json)
    options = Options(
        limit=arguments.limit,
        max_tokens=arguments.max_tokens,
        seed=arguments.seed,
        together=arguments.together,
        reserve=arguments.reserve << 30 if arguments.reserve is not None else None,
        silence_s=arguments.silence,
        batches=arguments.batches,
        tensor_split=arguments.tensor_split,
    )
    with machines(arguments.contenders, arguments.nodes, arguments.token_file, console) as nodes:
        plan = _plan(arguments.scenario, arguments.contenders, options, console, arguments.api_key_env, nodes)
        # Who wants a document wants no screen, and a screen could not print one.
        if console.interactive and not (arguments.headless or arguments.json or arguments.out):
            return _screen(console, plan, arguments.fps, nodes)
        return _headless(plan, target, console, nodes)


def execute_bare(arguments: argparse.Namespace, console: Console) -> int:
    """Opens the screen; without a terminal, runs the default scenario with the demo models.

    Raises:
        Refused: Something that it needs is not there.
    """
    with machines((), arguments.nodes, arguments.token_file, console) as nodes:
        if console.interactive:
            return _screen(console, None, arguments.fps, nodes)
        plan = _plan(DEFAULT_SCENARIO, [], Options(), console)
        return _headless(plan, Target(None, stdout=False), console, nodes)


def _plan(
    scenario: str,
    contenders: list[str],
    options: Options,
    console: Console,
    key_env: str = "",
    nodes: Sequence[RemoteNode] = (),
) -> Plan:
    try:
        elsewhere = {node.name: node.hello.models for node in nodes if node.hello is not None}
        config = places(console).config_file
        found = resolve_contenders(contenders, key_env, console.environ, config, elsewhere)
        return make_plan(library(console).get(scenario), found, options)
    except (BadScenario, BadContender) as error:
        raise Refused(str(error)) from error


def _screen(console: Console, plan: Plan | None, fps: int, nodes: Sequence[RemoteNode] = ()) -> int:
    from sparktop.ui.app import run

    with in_menu(console, nodes, begin=True) as (others, problem):
        left = run(library(console), places(console), plan=plan, fps=fps, others=others, problem=problem)
        return tell(left, console)


def _headless(plan: Plan, target: Target, console: Console, nodes: Sequence[RemoteNode] = ()) -> int:
    from sparktop.cli.driven import let_go, signalled
    from sparktop.headless.run import run_headless

    _complete_interrupted(console)
    done = run_headless(plan, places(console), console.err, console.environ, nodes)
    let_go(done, console)
    kept = _show(done, target, console)
    for problem in done.outcome.problems if done.outcome else ():
        console.note(f"sparktop: {one_line(problem)}")
    if (code := signalled(done)) is not None:
        return code
    if done.state.status is Status.CANCELLED:
        return Exit.INTERRUPTED
    if done.state.unreachable:
        return Exit.UNREACHABLE
    return Exit.OK if kept and done.state.status is Status.COMPLETED and done.state.all_answered else Exit.FAILED


def _complete_interrupted(console: Console) -> None:
    from sparktop.store.recovery import recover

    try:
        found = recover(places(console).runs)
    except OSError:
        return  # the run that follows says what is wrong with the folder
    for run in found:
        sentence = run.problem or f"the run {run.id} had been interrupted; its snapshot is complete now: {run.snapshot}"
        console.note(f"sparktop: {one_line(sentence)}")


def _show(done: Drive, target: Target, console: Console) -> bool:
    """Prints the run and writes it where it was asked for; returns whether it is kept anywhere."""
    from sparktop.headless.results import results
    from sparktop.model.snapshot import take_snapshot
    from sparktop.store.snapshots import encode_snapshot

    if done.state.started is None:
        return False
    snapshot = take_snapshot(done.state)
    path = done.outcome.snapshot if done.outcome else None
    # The very bytes that were kept, where they were.
    document = path.read_bytes() if path else encode_snapshot(snapshot)
    kept = target.path is not None or target.stdout or path is not None
    try:
        target.write(document)
    except OSError as error:
        console.note(f"sparktop: {one_line(str(target.path))} can't be written: {error.strerror or error}")
        kept = False
    console.say(document.decode().rstrip("\n") if target.stdout else "\n".join(results(snapshot, path)))
    return kept
