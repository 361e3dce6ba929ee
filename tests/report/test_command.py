"""`sparktop report` as people call it."""

from __future__ import annotations

import csv
import io
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.model.codec import encode
from sparktop.model.events import RunEnded, Status
from sparktop.store.snapshots import encode_snapshot, write_snapshot
from tests.cli.conftest import Sparktop
from tests.model.synthetic import Request, Run
from tests.report.seeds import BIG, batch_run, general_run, sutra_run


@pytest.fixture
def runs(environ: dict[str, str]) -> Path:
    """The person's runs: three of them."""
    folder = Path(environ["HOME"]) / ".local/share/sparktop/runs"
    for run in (sutra_run(), general_run(), batch_run()):
        write_snapshot(run, folder / f"{run.id}.json")
    return folder


def test_a_real_run_becomes_a_page_in_chinese_and_a_table(sparktop: Sparktop, tmp_path: Path) -> None:
    assert sparktop("run", "smoke", "--headless").returncode == 0

    written = sparktop("report", "last", "--lang", "zh", "--out", "报告.html")
    assert (written.returncode, written.stdout) == (0, "")
    assert written.stderr == "report: 报告.html\n"
    page = (tmp_path / "报告.html").read_text(encoding="utf-8")
    assert page.startswith('<!DOCTYPE html>\n<html lang="zh-CN">')
    assert "demo-sutra（玩具）" in page

    printed = sparktop("report", "last", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(printed.stdout)))
    assert {row["contender"] for row in rows} == {"demo-base", "demo-sutra"}
    assert all(float(row["decode, tok/s"]) > 0 for row in rows)


def test_several_runs_and_the_format_by_the_ending(sparktop: Sparktop, runs: Path, tmp_path: Path) -> None:
    # The beginning of a name, a whole one, a path; and one of them twice.
    words = ("2026-02-09T09-00-00-s", "2026-02-09T09-00-00-general", str(runs / "2026-02-09T09-00-00-batch-sweep.json"))
    done = sparktop("report", *words, words[1], "--out", "all.json", LC_ALL="zh_CN.UTF-8")

    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "all.json").read_bytes())
    assert report["language"] == "zh"
    assert report["runs"] == [one.id for one in (sutra_run(), general_run(), batch_run())]
    assert stat.S_IMODE((tmp_path / "all.json").stat().st_mode) == 0o600


def test_the_published_evaluation_stands_beside_a_run_of_its_models(sparktop: Sparktop, runs: Path) -> None:
    done = sparktop("report", "2026-02-09T09-00-00-sutra-qa")

    assert "DGX Spark 72B vs 32B 模型推理评估报告" in done.stdout
    assert f"| {BIG} | Qwen2.5-72B-Instruct (72B 基座)" in done.stdout


def test_a_run_that_broke_off_is_reported_from_its_journal(sparktop: Sparktop, runs: Path) -> None:
    run = Run(requests=(Request(item="Q1"), Request(item="Q2", sent=None, chunks=(), finish=None)), id="broken-off")
    events = [event for event in run.events() if not isinstance(event, RunEnded)]
    (runs / "broken-off.jsonl").write_bytes(b"".join(encode(event) + b"\n" for event in events))

    done = sparktop("report", "broken-off")
    assert done.returncode == 0, done.stderr
    assert "NOT VALID" in done.stdout
    assert "INTERRUPTED" in done.stdout


def test_a_journal_that_was_edited_or_is_of_a_newer_version_says_what_was_not_read(
    sparktop: Sparktop, runs: Path
) -> None:
    lines = [encode(event) + b"\n" for event in Run(requests=(Request(item="Q1"),), id="strange").events()]
    lines[3:3] = [b'{"event":"quantum-jump","t":1.0}\n', b"edited by hand\n"]
    (runs / "strange.jsonl").write_bytes(b"".join(lines))

    done = sparktop("report", "strange", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert '日志有一部分无法读取：第 4 行及另外 1 行：unknown event "quantum-jump"' in done.stdout


def test_what_is_refused_is_refused_with_its_reason(sparktop: Sparktop, runs: Path, tmp_path: Path) -> None:
    newer = runs / "newer.json"
    newer.write_bytes(encode_snapshot(general_run()).replace(b"sparktop.run/1", b"sparktop.run/2"))
    older = runs / "older.json"
    older.write_bytes(encode_snapshot(general_run()).replace(b"sparktop.run/1", b"sparktop.run/0"))
    torn = runs / "torn.json"
    torn.write_bytes(encode_snapshot(general_run())[:5000])
    edited = runs / "edited.json"
    first, *others = general_run().requests
    write_snapshot(replace(general_run(), requests=(replace(first, contender="nobody"), *others)), edited)
    twin = runs / "twin.json"
    write_snapshot(replace(general_run(), status=Status.CANCELLED), twin)

    for words, reason in (
        (["nothing"], 'no run is called "nothing" or begins so'),
        (["2026-02-09"], "is the beginning of 3 runs"),
        (["newer"], "written as sparktop.run/2, and this sparktop reads sparktop.run/1: update sparktop to read it"),
        (["older"], "written as sparktop.run/0, and this sparktop reads sparktop.run/1: this version no longer reads"),
        (["torn"], "torn.json: damaged"),
        (["edited"], "is damaged or was edited: request 0 is of a contender that did not take part"),
        (["2026-02-09T09-00-00-general", "twin"], "two of these runs have the id"),
        (["last", "--out", "nowhere/report.md"], "there is no folder"),
        (["last", "--lang", "fr"], "invalid choice: 'fr'"),
        ([], "the following arguments are required: RUN"),
    ):
        done = sparktop("report", *words)
        assert done.returncode == 2, words
        assert done.stdout == ""
        assert done.stderr.startswith("sparktop: ")
        assert done.stderr.count("\n") == 1
        assert reason in done.stderr, (words, done.stderr)
    assert not (tmp_path / "nowhere").exists()
