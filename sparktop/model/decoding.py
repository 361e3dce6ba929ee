"""The rows of a run's summary, each held against its roofline and with what its tokens cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sparktop.model import metrics
from sparktop.model.cost import Place, TokenCost, place_of, token_cost, unknown_cost
from sparktop.model.during import Curves, Work, decode_work, prefill_work
from sparktop.model.roofline import Ceilings, Roofline, Step, roofline, sentence, step_bytes
from sparktop.model.scenario import Kind
from sparktop.model.shape import Footprint
from sparktop.model.state import RunState
from sparktop.model.summary import Measured, Summary, cells, slo_of, summarise


def full_summary(state: RunState, requests: Sequence[Measured], curves: Curves | None = None) -> tuple[Summary, ...]:
    """Returns the rows of a run with their rooflines and costs.

    Args:
        state: The run.
        requests: Its requests, warm-up excluded.
        curves: What was read of its machines; None for the state's own series.
    """
    rows = []
    for row in summarise(requests, slo_of(state)):
        contender = state.contenders.get(row.contender)
        if contender is None:
            rows.append(row)
            continue
        place = place_of(state, contender, curves)
        own = [request for request in requests if (request.contender, request.batch) == (row.contender, row.batch)]
        model, ceilings = contender.footprint, contender.ceilings
        rows.append(
            replace(
                row,
                roofline=row_roofline(row, own, model, ceilings)
                if model is not None and ceilings is not None
                else None,
                decode_cost=decode_cost(own, place),
                prefill_cost=prefill_cost(own, place),
            )
        )
    return tuple(rows)


def remarks(row: Summary, kind: Kind) -> tuple[str, ...]:
    """Returns what there is to say of a row beside its figures: bandwidth, energy, traffic; what is known of it.

    Args:
        row: The row.
        kind: What its scenario is. Where throughput is measured, a prefix cache's share is said, were it 0.
    """
    said = []
    if row.roofline is not None and row.roofline.share[0] is not None:
        said.append(f"{sentence(row.roofline)}; {row.roofline.bytes_per_token / 1e9:.3g} GB a token")
    if row.acceptance is not None:
        length = "" if row.accepted_length is None else f", {row.accepted_length:.2f} tokens a step"
        said.append(f"speculative decoding: {100 * row.acceptance:.1f} % of the guessed tokens were accepted{length}")
    if kind is not Kind.QUESTIONS and row.cache_hit is not None:
        said.append(f"cache hit {100 * row.cache_hit:.1f} %: the share of the prompt tokens that a prefix cache knew")
    if row.slo_met is not None:
        said.append(f"{row.slo_met} of {row.completed} requests met every SLO")
    decode, prefill = row.decode_cost or TokenCost(), row.prefill_cost or TokenCost()
    for what, made, read in (
        ("GPU only", decode.gpu_j, prefill.gpu_j),
        ("whole machine", decode.machine_j, prefill.machine_j),
    ):
        parts = [f"{j:.3g} J a token {how}" for j, how in ((made, "decoded"), (read, "read")) if j is not None]
        if parts:
            said.append(f"{', '.join(parts)} ({what})")
    for what, count in (("RDMA", decode.rdma_bytes), ("TCP", decode.tcp_bytes)):
        if count is not None:
            said.append(f"{count / 1e3:.3g} KB over the link for each token decoded, by {what}")
    return tuple(said)


def decode_cost(requests: Sequence[Measured], place: Place) -> TokenCost:
    """Returns what each token cost that requests decoded; all of one contender and batch."""
    work = [one for cell in cells(requests) for one in decode_work([request.stream for request in cell])]
    return token_cost(place, work, "decoding")


def prefill_cost(requests: Sequence[Measured], place: Place) -> TokenCost:
    """Returns what reading each token of the prompts cost; all of one contender and batch."""
    work = prefill_stretches(requests)
    return unknown_cost("the length of a prompt is not known") if work is None else token_cost(place, work, "prefill")


def prefill_stretches(requests: Sequence[Measured]) -> list[Work] | None:
    """Returns when prompts were read and nothing else was done; None where a prompt's length is not known.

    Args:
        requests: All of one contender and batch.
    """
    work: list[Work] = []
    for cell in cells(requests):
        read = [
            (request.stream, request.prompt_tokens - (request.cached_tokens or 0))
            for request in cell
            if request.prompt_tokens is not None
        ]
        if len(read) < len(cell):
            return None
        work += prefill_work(read)
    return work


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
