"""Checks of the requests: was what was timed what it is taken for?"""

from __future__ import annotations

from typing import Final

from sparktop.model import metrics
from sparktop.model.events import Finish, TokenSource
from sparktop.model.scenario import Kind
from sparktop.model.state import RequestState, RunState
from sparktop.model.summary import cells, measured
from sparktop.model.verdicts import Code, Findings, Unjudged, fault, note

LENGTH_TOLERANCE: Final = 0.05

VARIATION_TOLERANCE: Final = 0.10

STALL_FACTOR: Final = 10
"""A gap is a stall when it is so many times the usual one."""

STALL_TOLERANCE: Final = 0.05
"""Share of the decode time that stalls may take."""

RHYTHM: Final = 0.05
"""Share of the gaps from which on long ones are how the server sends, in bursts, and no incident."""


def contender_failed(state: RunState) -> Findings:
    """A contender never ran, or not to the end."""
    for name, contender in state.contenders.items():
        if contender.error:
            yield fault(Code.CONTENDER_FAILED, f"{name} failed: {contender.error}", contender=name)


def failed_requests(state: RunState) -> Findings:
    """Some requests are missing from the figures."""
    requests = state.measured()
    if failed := sum(request.finish is Finish.ERROR for request in requests):
        text = f"{failed} of {len(requests)} requests failed; figures are over the others"
        yield fault(Code.FAILED_REQUESTS, text, failed=failed, requests=len(requests))


def empty_answers(state: RunState) -> Findings:
    """Nothing, answered fast, looks like speed."""
    # What is decoded after a prompt of random tokens need not be text.
    done = [request for request in _done(state) if request.queued.prompt]
    if empty := [request for request in done if not request.answer.strip()]:
        first = f"{empty[0].queued.contender} {empty[0].queued.item}" + (", ..." if len(empty) > 1 else "")
        text = (
            f"{len(empty)} of {len(done)} answers are empty ({first}): what was timed is not an answer;"
            " look at the model's chat template and the scenario's stop strings and max_tokens"
        )
        yield fault(Code.EMPTY_ANSWERS, text, empty=len(empty), completed=len(done))


def cut_answers(state: RunState) -> Findings:
    """The response time of a cut answer is that of the limit."""
    if _throughput(state):
        return
    done = _done(state)
    if cut := sum(request.finish is Finish.LENGTH for request in done):
        text = f"{cut} of {len(done)} answers were cut at the token limit: their response time is the limit's"
        yield note(Code.CUT_ANSWERS, text, cut=cut, completed=len(done))


def cache_hits(state: RunState) -> Findings:
    """A prompt that is in a cache is not read again."""
    done = _done(state)
    known = [(r.cached_tokens, r.prompt_tokens) for r in done if r.cached_tokens is not None]
    if len(known) < len(done):
        reason = f"for {len(done) - len(known)} of {len(done)} requests the engine did not tell what was cached"
        yield Unjudged(code=Code.CACHE_HITS, reason=reason)
    if cached := sum(hits for hits, _ in known):
        prompt = sum(tokens or 0 for _, tokens in known)
        share = 100 * cached / prompt if prompt else 100.0
        verdict = fault if _throughput(state) else note
        text = f"{share:.1f} % of the prompt tokens came from a cache: TTFT and prefill are faster than without it"
        yield verdict(Code.CACHE_HITS, text, cached_tokens=cached, prompt_tokens=prompt, percent=share)


def prompt_length(state: RunState) -> Findings:
    """The prompt was not as long as it was to be."""
    if state.started is None or not (isl := state.started.scenario.isl):
        return
    lengths = [request.prompt_tokens for request in _done(state)]
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths):
        yield Unjudged(code=Code.PROMPT_LENGTH, reason="the engine did not tell how long the prompts were")
    off = [length for length in known if abs(length - isl) > LENGTH_TOLERANCE * isl]
    if off:
        worst = max(off, key=lambda length: abs(length - isl))
        text = f"{len(off)} prompts were not {isl} tokens long: one had {worst}"
        yield fault(Code.PROMPT_LENGTH, text, expected=isl, worst=worst, requests=len(off))


def output_length(state: RunState) -> Findings:
    """Streams that end early leave the others a smaller batch."""
    if state.started is None or not state.started.scenario.sampling.ignore_eos:
        return
    done = _done(state)
    off = [r for r in done if abs(r.output_tokens - r.queued.max_tokens) > LENGTH_TOLERANCE * r.queued.max_tokens]
    if off:
        worst = max(off, key=lambda r: abs(r.output_tokens - r.queued.max_tokens))
        text = (
            f"{len(off)} of {len(done)} requests did not decode as many tokens as asked:"
            f" one made {worst.output_tokens} of {worst.queued.max_tokens}"
        )
        yield fault(
            Code.OUTPUT_LENGTH, text, requests=len(off), worst=worst.output_tokens, expected=worst.queued.max_tokens
        )


def token_counts(state: RunState) -> Findings:
    """How well the tokens were counted."""
    sources = {request.token_source for request in _done(state) if request.token_source} - {TokenSource.TOKEN_IDS}
    if not sources:
        return
    named = ", ".join([*(source for source in TokenSource if source in sources), *sorted(sources - set(TokenSource))])
    if TokenSource.CHUNKS in sources:
        text = f"token counts come from {named}: a chunk was taken for one token, and may hold several"
        yield fault(Code.TOKEN_COUNTS, text, source=named)
    else:
        yield note(Code.TOKEN_COUNTS, f"token counts come from {named}, not from token ids", source=named)


def token_mismatch(state: RunState) -> Findings:
    """What arrived is not what the engine says it made."""
    off = [
        (sum(request.counts), request.output_tokens)
        for request in _done(state)
        if abs(sum(request.counts) - request.output_tokens) > max(1, LENGTH_TOLERANCE * request.output_tokens)
    ]
    if off:
        seen, told = max(off, key=lambda pair: abs(pair[0] - pair[1]))
        text = f"in {len(off)} requests the tokens seen are not those the engine reports: {seen} against {told}"
        yield fault(Code.TOKEN_MISMATCH, text, requests=len(off), seen=seen, reported=told)


def contended(state: RunState) -> Findings:
    """Contenders measured each other."""
    if state.started and state.started.options.together and len(state.contenders) > 1:
        text = f"{len(state.contenders)} contenders ran at once on one machine: each figure depends on the others"
        yield fault(Code.CONTENDED, text, contenders=len(state.contenders))


def held_up(state: RunState) -> Findings:
    """Something held the streams up now and then: another program, a disk, a page fault."""
    for (contender, batch), group in _groups(state).items():
        gaps = [gap for request in group for gap in metrics.inter_chunk_ms(request.stream)]
        usual = metrics.percentile(gaps, 50)
        if not usual or len(gaps) < metrics.MINIMUM_TAIL_SAMPLES:
            continue
        held = [gap for gap in gaps if gap > STALL_FACTOR * usual]
        if len(held) > RHYTHM * len(gaps):
            # Tokens come in bursts: what is usual between two bursts says what a stall is.
            usual = metrics.percentile(held, 50) or usual
            held = [gap for gap in held if gap > STALL_FACTOR * usual]
        if (share := sum(held) / sum(gaps)) > STALL_TOLERANCE:
            stalls = "1 stall" if len(held) == 1 else f"{len(held)} stalls"
            text = (
                f"{contender} at batch {batch}: {100 * share:.0f} % of the decode time went into {stalls}"
                f" of up to {max(held):.0f} ms, where {usual:.1f} ms are usual"
            )
            yield note(
                Code.STALLS,
                text,
                contender=contender,
                batch=batch,
                percent=100 * share,
                longest_ms=max(held),
                usual_ms=usual,
            )


def repetitions(state: RunState) -> Findings:
    """How well the figures would repeat: groups of one contender and batch size."""
    groups = _groups(state)
    if fewest := min((len(group) for group in groups.values()), default=0):
        if fewest < metrics.MINIMUM_TAIL_SAMPLES:
            samples = "1 sample" if fewest == 1 else f"{fewest} samples"
            text = f"{samples}: too few for p95 and p99, which need {metrics.MINIMUM_TAIL_SAMPLES}"
            yield note(Code.FEW_SAMPLES, text, fewest=fewest)
        if state.started and state.started.scenario.repetitions == 1:
            text = "everything was measured once: how much the figures vary from time to time is not known"
            yield note(Code.ONE_REPETITION, text, repetitions=1)
    if not _throughput(state):
        return
    for (contender, batch), group in groups.items():
        speeds = [
            speed
            for cell in cells([measured(request) for request in group])
            if (speed := metrics.aggregate_tok_s([request.stream for request in cell])) is not None
        ]
        middle = metrics.percentile(speeds, 50)
        if middle and (variation := (max(speeds) - min(speeds)) / middle) > VARIATION_TOLERANCE:
            text = f"{contender} at batch {batch}: repetitions differ by {100 * variation:.0f} % of their median"
            yield note(Code.UNSTEADY, text, contender=contender, batch=batch, percent=100 * variation)


def cold_start(state: RunState) -> Findings:
    """The first request pays for memory, kernels and caches."""
    if not _throughput(state):
        return
    warm = {(r.queued.contender, r.queued.batch) for r in state.requests.values() if r.queued.warmup and r.ok}
    groups = {(r.queued.contender, r.queued.batch) for r in _done(state)}
    if cold := groups - warm:
        text = f"{len(cold)} of {len(groups)} measurements had no warm-up: the first request pays for all"
        yield note(Code.COLD_START, text, cold=len(cold), measurements=len(groups))


def toy_model(state: RunState) -> Findings:
    """A demo model is fast because it is tiny."""
    if toys := [name for name, contender in state.contenders.items() if contender.contender.toy]:
        text = f"{', '.join(toys)}: toy models that come with sparktop; their speed says nothing of real ones"
        yield note(Code.TOY_MODEL, text, contenders=", ".join(toys))


def _done(state: RunState) -> list[RequestState]:
    return [request for request in state.measured() if request.ok]


def _throughput(state: RunState) -> bool:
    return state.started is not None and state.started.scenario.kind is not Kind.QUESTIONS


def _groups(state: RunState) -> dict[tuple[str, int], list[RequestState]]:
    """Returns the completed requests by contender and batch size."""
    groups: dict[tuple[str, int], list[RequestState]] = {}
    for request in _done(state):
        groups.setdefault((request.queued.contender, request.queued.batch), []).append(request)
    return groups
