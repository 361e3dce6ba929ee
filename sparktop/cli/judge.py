"""`sparktop judge`: a model compares the answers of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.driven import let_go, signalled
from sparktop.cli.library import places
from sparktop.cli.machines import machines
from sparktop.cli.runs import snapshot_of, the_run
from sparktop.headless.drive import Drive, Inbox, drive
from sparktop.headless.ratings import judging_lines
from sparktop.headless.run import progress_for
from sparktop.model.judging import judging_scenario, own_answers, pairings
from sparktop.model.ratings import judging
from sparktop.model.records import Contender, Options
from sparktop.model.snapshot import Snapshot
from sparktop.model.text import one_line
from sparktop.runner.contenders import BadContender, resolve_contenders
from sparktop.runner.fleet import Fleet
from sparktop.runner.judging import JudgeSession
from sparktop.runner.plan import make_plan
from sparktop.store.names import snapshot_path
from sparktop.store.rating_book import RatingBook
from sparktop.store.runs import RunEntry

if TYPE_CHECKING:
    from sparktop.nodes.remote import RemoteNode

_MOST_RUBRIC: Final = 100_000
"""Bytes of a rubric; more is some other file."""


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Asks the judge and prints what it said.

    Raises:
        Refused: There is no such run or model, nothing to compare, or the run is in use.
    """
    entry = the_run(arguments.run, console)
    if entry.running:
        raise Refused(f"{one_line(entry.id)} goes on: have its answers judged when it is over")
    snapshot = snapshot_of(entry)
    rubric = _rubric(arguments.rubric) if arguments.rubric else snapshot.scenario.judge.rubric
    pairs = pairings(snapshot.scenario, snapshot.requests, arguments.limit)
    if not pairs:
        raise Refused(
            f"{one_line(entry.id)} has no two whole answers to the same question: there is nothing to compare"
        )
    # Nobody is connected to before it is known that there is something to judge.
    with machines([arguments.judge], arguments.nodes, arguments.token_file, console) as nodes:
        judge = _judge(arguments, console, nodes)
        plan = make_plan(judging_scenario(snapshot.scenario, rubric, pairs), (judge,), Options())
        book = _book(entry)
        try:
            inbox = Inbox()
            session = JudgeSession(
                plan, pairs, rubric, book, places(console), inbox.put, fleet=Fleet(nodes), environ=console.environ
            )
            done = drive(session, inbox, progress_for(console.err, console.environ))
            let_go(done, console)
            began = book.ratings.judgings.get(session.judging)
            found = judging(book.ratings, began) if began is not None else None
        finally:
            problem = book.close()
    for sentence in (*(done.outcome.problems if done.outcome else ()), *((problem,) if problem else ())):
        console.note(f"sparktop: {one_line(sentence)}")
    if found is not None:
        console.say("\n".join([*judging_lines(found), *_own_answers(judge, snapshot)]))
    return _exit_code(done, found is not None and not found.unread and len(found.verdicts) == len(pairs))


def _exit_code(done: Drive, complete: bool) -> int:
    if (code := signalled(done)) is not None:
        return code
    if done.state.unreachable:
        return Exit.UNREACHABLE
    return Exit.OK if complete and done.outcome is not None and not done.outcome.problems else Exit.FAILED


def _judge(arguments: argparse.Namespace, console: Console, nodes: Sequence[RemoteNode]) -> Contender:
    try:
        elsewhere = {node.name: node.hello.models for node in nodes if node.hello is not None}
        config = places(console).config_file
        (judge,) = resolve_contenders([arguments.judge], arguments.api_key_env, console.environ, config, elsewhere)
    except BadContender as error:
        raise Refused(str(error)) from error
    return judge


def _rubric(name: str) -> str:
    path = Path(name)
    try:
        if not path.is_file():
            raise Refused(f"--rubric {one_line(name)} is no file")
        data = path.read_bytes()
    except OSError as error:
        raise Refused(f"--rubric {one_line(name)} can't be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise Refused(f"--rubric {one_line(name)} is no UTF-8 text") from error
    if not text or len(data) > _MOST_RUBRIC:
        raise Refused(
            f"--rubric {one_line(name)}: expected a text of at most {_MOST_RUBRIC // 1000} kB that is not empty"
        )
    return text


def _book(entry: RunEntry) -> RatingBook:
    snapshot = entry.snapshot or snapshot_path(entry.folder, entry.id)
    try:
        return RatingBook(entry.journal, snapshot)
    except BlockingIOError as error:
        raise Refused(f"another sparktop rates or judges {one_line(entry.id)}: wait until it is done") from error
    except OSError as error:
        raise Refused(f"what the judge says could not be kept: {error.strerror or error}", Exit.FAILED) from error
    except ValueError as error:
        raise Refused(str(error)) from error


def _own_answers(judge: Contender, snapshot: Snapshot) -> list[str]:
    own = own_answers(judge, (record.contender for record in snapshot.contenders))
    return [
        f"It judged answers of its own ({one_line(name)}): models tend to prefer what they wrote themselves."
        for name in own[:1]
    ]
