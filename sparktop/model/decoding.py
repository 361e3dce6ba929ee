"""The rows of a run's summary, each held against its roofline."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model import metrics
from sparktop.model.roofline import Ceilings, Roofline, Step, roofline, step_bytes
from sparktop.model.shape import Footprint
from sparktop.model.summary import Measured, Summary


def decode_speed(row: Summary) -> float | None:
    """Returns tokens per second of all streams while all of them decoded; None if they never all did.

    Of one stream that is its own speed. The aggregate will not do: it holds times in which some stream read its prompt.
    """
    return row.decode_tok_s.median if row.batch == 1 else row.steady_tok_s


def mean_context(requests: Sequence[Measured]) -> float | None:
    """Returns how many positions a stream held on average while it decoded: its prompt and half of its answer.

    None if no request completed, or the length of a prompt is not known.
    """
    contexts: list[float] = []
    for request in requests:
        if not request.completed:
            continue
        if request.prompt_tokens is None:
            return None
        contexts.append(request.prompt_tokens + request.stream.tokens / 2)
    return metrics.mean(contexts)


def row_roofline(row: Summary, requests: Sequence[Measured], model: Footprint, ceilings: Ceilings) -> Roofline | None:
    """Returns a row's roofline; None where the context is not known.

    Args:
        row: The row.
        requests: Its requests; others are ignored.
        model: What its model reads.
        ceilings: What the machine can read where the model ran.
    """
    own = [request for request in requests if (request.contender, request.batch) == (row.contender, row.batch)]
    context = mean_context(own)
    if context is None:
        return None
    return roofline(step_bytes(model, Step(batch=row.batch, context=context)), ceilings, decode_speed(row))
