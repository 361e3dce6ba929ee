"""Changes between two runs as people read them, in tables on the screen and in print."""

from __future__ import annotations

from typing import Final

from sparktop.model.changes import Change, Verdict

NA: Final = "n/a"

LABELS: Final = {
    "decode_tok_s": "decode, one stream",
    "ttft_ms": "time to first token",
    "prefill_tok_s": "prefill",
    "response_ms": "response time",
    "output_tokens": "length of the answer",
    "aggregate_tok_s": "all streams together",
    "steady_tok_s": "all streams, steady",
    "total_s": "time for the batch",
    "points": "points named",
    "failed": "failed requests",
    "decode_gpu_j": "energy, GPU only",
    "decode_machine_j": "energy, whole machine",
}
"""What tables call each figure."""

_LIMITS: Final = ((1000.0, 0), (100.0, 0), (10.0, 1), (1.0, 2))


def label(change: Change) -> str:
    """Returns what a table calls the figure, with its unit."""
    name = LABELS.get(change.metric, change.metric)
    return f"{name}, {change.unit}" if change.unit else name


def amount(value: float | None) -> str:
    """Returns a figure with three digits, or as many as stand before the point."""
    if value is None:
        return NA
    if value == round(value) and abs(value) < 1000:
        return f"{value:.0f}"
    digits = next((digits for limit, digits in _LIMITS if abs(value) >= limit), 3)
    return f"{value:,.{digits}f}"


def share(change: Change) -> str:
    """Returns by how much it changed ("-12.3 %")."""
    if change.change is None:
        return NA if change.before == change.after else "from 0"
    return _percent(change.change)


def span(change: Change) -> str:
    """Returns the range that the change lies in ("-15.0 to -9.1 %")."""
    if change.low is None or change.high is None:
        return ""
    low, high = _number(change.low), _number(change.high)
    return f"{low} to {high} %" if low != high else f"{low} %"


def verdict(change: Change, threshold: float) -> str:
    """Returns what it comes to; in capitals what got worse by more than a share."""
    if change.exceeds(threshold):
        return Verdict.WORSE.upper()
    return change.verdict.value


def _percent(value: float) -> str:
    return f"{_number(value)} %"


def _number(value: float) -> str:
    percent = value * 100
    if abs(percent) < 0.05:
        return "0.0"
    return f"{percent:+,.0f}" if abs(percent) >= 1000 else f"{percent:+.1f}"
