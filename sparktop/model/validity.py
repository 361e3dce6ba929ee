"""Can this number be trusted? What speaks against it, with the evidence.

Each check looks at one way in which benchmarks are known to fool people. A check that lacks the
readings it needs says so: "not seen" must never read as "not there".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sparktop.model import (
    bottleneck_checks,
    gpu_checks,
    history_checks,
    machine_checks,
    request_checks,
    roce_checks,
    server_checks,
)
from sparktop.model.events import Status
from sparktop.model.state import RunState
from sparktop.model.verdicts import Code, Findings, Severity, Unjudged, Verdict, fault

__all__ = ["Code", "Severity", "Unjudged", "Validity", "Verdict", "judge"]

_CHECKS: Final[tuple[Callable[[RunState], Findings], ...]] = (
    request_checks.contender_failed,
    request_checks.failed_requests,
    request_checks.empty_answers,
    request_checks.cache_hits,
    request_checks.prompt_length,
    request_checks.output_length,
    request_checks.token_counts,
    request_checks.token_mismatch,
    server_checks.server_timings,
    server_checks.read_late,
    request_checks.contended,
    machine_checks.memory,
    machine_checks.page_cache,
    request_checks.repetitions,
    request_checks.held_up,
    request_checks.cold_start,
    request_checks.cut_answers,
    request_checks.toy_model,
    gpu_checks.throttling,
    gpu_checks.low_clock,
    gpu_checks.other_work,
    roce_checks.fallback,
    roce_checks.errors,
    history_checks.slower_than_before,
    bottleneck_checks.bandwidth_bound,
    bottleneck_checks.compute_bound,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """What is to be thought of a run's numbers.

    Attributes:
        valid: No check that could be made found a fault.
        verdicts: What the checks found, faults first.
        unjudged: Checks that could not be made.
    """

    valid: bool
    verdicts: tuple[Verdict, ...]
    unjudged: tuple[Unjudged, ...]


def judge(state: RunState, status: Status | None = None) -> Validity:
    """Judges a run.

    Args:
        state: The run; before its first event there is nothing to judge and nothing is found.
        status: How the run stands, where its events do not tell (an interrupted one).
    """
    findings = [finding for check in _CHECKS for finding in check(state)]
    findings[:0] = _incomplete(state, status or state.status)
    verdicts = sorted(
        (finding for finding in findings if isinstance(finding, Verdict)),
        key=lambda verdict: tuple(Severity).index(verdict.severity),
    )
    return Validity(
        valid=all(verdict.severity is not Severity.FAULT for verdict in verdicts),
        verdicts=tuple(verdicts),
        unjudged=tuple(finding for finding in findings if isinstance(finding, Unjudged)),
    )


def _incomplete(state: RunState, status: Status) -> Findings:
    if status is Status.COMPLETED or state.started is None:
        return
    answered = sum(request.ok for request in state.requests.values())
    how = {
        Status.RUNNING: "the run was still going",
        Status.CANCELLED: "the run was cancelled",
        Status.FAILED: "the run failed",
        Status.INTERRUPTED: "sparktop was stopped in mid-run",
    }[status]
    yield fault(
        Code.INCOMPLETE,
        f"{how}: {answered} of {state.started.planned} requests were answered",
        answered=answered,
        planned=state.started.planned,
    )
