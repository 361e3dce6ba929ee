"""A second opinion: every figure of a snapshot computed from its JSON alone, in words of its own."""

from __future__ import annotations

import copy
import math
from statistics import median
from typing import Any


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every field required and no others allowed: what the writer must keep to."""
    closed = copy.deepcopy(schema)
    for definition in closed["$defs"].values():
        if "properties" in definition:
            definition["additionalProperties"] = False
            definition["required"] = list(definition["properties"])
    return closed


def close(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-6)


def check_request(request: dict[str, Any]) -> None:
    """Computes the figures of a request from its chunks, in words of its own."""
    t, n = request["chunks"]["t_ms"], request["chunks"]["n"]
    found, tokens = request["metrics"], request["tokens"]
    thought = {i for first, end in request["chunks"]["reasoning"] for i in range(first, end)}
    answered = [t[i] for i in range(len(t)) if i not in thought]
    assert close(found["ttft_ms"], t[0] if t else None)
    assert close(found["ttfa_ms"], answered[0] if answered else None)
    assert close(found["e2e_ms"], t[-1] if t else None)
    after = sum(n[1:])
    tpot = (t[-1] - t[0]) / after if after else None
    assert close(found["tpot_ms"], tpot)
    assert close(found["decode_tok_s"], 1000 / tpot if tpot else None)
    prefill, estimated = None, False
    if tokens["prompt"] is not None and tokens["prompt"] > (tokens["cached"] or 0):
        work = tokens["prompt"] - (tokens["cached"] or 0)
        if request["prefill_ms"] is not None:
            prefill = work / request["prefill_ms"] * 1000 if request["prefill_ms"] else None
        else:
            estimated = True
            waited = t[0] - (request["rtt_ms"] or 0) if t else 0
            prefill = work / waited * 1000 if waited >= 20 else None
    assert close(found["prefill_tok_s"], prefill)
    assert found["prefill_estimated"] is estimated


def check_summary(found: dict[str, Any]) -> None:
    """Computes every row of the summary from the requests."""
    for row in found["summary"]:
        requests = [r for r in found["requests"] if (r["contender"], r["batch"]) == (row["contender"], row["batch"])]
        done = [r for r in requests if r["finish"] in ("stop", "length")]
        assert (row["n"], row["completed"]) == (len(requests), len(done))
        assert row["failed"] == sum(r["finish"] == "error" for r in requests)
        for name, figure in (
            ("ttft_ms", "ttft_ms"),
            ("ttfa_ms", "ttfa_ms"),
            ("tpot_ms", "tpot_ms"),
            ("decode_tok_s", "decode_tok_s"),
            ("prefill_tok_s", "prefill_tok_s"),
            ("response_ms", "e2e_ms"),
        ):
            values = [r["metrics"][figure] for r in done if r["metrics"][figure] is not None]
            assert row[name]["n"] == len(values)
            assert close(row[name]["median"], median(values) if values else None), name
            if len(values) < 20:
                assert close(row[name]["low"], min(values, default=None))
                assert row[name]["p95"] is None
        responses = [r["metrics"]["e2e_ms"] for r in done if r["metrics"]["e2e_ms"] is not None]
        assert close(row["mean_response_ms"], sum(responses) / len(responses) if responses else None)
        drafting = [r for r in done if r["drafted_tokens"] and r["accepted_tokens"] is not None]
        drafted, accepted = (sum(r[name] for r in drafting) for name in ("drafted_tokens", "accepted_tokens"))
        steps = sum(sum(r["chunks"]["n"]) for r in drafting) - len(drafting) - accepted
        assert close(row["acceptance"], accepted / drafted if drafted else None)
        if drafting and all(r["draft_steps"] is not None for r in drafting):
            steps = sum(r["draft_steps"] for r in drafting)
        assert close(row["accepted_length"], (steps + accepted) / steps if drafted and steps > 0 else None)
        told = [(r["tokens"]["cached"], r["tokens"]["prompt"]) for r in done]
        known = told and None not in [n for pair in told for n in pair]
        assert close(row["cache_hit"], sum(c for c, _ in told) / sum(p for _, p in told) if known else None)
        check_cells(row, requests, {k: v for k, v in found["scenario"]["slo"].items() if v is not None})


def check_cells(row: dict[str, Any], requests: list[dict[str, Any]], slo: dict[str, float]) -> None:
    cells: dict[int, list[dict[str, Any]]] = {}
    for request in requests:
        cells.setdefault(request["repetition"], []).append(request)
    totals, rates, aggregates, steady, good = [], [], [], [], []
    for cell in cells.values():
        done = [r for r in cell if r["finish"] in ("stop", "length") and r["chunks"]["t_ms"]]
        if not done or (row["batch"] > 1 and len(done) < len(cell)):
            continue
        streams = [([round(r["sent_s"] + t / 1000, 6) for t in r["chunks"]["t_ms"]], r["chunks"]["n"]) for r in done]
        total = max(t[-1] for t, _ in streams) - min(r["sent_s"] for r in done)
        totals.append(total)
        rates.append(len(done) / total)
        good.append(sum(_kept(r, slo) for r in done) / total)
        span = max(t[-1] for t, _ in streams) - min(t[0] for t, _ in streams)
        after = sum(sum(n[1:]) for _, n in streams)
        if span and after:
            aggregates.append(after / span)
        start, end = max(t[0] for t, _ in streams), min(t[-1] for t, _ in streams)
        inside = sum(k for t, n in streams for at, k in zip(t, n, strict=True) if start < at <= end)
        if end > start and inside:
            steady.append(inside / (end - start))
    assert close(row["total_s"], median(totals) if totals else None)
    assert close(row["qps"], median(rates) if rates else None)
    assert close(row["goodput"], median(good) if good and slo else None)
    done = [r for r in requests if r["finish"] in ("stop", "length")]
    assert row["slo_met"] == (sum(bool(r["chunks"]["t_ms"]) and _kept(r, slo) for r in done) if slo else None)
    assert close(row["aggregate_tok_s"], median(aggregates) if aggregates else None)
    assert close(row["steady_tok_s"], median(steady) if steady else None)


def _kept(request: dict[str, Any], slo: dict[str, float]) -> bool:
    names = {"ttft_ms": "ttft_ms", "tpot_ms": "tpot_ms", "response_ms": "e2e_ms"}
    figures = ((request["metrics"][names[name]], most) for name, most in slo.items())
    return all(figure is None or figure <= most for figure, most in figures)


def check_rooflines(found: dict[str, Any]) -> None:
    """Computes what each row read for a token, and its share of the ceiling, from what is said of the model."""
    for row in found["summary"]:
        record = next(c for c in found["contenders"] if c["contender"]["name"] == row["contender"])
        requests = [r for r in found["requests"] if (r["contender"], r["batch"]) == (row["contender"], row["batch"])]
        done = [r for r in requests if r["finish"] in ("stop", "length")]
        model, roofline = record["footprint"], row["roofline"]
        if model is None or not done or any(r["tokens"]["prompt"] is None for r in done):
            assert roofline is None
            continue
        context = sum(r["tokens"]["prompt"] + sum(r["chunks"]["n"]) / 2 for r in done) / len(done)
        weights = model["dense"] + sum(
            e["size"] * (1 - (1 - e["used"] / e["count"]) ** row["batch"]) for e in model["experts"]
        )
        kv = sum(2 * (c["keys"] + c["values"]) * min(context, c["window"] or context) for c in model["caches"])
        per_token = weights / row["batch"] + kv + model["state"]
        speed = row["decode_tok_s"]["median"] if row["batch"] == 1 else row["steady_tok_s"]
        assert close(roofline["bytes_per_token"], per_token)
        assert close(roofline["achieved"], per_token * speed if speed is not None else None)
        for share, ceiling in (("share_theoretical", "theoretical"), ("share_measured", "measured")):
            of = record["ceilings"][ceiling]
            assert close(roofline[share], per_token * speed / of if of and speed is not None else None)


def check_gpu_energy(found: dict[str, Any], node: str, channel: str) -> None:
    """Computes joules per decoded token of rows at batch 1 from the energy series and the phases."""
    (series,) = (s for s in found["telemetry"] if (s["node"], s["channel"]) == (node, channel))
    for row in found["summary"]:
        if row["batch"] != 1:
            continue
        joules = tokens = 0.0
        for phase in found["phases"]:
            if (phase["phase"], phase["contender"], phase["batch"]) != ("decode", row["contender"], 1):
                continue
            inside = [
                (t, v)
                for t, v in zip(series["t_s"], series["values"], strict=True)
                if phase["start_s"] <= t <= phase["end_s"]
            ]
            if len(inside) < 2:
                continue
            joules += inside[-1][1] - inside[0][1]
            for request in found["requests"]:
                at = [round(request["sent_s"] + t / 1000, 6) for t in request["chunks"]["t_ms"]]
                if request["contender"] == row["contender"] and at and at[0] == phase["start_s"]:
                    n = request["chunks"]["n"]
                    tokens += _done(at, n, inside[-1][0]) - _done(at, n, inside[0][0])
        assert close(row["decode_cost"]["gpu_j"], joules / tokens)


def _done(at: list[float], n: list[int], t: float) -> float:
    """Tokens after the first chunk that were made by `t`; of the one under way, its part."""
    return sum(
        k * min(1.0, max(0.0, (t - before) / (after - before)))
        for before, after, k in zip(at, at[1:], n[1:], strict=False)
    )
