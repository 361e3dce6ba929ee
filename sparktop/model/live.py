"""What holds for the tokens of this moment: roofline and cost of what is being decoded now.

Both are asked for several times a second while the run goes on: they look at the newest readings
and chunks alone, however long the run has lasted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sparktop.model import metrics
from sparktop.model.cost import TokenCost, place_of, token_cost
from sparktop.model.during import decode_work
from sparktop.model.roofline import Roofline, Step, roofline, step_bytes
from sparktop.model.state import ContenderState, RequestState, RunState

SPEED_S: Final = 2.0
"""Seconds that a speed of this moment is taken over."""

COST_S: Final = 5.0
"""Seconds that a cost of this moment is taken over: there are two readings a second."""


def live_roofline(state: RunState, contender: ContenderState, now: float) -> Roofline | None:
    """Returns the roofline of what a contender decodes at this moment, warm-up included.

    Its speed is that of the last two seconds, or since a stream last joined or left: `achieved` is None until there
    is one. `sparktop.model.roofline.sentence` says it in words.

    Args:
        state: The run.
        contender: One of its contenders.
        now: Seconds since the run began.

    Returns:
        None while it decodes nothing, and where it is not known what its model reads or how long its prompts are.
    """
    model, ceilings = contender.footprint, contender.ceilings
    if model is None or ceilings is None:
        return None
    since = now - SPEED_S
    decoding: list[RequestState] = []
    for request in state.requests.values():
        if request.queued.contender != contender.contender.name or not request.times:
            continue
        if request.ended is None:
            decoding.append(request)
            since = max(since, request.times[0])
        elif request.ended > since:
            since = request.ended
    contexts = [
        request.prompt_tokens + request.output_tokens for request in decoding if request.prompt_tokens is not None
    ]
    context = metrics.mean(contexts)
    if context is None or len(contexts) < len(decoding):
        return None
    step = step_bytes(model, Step(batch=len(decoding), context=context))
    return roofline(step, ceilings, metrics.recent_tok_s([_stream(request) for request in decoding], since, now))


def live_costs(state: RunState, now: float) -> dict[str, TokenCost]:
    """Returns what the tokens of the last five seconds cost, by contender; nothing while nothing is decoded.

    Contenders that decode at once on a machine that they share can't be told apart; those on machines of their own can.

    Args:
        state: The run.
        now: Seconds since the run began.
    """
    decoding = dict.fromkeys(request.queued.contender for request in state.active() if request.times)
    nodes = {
        name: set(state.contenders[name].contender.node.split("+")) for name in decoding if name in state.contenders
    }
    return {
        name: _cost(state, name, now, shared=any(nodes[name] & nodes[other] for other in nodes if other != name))
        for name in nodes
    }


def live_cost(state: RunState, now: float) -> TokenCost | None:
    """Returns what `live_costs` says of the contender that decodes; of several, of the first."""
    return next(iter(live_costs(state, now).values()), None)


def _cost(state: RunState, name: str, now: float, *, shared: bool) -> TokenCost:
    place = place_of(state, state.contenders[name])
    place = replace(place, contended=place.contended or shared)
    since = now - COST_S
    streams = [
        _stream(request)
        for request in state.requests.values()
        if request.queued.contender == name
        and request.sent is not None
        and (request.ended is None or (request.times and request.ended > since))
    ]
    work = [replace(one, start=max(one.start, since)) for one in decode_work(streams) if one.end > since]
    return token_cost(place, work, "decoding")


def _stream(request: RequestState) -> metrics.Stream:
    # Not `request.stream`, which looks through all chunks for the first one of the answer.
    return metrics.Stream(sent=request.sent or 0.0, times=request.times, counts=request.counts)
