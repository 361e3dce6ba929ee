"""What can be said against a run's numbers: verdicts, and what could not be judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sparktop.model.open_names import OpenNames


class Code(OpenNames):
    """Stable name of a verdict; later versions have further checks."""

    INCOMPLETE = "incomplete"
    CONTENDER_FAILED = "contender-failed"
    FAILED_REQUESTS = "failed-requests"
    EMPTY_ANSWERS = "empty-answers"
    CACHE_HITS = "cache-hits"
    PROMPT_LENGTH = "prompt-length"
    OUTPUT_LENGTH = "output-length"
    TOKEN_COUNTS = "token-counts"
    TOKEN_MISMATCH = "token-mismatch"
    SERVER_TIMINGS = "server-timings"
    READ_LATE = "read-late"
    CONTENDED = "contended"
    MEMORY_RESERVE = "memory-reserve"
    MEMORY_PRESSURE = "memory-pressure"
    SWAP_GROWTH = "swap-growth"
    UNSTEADY = "unsteady"
    STALLS = "stalls"
    COLD_START = "cold-start"
    ONE_REPETITION = "one-repetition"
    FEW_SAMPLES = "few-samples"
    CUT_ANSWERS = "cut-answers"
    TOY_MODEL = "toy-model"
    THROTTLING = "throttling"
    OTHER_GPU_WORK = "other-gpu-work"
    LOW_CLOCK = "low-clock"
    PAGE_CACHE = "page-cache"
    ROCE_FALLBACK = "roce-fallback"
    ROCE_ERRORS = "roce-errors"
    BANDWIDTH_BOUND = "bandwidth-bound"
    COMPUTE_BOUND = "compute-bound"
    SLOWER_THAN_BEFORE = "slower-than-before"


class Severity(StrEnum):
    """What a verdict means for somebody who wants to quote a number of the run."""

    FAULT = "fault"
    """Do not quote it."""
    NOTE = "note"
    """Quote it, and say this beside it."""
    FINDING = "finding"
    """What holds the model back: says nothing against the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Something that speaks against a number of the run, has to be known with it, or explains it.

    Attributes:
        code: Stable name, for programs.
        severity: "fault": do not quote the number; "note": say this beside it; "finding": what holds the model back,
            which says nothing against the number.
        text: One sentence for people.
        evidence: The numbers that it rests on, by name; bytes, percent or counts.
    """

    code: Code
    severity: Severity
    text: str
    evidence: dict[str, float | str]


LINE_CELLS: Final = 70
"""An alert's text fits into a line of an 80-column screen, behind what says how bad it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is so now: wrong, to be known, or what holds a model back.

    Attributes:
        code: Stable name, the same as the verdict's.
        severity: How bad: a fault spoils what is measured now, a note has to be known, a finding only explains.
        node: The machine.
        text: One sentence of at most 70 cells without the machine's name.
        evidence: The numbers that it rests on, by name.
    """

    code: Code
    severity: Severity
    node: str
    text: str
    evidence: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A check that could not be made: neither passed nor failed.

    Attributes:
        code: Name of the verdict that could not be reached.
        reason: What was lacking.
    """

    code: Code
    reason: str


Findings = Iterator[Verdict | Unjudged]
"""What a check finds: nothing where all is well."""


def fault(code: Code, text: str, **evidence: float | str) -> Verdict:
    """Returns a verdict that forbids quoting a number."""
    return Verdict(code=code, severity=Severity.FAULT, text=text, evidence=evidence)


def note(code: Code, text: str, **evidence: float | str) -> Verdict:
    """Returns a verdict that has to be said beside a number."""
    return Verdict(code=code, severity=Severity.NOTE, text=text, evidence=evidence)


def finding(code: Code, text: str, **evidence: float | str) -> Verdict:
    """Returns a verdict that explains a number and says nothing against it."""
    return Verdict(code=code, severity=Severity.FINDING, text=text, evidence=evidence)
