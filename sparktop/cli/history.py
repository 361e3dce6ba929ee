"""`sparktop history`: the runs so far, and what becomes of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sparktop.cli.arguments.history import WORDS
from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import places
from sparktop.cli.runs import the_run
from sparktop.headless.history import entry_record, history_lines, trash_lines
from sparktop.model.text import one_line
from sparktop.store.choosing import Choice, choose
from sparktop.store.runs import RunEntry, list_runs
from sparktop.store.trash import CannotMove, Trashed, list_trash, purge, restore, trash

_T = TypeVar("_T")


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Lists runs, deletes them, or brings them back.

    Raises:
        Refused: What was typed makes no sense, or there is no such run.
    """
    match arguments.words:
        case []:
            return _list(arguments, console)
        case ["trash"]:
            return _list_trash(arguments, console)
        case ["purge", *names]:
            return _purge(names, arguments, console)
        case [("delete" | "restore") as word]:
            raise Refused(f'"sparktop history {word}" needs a run: name it, or "last"')
        case ["delete", *names]:
            return _delete(names, arguments, console)
        case ["restore", *names]:
            return _restore(names, console)
        case [word, *_]:
            what = "takes no run" if word == "trash" else f"is none of {', '.join(WORDS)}"
            raise Refused(f'"{word}" {what}; "sparktop history --help" shows what can be given')
    raise AssertionError(arguments.words)


def _list(arguments: argparse.Namespace, console: Console) -> int:
    runs = places(console).runs
    entries = _listed(lambda: list_runs(runs), console)
    choice = Choice(scenario=arguments.scenario, contender=arguments.contender, since=arguments.since)
    chosen = choose(entries, choice)
    chosen = chosen[: arguments.limit] if arguments.limit else chosen
    if arguments.json:
        console.say(json.dumps([entry_record(entry) for entry in chosen], ensure_ascii=False, indent=2))
    elif chosen:
        console.say("\n".join(history_lines(chosen)))
    elif entries:
        console.note(f"none of {len(entries)} runs fits")
    else:
        console.note(f'there is no run in {one_line(str(runs))} yet: "sparktop run SCENARIO" makes one')
    if not arguments.json:
        for entry in chosen:
            if entry.problem:
                console.note(f"sparktop: {one_line(entry.problem)}")
    return Exit.OK


def _list_trash(arguments: argparse.Namespace, console: Console) -> int:
    found = _trash(console)
    if arguments.json:
        records = [{"deleted": one.deleted.isoformat(timespec="seconds"), **entry_record(one.entry)} for one in found]
        console.say(json.dumps(records, ensure_ascii=False, indent=2))
    elif found:
        console.say("\n".join(trash_lines(found)))
    else:
        console.note("the trash is empty")
    return Exit.OK


def _delete(names: Sequence[str], arguments: argparse.Namespace, console: Console) -> int:
    runs = places(console).runs
    # All are found before the first is moved: "last" means another run afterwards.
    entries = {entry.id: entry for entry in (the_run(name, console) for name in names)}
    if elsewhere := [entry for entry in entries.values() if entry.folder.resolve() != runs.resolve()]:
        raise Refused(f"{elsewhere[0].folder / elsewhere[0].id} is not in {runs}: remove it yourself")
    if not _sure([entry.id for entry in entries.values()], "Delete", arguments, console):
        return Exit.FAILED

    def move(entry: RunEntry) -> str:
        trash(entry, places(console).logs)
        return f'deleted {one_line(entry.id)}; "sparktop history restore {one_line(entry.id)}" brings it back'

    return _each(entries.values(), move, console)


def _restore(names: Sequence[str], console: Console) -> int:
    where = places(console)

    def bring(one: Trashed) -> str:
        restore(one, where.runs, where.logs)
        return f"{one_line(one.id)} is back"

    return _each(_deleted(names, console), bring, console)


def _purge(names: Sequence[str], arguments: argparse.Namespace, console: Console) -> int:
    found = _deleted(names, console) if names else _trash(console)
    if not found:
        console.note("the trash is empty")
        return Exit.OK
    if not _sure([one.id for one in found], "Remove for good", arguments, console):
        return Exit.FAILED

    def remove(one: Trashed) -> str:
        purge(one)
        return f"removed {one_line(one.id)}"

    return _each(found, remove, console)


def _deleted(names: Sequence[str], console: Console) -> list[Trashed]:
    found = _trash(console)
    chosen: list[Trashed] = []
    for name in names:
        fitting = found[:1] if name == "last" else [one for one in found if one.id == name]
        fitting = fitting or [one for one in found if name and one.id.startswith(name)]
        if not fitting:
            raise Refused(f'no deleted run is called "{name}" or begins so: "sparktop history trash" lists them')
        if len({one.id for one in fitting}) > 1:
            raise Refused(f'"{name}" is the beginning of {len(fitting)} deleted runs: type more of it')
        # Of one that was deleted several times, the newest.
        if fitting[0] not in chosen:
            chosen.append(fitting[0])
    return chosen


def _trash(console: Console) -> list[Trashed]:
    return _listed(lambda: list_trash(places(console).runs), console)


def _listed(look: Callable[[], list[_T]], console: Console) -> list[_T]:
    try:
        return look()
    except OSError as error:
        raise Refused(f"{places(console).runs} can't be read: {error.strerror or error}") from error


def _sure(ids: Sequence[str], what: str, arguments: argparse.Namespace, console: Console) -> bool:
    if arguments.yes:
        return True
    if not console.interactive:
        raise Refused("nobody can be asked here whether this is meant: say --yes")
    question = f"{what} {ids[0] if len(ids) == 1 else f'{len(ids)} runs ({ids[0]}, ...)'}? [y/N] "
    print(one_line(question), end="", file=console.err, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _each(things: Iterable[_T], do: Callable[[_T], str], console: Console) -> int:
    code = Exit.OK
    for thing in things:
        try:
            console.say(do(thing))
        except CannotMove as error:
            console.note(f"sparktop: {one_line(str(error))}")
            code = Exit.FAILED
        except OSError as error:
            what = one_line(str(error.filename or "a file"))
            console.note(f"sparktop: {what} can't be moved: {error.strerror or error}")
            code = Exit.FAILED
    return code
