"""Pieces of runs that never took place: what tests, benchmarks and pictures put their made-up runs together from."""

from __future__ import annotations

from typing import Final

from sparktop.model.events import Finish, RequestDone, RequestQueued, TokenKind, Tokens, TokenSource
from sparktop.model.records import ModelInfo, Node

SPARK: Final = Node(
    name="spark-a",
    os="Ubuntu 24.04 (6.11.0-1016-nvidia)",
    machine="NVIDIA DGX Spark",
    cpu="Cortex-X925 + Cortex-A725",
    cores=20,
    memory=127_600_748 * 1024,
    gpus=("NVIDIA GB10",),
    driver="580.95.05",
    llama_cpp="0.3.36 (CPU)",
)


def info(
    description: str,
    *,
    parameters: int,
    size: int,
    context: int = 4096,
    vocabulary: int = 8000,
    layers: int = 28,
    device: str = "CUDA0 (NVIDIA GB10)",
) -> ModelInfo:
    """What a loaded model of one slot tells of itself."""
    return ModelInfo(
        description=description,
        parameters=parameters,
        size=size,
        context=context,
        slots=1,
        vocabulary=vocabulary,
        layers=layers,
        devices=(device,),
        chat_template=True,
    )


def queued(
    request: int,
    contender: str,
    item: str,
    *,
    t: float = 0.0,
    prompt: str = "?",
    max_tokens: int = 512,
    batch: int = 1,
    warmup: bool = False,
) -> RequestQueued:
    """A request that is going to be sent."""
    return RequestQueued(
        t=t,
        request=request,
        contender=contender,
        item=item,
        repetition=0,
        batch=batch,
        prompt=prompt,
        max_tokens=max_tokens,
        warmup=warmup,
    )


def tokens(request: int, times: tuple[float, ...], text: str, kind: TokenKind = TokenKind.ANSWER) -> Tokens:
    """A group of tokens that came one by one; it is told when the last of them came."""
    return Tokens(t=times[-1], request=request, kind=kind, text=text, times=times, counts=(1,) * len(times))


def done(
    request: int,
    t: float,
    *,
    prompt_tokens: int,
    output_tokens: int,
    prefill_ms: float,
    finish: Finish = Finish.STOP,
) -> RequestDone:
    """The end of a request that the engine counted itself, with nothing of its prompt cached."""
    return RequestDone(
        t=t,
        request=request,
        finish=finish,
        prompt_tokens=prompt_tokens,
        cached_tokens=0,
        output_tokens=output_tokens,
        prefill_ms=prefill_ms,
        token_source=TokenSource.TOKEN_IDS,
    )
