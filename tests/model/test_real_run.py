"""A run of a real model through llama.cpp: what is written down is right, and can be had again."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import orjson
import pytest

from sparktop.model.records import Options
from sparktop.model.schema import snapshot_schema
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.places import Places
from sparktop.runner.contenders import resolve_contenders
from sparktop.runner.plan import make_plan
from sparktop.runner.session import Session
from sparktop.scenarios.loader import load_scenario
from sparktop.store.names import journal_path
from sparktop.store.reading import read_journal
from sparktop.store.snapshots import encode_snapshot, read_snapshot
from tests.model.recompute import check_request, check_rooflines, check_summary, strict

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smoke", "batch-sweep"])
def test_a_real_run_can_be_computed_again(tmp_path: Path, name: str) -> None:
    places = Places.of({"HOME": str(tmp_path)})
    scenario = load_scenario(SCENARIOS / f"{name}.toml")
    plan = make_plan(scenario, resolve_contenders(["demo-base"]), Options(max_tokens=6))
    session = Session(plan, places, lambda event: None)
    session.start()
    outcome = session.wait(100)
    assert outcome is not None
    assert outcome.snapshot is not None
    assert (outcome.status, outcome.problems) == ("completed", ())

    document = orjson.loads(outcome.snapshot.read_bytes())
    jsonschema.validate(document, strict(snapshot_schema()))
    for request in document["requests"]:
        check_request(request)
    check_summary(document)
    check_rooflines(document)
    (demo,) = document["contenders"]
    assert demo["footprint"]["dense"] == demo["info"]["size"]
    assert all(row["roofline"]["bytes_per_token"] > 0 for row in document["summary"])
    phases = {phase["phase"] for phase in document["phases"]}
    assert {"load", "prefill", "decode"} <= phases
    assert ("warm-up" in phases) == bool(scenario.warmup)
    assert len(document["requests"]) + scenario.warmup * sum(scenario.batches) == plan.planned
    assert all(request["metrics"]["tpot_ms"] > 0 for request in document["requests"])
    codes = {verdict["code"] for verdict in document["validity"]["verdicts"]}
    assert "toy-model" in codes
    assert not codes & {"token-mismatch", "token-counts", "output-length", "cache-hits", "failed-requests"}

    journal = read_journal(journal_path(places.runs, session.id))
    assert (journal.damage, journal.torn) == ((), False)
    again = take_snapshot(fold(journal.events))
    assert again == read_snapshot(outcome.snapshot)
    assert encode_snapshot(again) == outcome.snapshot.read_bytes()
