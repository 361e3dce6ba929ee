"""The runs of a folder: listing them, and finding the one that is meant."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sparktop.model.events import Status
from sparktop.model.records import Contender
from sparktop.store.heads import HeadRow, read_head, read_start
from sparktop.store.journal import is_held
from sparktop.store.names import BROKEN, SUFFIXES, journal_path, run_of, snapshot_path
from sparktop.store.reading import BadJournal
from sparktop.store.snapshots import BadSnapshot

LAST: Final = "last"
"""The newest run; `last~1` is the one before it."""

_NAMED: Final = 3
"""Runs that a sentence names."""


class NoSuchRun(ValueError):
    """No run, or more than one, is called that; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """A run as a list shows it.

    Attributes:
        id: Name of its files, without their endings.
        folder: Where they are.
        snapshot: Its snapshot; None if there is none that can be read.
        journal: Its journal; None if there is none that can be read.
        bytes: Size of all its files.
        created: When it began; None if that is not known.
        scenario: Name of what was asked; empty if that is not known.
        title: The same for people.
        contenders: Names of the models.
        placed: The same, with "@" and the machine behind those that ran elsewhere.
        status: How it stands; None if that is not known.
        duration_s: How long it took, in seconds; None while that is not known.
        valid: Whether its figures can be trusted; None if nobody has judged that.
        faults: Faults that were found.
        rows: Headline figures of each contender and batch size.
        problem: What is wrong with its files, in one sentence; empty if nothing is.
    """

    id: str
    folder: Path
    snapshot: Path | None = None
    journal: Path | None = None
    bytes: int = 0
    created: datetime | None = None
    scenario: str = ""
    title: str = ""
    contenders: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    status: Status | None = None
    duration_s: float | None = None
    valid: bool | None = None
    faults: int = 0
    rows: tuple[HeadRow, ...] = ()
    problem: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is anything to open."""
        return self.snapshot is not None or self.journal is not None

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.status is Status.RUNNING

    def tok_s(self, contender: str) -> float | None:
        """Returns a contender's decode speed at its smallest batch, in tokens per second."""
        rows = sorted((row for row in self.rows if row.contender == contender), key=lambda row: row.batch)
        return rows[0].tok_s if rows else None


def list_runs(runs: Path) -> list[RunEntry]:
    """Returns every run of a folder, newest first; what can't be read is among them, with the reason.

    A file that has just been made for a run that is about to begin is left out.

    Args:
        runs: Folder of the runs; it need not exist.

    Raises:
        OSError: The folder can't be listed.
    """
    found = (_entry(runs, identity, endings) for identity, endings in _files(runs).items())
    return sorted((entry for entry in found if entry is not None), key=_age, reverse=True)


def find_run(runs: Path, word: str) -> RunEntry:
    """Returns the run that is meant.

    Args:
        runs: Folder of the runs; it need not exist.
        word: Its id, the beginning of it, `last`, `last~N`, or the path of its snapshot or journal.

    Raises:
        NoSuchRun: There is none, or the word could mean several.
        OSError: The folder can't be listed.
    """
    if "/" in word:
        return run_at(Path(word))
    files = _files(runs)
    if word in files and (entry := _entry(runs, word, files[word])):
        return entry
    if word == LAST or word.startswith(f"{LAST}~"):
        return _from_the_end(runs, word)
    if Path(word).is_file():
        return run_at(Path(word))
    if not files:
        raise NoSuchRun(f'there is no run in {runs} yet: "sparktop run SCENARIO" makes one')
    fitting = sorted(identity for identity in files if word and identity.startswith(word))
    if not fitting:
        raise NoSuchRun(f'no run is called "{word}" or begins so: "sparktop history" lists them')
    if len(fitting) > 1:
        more = ", ..." if len(fitting) > _NAMED else ""
        raise NoSuchRun(
            f'"{word}" is the beginning of {len(fitting)} runs ({", ".join(fitting[:_NAMED])}{more}): type more of it'
        )
    entry = _entry(runs, fitting[0], files[fitting[0]])
    if entry is None:
        raise NoSuchRun(f"{fitting[0]} is about to begin")
    return entry


def run_at(path: Path) -> RunEntry:
    """Returns the run of a snapshot or a journal, wherever that is.

    Raises:
        NoSuchRun: It is neither.
    """
    if not path.exists():
        raise NoSuchRun(f"{path} does not exist")
    identity = run_of(path.name)
    if identity is None or not path.is_file():
        raise NoSuchRun(f"{path} is neither a snapshot (.json) nor a journal (.jsonl) of a run")
    folder = path.resolve().parent
    endings = [ending for ending in SUFFIXES if (folder / f"{identity}{ending}").is_file()]
    entry = _entry(folder, identity, endings)
    if entry is None:
        raise NoSuchRun(f"{path} is empty")
    return entry


def _from_the_end(runs: Path, word: str) -> RunEntry:
    back = word.removeprefix(LAST).removeprefix("~") or "0"
    if not (back.isascii() and back.isdecimal()):
        raise NoSuchRun(f'"{word}" is no run: "last" is the newest, and "last~1" the one before it')
    readable = [entry for entry in list_runs(runs) if entry.readable]
    if int(back[:9]) >= len(readable):
        count = f"only {len(readable)}" if readable else "none"
        raise NoSuchRun(f'there is no run "{word}": {runs} holds {count}')
    return readable[int(back)]


def _files(runs: Path) -> dict[str, list[str]]:
    """Returns the endings of each run's files, by the run's id."""
    found: dict[str, list[str]] = {}
    try:
        with os.scandir(runs) as entries:
            # A pipe of such a name would be waited for.
            names = [entry.name for entry in entries if run_of(entry.name) is not None and entry.is_file()]
    except FileNotFoundError:
        return {}
    for name in names:
        identity = run_of(name) or ""
        found.setdefault(identity, []).append(name.removeprefix(identity))
    return found


def _entry(folder: Path, identity: str, endings: Sequence[str]) -> RunEntry | None:
    snapshot = snapshot_path(folder, identity) if ".json" in endings else None
    journal = journal_path(folder, identity) if ".jsonl" in endings else None
    entry = RunEntry(id=identity, folder=folder, bytes=_bytes(folder / f"{identity}{ending}" for ending in endings))
    problems = []
    if journal is not None and _is_empty(journal):
        if snapshot is None:
            return None
        journal = None
    if BROKEN in endings:
        problems.append(f"{identity}{BROKEN} is not a journal of sparktop")
    if snapshot is not None:
        try:
            return _of_snapshot(entry, snapshot, journal)
        except (BadSnapshot, OSError) as error:
            problems.append(_reason(error, snapshot))
    if journal is not None:
        try:
            return _of_journal(entry, journal, problems)
        except (BadJournal, OSError) as error:
            problems.append(_reason(error, journal))
    return replace(entry, problem="; ".join(problems))


def _of_snapshot(entry: RunEntry, path: Path, journal: Path | None) -> RunEntry:
    head = read_head(path)
    return replace(
        entry,
        snapshot=path,
        journal=journal,
        created=_time(head.created),
        scenario=head.scenario.name,
        title=head.scenario.title,
        contenders=tuple(ran.contender.name for ran in head.contenders),
        placed=_placed([node.name for node in head.nodes], [ran.contender for ran in head.contenders]),
        # A snapshot that was written in mid-run tells how the run stood then.
        status=_standing(journal) if head.status is Status.RUNNING else head.status,
        duration_s=head.duration_s,
        valid=head.validity.valid,
        faults=sum(verdict.severity == "fault" for verdict in head.validity.verdicts),
        rows=head.summary,
    )


def _placed(nodes: Sequence[str], contenders: Sequence[Contender]) -> tuple[str, ...]:
    """The first machine of a run is the one that it was begun on."""
    return tuple(
        one.name if one.node in ("", *nodes[:1]) or one.name.endswith(f"@{one.node}") else f"{one.name}@{one.node}"
        for one in contenders
    )


def _of_journal(entry: RunEntry, path: Path, problems: Sequence[str]) -> RunEntry:
    start = read_start(path)
    return replace(
        entry,
        journal=path,
        created=_time(start.created),
        scenario=start.scenario.name,
        title=start.scenario.title,
        contenders=tuple(contender.name for contender in start.contenders),
        placed=_placed([node.name for node in start.nodes], start.contenders),
        status=_standing(path),
        problem="; ".join(problems),
    )


def _standing(journal: Path | None) -> Status:
    try:
        return Status.RUNNING if journal is not None and is_held(journal) else Status.INTERRUPTED
    except OSError:
        return Status.INTERRUPTED


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, OSError):
        return f"{path.name} can't be read: {error.strerror or error}"
    return str(error).removeprefix(f"{path.parent}/")


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _age(entry: RunEntry) -> tuple[datetime, str]:
    if entry.created is not None:
        return entry.created, entry.id
    # What can't be read still has a name that says when it was made; the folder's clock was local time.
    try:
        return datetime.strptime(entry.id[:19], "%Y-%m-%dT%H-%M-%S").astimezone(), entry.id
    except (ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC), entry.id
