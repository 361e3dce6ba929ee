"""Snapshot files: whole or not there, readable again, and refused with a reason otherwise."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import orjson
import pytest

from sparktop.model.events import Status
from sparktop.model.schema import snapshot_schema
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.report import Format, Lang, render
from sparktop.store.glance import is_finished
from sparktop.store.names import journal_path, new_run_id, snapshot_path
from sparktop.store.snapshots import BadSnapshot, read_snapshot, write_snapshot
from tests.model.synthetic import Request, Run, sample

RUN = Run(
    requests=[Request(chunks=[(1.2, 1, "想"), (1.3, 2, "答\x1b[31m")], reasoning=1)],
    samples=[sample(0.5, memory_used=1.0)],
)
SNAPSHOT = take_snapshot(fold(RUN.events()))
WHEN = datetime(2026, 11, 23, 7, 15, 4, tzinfo=UTC)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "a.json"
    write_snapshot(SNAPSHOT, path)
    assert read_snapshot(path) == SNAPSHOT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]


def test_text_that_json_cannot_hold_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_snapshot(replace(SNAPSHOT, id="a\udcff"), path)
    found = read_snapshot(path)
    assert found.id == "a\ufffd"
    assert replace(found, id=SNAPSHOT.id) == SNAPSHOT


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.mkdir()
    (path / "old").write_text("kept")
    with pytest.raises(OSError, match="directory"):
        write_snapshot(SNAPSHOT, path)
    assert (path / "old").read_text() == "kept"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"], "no temporary file stays behind"


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="exists"):
        write_snapshot(SNAPSHOT, tmp_path / "runs" / "a.json")


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_snapshot(SNAPSHOT, path)
    document = orjson.loads(path.read_bytes())
    document["weather"] = "fine"
    document["requests"][0]["mood"] = {"good": True}
    path.write_bytes(orjson.dumps(document))
    assert read_snapshot(path) == SNAPSHOT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": "sparktop.run/2"}, "written as sparktop.run/2, .* update sparktop"),
        ({"schema": "sparktop.run/0"}, "written as sparktop.run/0, .* no longer reads"),
        ({"schema": "other/1"}, 'not a snapshot of sparktop: expected "schema": "sparktop.run/1"'),
        ({"schema": "sparktop.run/x"}, "not a snapshot"),
        ({"schema": None}, "not a snapshot"),
        ({"requests": "none"}, r"damaged: .*requests"),
        ({"status": "happy"}, r"damaged, or from a newer sparktop: Invalid enum value 'happy' - at `\$.status`"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    path = tmp_path / "a.json"
    write_snapshot(SNAPSHOT, path)
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(BadSnapshot, match=rf"a\.json: {reason}"):
        read_snapshot(path)


def test_a_verdict_of_a_newer_version_is_read_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_snapshot(SNAPSHOT, path)
    document = orjson.loads(path.read_bytes())
    new = {"code": "pcie-replays", "severity": "fault", "text": "the link resent 3 %", "evidence": {}}
    document["validity"]["verdicts"].insert(0, new)
    document["validity"]["unjudged"].insert(0, {"code": "ecc-errors", "reason": "no counter"})
    document["requests"][0]["tokens"]["source"] = "told by the weather"
    path.write_bytes(orjson.dumps(document))

    found = read_snapshot(path)
    assert found.requests[0].tokens.source == "told by the weather"
    assert (found.validity.verdicts[0].code, found.validity.unjudged[0].code) == ("pcie-replays", "ecc-errors")
    jsonschema.validate(document, snapshot_schema())
    write_snapshot(found, path)
    assert orjson.loads(path.read_bytes()) == document
    text = render([found], Format.MD, Lang.ZH)
    assert "错误 · pcie-replays：the link resent 3 %" in text
    assert found.validity.valid
    assert "无效：不要引用这些数字。" in text
    assert "- ecc-errors：no counter" in text


@pytest.mark.parametrize("code", ["\x1b[2J", "<b>", "", "A", "x" * 61, 7])
def test_a_verdict_whose_name_is_none_is_refused(tmp_path: Path, code: object) -> None:
    path = tmp_path / "a.json"
    write_snapshot(SNAPSHOT, path)
    document = orjson.loads(path.read_bytes())
    document["validity"]["unjudged"].insert(0, {"code": code, "reason": ""})
    path.write_bytes(orjson.dumps(document))
    with pytest.raises(BadSnapshot, match=r"damaged.*unjudged\[0\]\.code"):
        read_snapshot(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff"])
def test_what_is_no_document_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BadSnapshot, match="not a snapshot"):
        read_snapshot(path)


@pytest.mark.parametrize("status", Status)
def test_only_a_running_one_is_not_finished(tmp_path: Path, status: Status) -> None:
    path = tmp_path / "a.json"
    assert not is_finished(path)
    write_snapshot(replace(SNAPSHOT, status=status), path)
    assert is_finished(path) is (status is not Status.RUNNING)


def test_ids_are_unique_even_within_a_second(tmp_path: Path) -> None:
    runs = tmp_path / "share" / "runs"
    names = [new_run_id(runs, "sutra-qa", WHEN) for _ in range(3)]
    assert names == [
        "2026-11-23T07-15-04-sutra-qa",
        "2026-11-23T07-15-04-sutra-qa-2",
        "2026-11-23T07-15-04-sutra-qa-3",
    ]
    assert all(journal_path(runs, name).stat().st_size == 0 for name in names)
    assert stat.S_IMODE(journal_path(runs, names[0]).stat().st_mode) == 0o600
    assert stat.S_IMODE(runs.stat().st_mode) == 0o700


def test_an_id_whose_snapshot_alone_was_kept_is_taken(tmp_path: Path) -> None:
    snapshot_path(tmp_path, "2026-11-23T07-15-04-smoke").write_text("{}")
    assert new_run_id(tmp_path, "smoke", WHEN) == "2026-11-23T07-15-04-smoke-2"


def test_a_folder_that_cannot_be_made_still_gives_a_name(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    assert new_run_id(tmp_path / "runs", "smoke", WHEN) == "2026-11-23T07-15-04-smoke"
    assert new_run_id(tmp_path / "runs" / "deeper", "smoke", WHEN) == "2026-11-23T07-15-04-smoke"
    assert os.listdir(tmp_path) == ["runs"]
