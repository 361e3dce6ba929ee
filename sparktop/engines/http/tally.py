"""How many tokens came with each piece of an answer, by the best source that the server offers.

A chunk of a stream can hold several tokens (speculative decoding, a stream interval) or none. The
order of trust: ids of the tokens in the chunk, usage so far in the chunk, the server's timings in the
chunk, usage at the end, a tokenizer's count at the end, and one token a chunk as the last resort.
Only the first three are known while the stream runs; until it ends, a chunk without them counts as
one token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparktop.engines.http.chunks import Choice, Chunk, count
from sparktop.model.events import Finish, TokenSource


@dataclass(frozen=True, slots=True)
class Settled:
    """Counts as they stand when all is known.

    Attributes:
        counts: Tokens in each piece, where they are others than was thought before; else empty.
        total: Tokens of the answer as the server reports them, else as they were seen; without the
            end-of-generation token.
        source: Where the counts come from.
    """

    counts: tuple[int, ...]
    total: int
    source: TokenSource


class Tally:
    """Counts the tokens of one stream.

    Args:
        counts_end: The server's totals include the token that ends the generation.
    """

    def __init__(self, counts_end: bool) -> None:
        self._counts_end = counts_end
        self._seen = 0
        self._sources: set[TokenSource] = set()
        self._counts: list[int] = []
        self._chunks: list[int] = []
        self._sizes: list[int] = []

    def tokens(self, chunk: Chunk, choice: Choice, text: str) -> int | None:
        """Returns the tokens that a chunk brings; None if it brings nothing that counts.

        A chunk without text counts where the server proves that it brings tokens: a character of
        several tokens that is not whole yet, or control tokens past an ignored end. Usage alone is no
        such proof before the first text: some servers count the role.
        """
        reason = choice.finish_reason
        if choice.token_ids is not None:
            new, source = len(choice.token_ids), TokenSource.TOKEN_IDS
        elif chunk.usage is not None and (told := count(chunk.usage.completion_tokens)) is not None:
            new, source = told - self._seen, TokenSource.USAGE
        elif chunk.timings is not None and (told := count(chunk.timings.predicted_n)) is not None:
            new, source = told - self._seen, TokenSource.TIMINGS
        elif text:
            new, source = 1, TokenSource.CHUNKS
        else:
            return None
        if not text:
            by_id = source is TokenSource.TOKEN_IDS
            # What ends an answer without a text of its own is the end itself, or a summary.
            proven = reason is None or (by_id and reason != "stop")
            if new <= 0 or not proven or not (self._counts or source is not TokenSource.USAGE):
                return None
        elif reason == "stop" and new > 1 and self._counts_end and not met_stop_string(choice):
            new -= 1  # the last one is the end itself
        new = max(new, 0)
        self._seen += new
        self._sources.add(source)
        return new

    def add(self, tokens: int, chunks: int, size: int, *, joined: bool) -> None:
        """Notes a piece of the answer.

        Args:
            tokens: Its tokens, as the method of that name told them.
            chunks: How many chunks it is made of.
            size: Bytes of its text.
            joined: It came together with the last one, and is one with it.
        """
        if joined:
            self._counts[-1] += tokens
            self._chunks[-1] += chunks
            self._sizes[-1] += size
        else:
            self._counts.append(tokens)
            self._chunks.append(chunks)
            self._sizes.append(size)

    @property
    def wanting(self) -> bool:
        """Whether nothing better than chunks tells of the tokens so far."""
        return len(self._sources) != 1 or TokenSource.CHUNKS in self._sources

    def settle(self, finish: Finish, reported: int | None, by: TokenSource, stop_string: bool) -> Settled:
        """Returns the counts as they are, now that all has come.

        Args:
            finish: Why the answer ended.
            reported: Tokens of the whole answer; None if nobody told.
            by: Who told.
            stop_string: The answer ended at a stop string, not by a token of its own.
        """
        if reported is not None and finish is Finish.STOP and not stop_string:
            # Of an unknown server's total it can be told only if all but one token had a chunk of their own.
            reported -= int(self._counts_end or reported == sum(self._chunks) + 1)
        if not reported or reported < 0 or not self._counts:
            source = min(self._sources, key=tuple(TokenSource).index, default=TokenSource.CHUNKS)
            return Settled((), self._seen, TokenSource.CHUNKS if self.wanting else source)
        if not self.wanting:
            (source,) = self._sources
            return Settled((), reported, source)
        counts = spread(reported, self._chunks, self._sizes)
        return Settled(() if counts == self._counts else tuple(counts), reported, by)


def met_stop_string(choice: Choice) -> bool:
    """Whether a server says that a stop string ended the answer."""
    return isinstance(choice.stop_reason, str) or isinstance(choice.matched_stop, str)


def spread(total: int, chunks: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Spreads a number of tokens over pieces.

    Each chunk gets a token, as a chunk is sent when there is one, and what is left goes by the bytes of
    their text, which tokens of all languages follow better than characters.

    Args:
        total: Tokens of all pieces.
        chunks: How many chunks each piece is made of.
        sizes: Bytes of each piece's text.
    """
    least = sum(chunks)
    each, rest, weights = (chunks, total - least, sizes) if total >= least else ([0] * len(chunks), total, chunks)
    whole = sum(weights) or 1
    counts: list[int] = []
    passed = given = 0
    for base, weight in zip(each, weights, strict=True):
        passed += weight
        share = (2 * rest * passed + whole) // (2 * whole)
        counts.append(base + share - given)
        given = share
    return counts
