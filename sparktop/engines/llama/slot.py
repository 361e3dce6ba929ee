"""One request while it holds a sequence of the context."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparktop.engines.llama.sampling import Chain
from sparktop.engines.protocol import Emit, Generation
from sparktop.engines.text import Span, StreamText
from sparktop.model.events import TokenKind, Tokens


@dataclass(slots=True)
class Slot:
    """A request that holds a sequence of the context.

    Attributes:
        sequence: Its sequence id.
        prompt: Token ids.
        position: Tokens that the context holds of it.
        in_batch: Tokens of it in the batch that is being decoded.
        last: Token chosen but not yet decoded.
        produced: Tokens chosen so far.
        told: Tokens that have been put into the outbox: fewer, where a stop string came in between.
        ended: It has given its sequence back.
    """

    generation: Generation
    sequence: int
    prompt: list[int]
    text: StreamText
    chain: Chain | None
    position: int = 0
    in_batch: int = 0
    last: int = -1
    produced: int = 0
    told: int = 0
    ended: bool = False
    prefill_started: float | None = None
    prefill_ms: float | None = None
    outbox: list[tuple[TokenKind, str, list[float], list[int]]] = field(default_factory=list)

    @property
    def prefilling(self) -> bool:
        """Whether some of the prompt is still to be read."""
        return self.position < len(self.prompt)

    def note(self, spans: list[Span], t: float) -> None:
        """Puts one token into the outbox: its time, and whatever text became whole with it."""
        self.told += 1
        kinds = spans or [(self.text.kind, "")]
        # The token counts once, for the kind that it leaves the stream in.
        for index, (kind, text) in enumerate(kinds):
            self.append(kind, text, t if index == len(kinds) - 1 else None)

    def append(self, kind: TokenKind, text: str, t: float | None) -> None:
        """Puts text into the outbox, and a token made at `t` if that is given."""
        if not self.outbox or self.outbox[-1][0] is not kind:
            self.outbox.append((kind, "", [], []))
        _, before, times, counts = self.outbox[-1]
        if t is not None:
            times.append(round(t, 6))
            counts.append(1)
        self.outbox[-1] = (kind, before + text, times, counts)

    def flush(self, emit: Emit, now: float) -> None:
        """Sends the outbox on."""
        for kind, text, times, counts in self.outbox:
            if text or times:
                emit(
                    Tokens(
                        t=times[-1] if times else now,
                        request=self.generation.request,
                        kind=kind,
                        text=text,
                        times=tuple(times),
                        counts=tuple(counts),
                    )
                )
        self.outbox.clear()
