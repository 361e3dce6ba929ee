"""Prompts of a given number of random tokens, exact where the server allows it."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sparktop.engines.http.client import Client
from sparktop.engines.http.detect import Served
from sparktop.engines.http.dialect import Body, chat, completion
from sparktop.engines.http.failures import RequestLost, refused
from sparktop.engines.protocol import Generation

_SAMPLE: Final = (
    "The river ran past the old mill and the children counted boats on a warm day in June while somebody "
    "upstairs played a slow song. Rain fell over the hills, the market closed early, and every window in "
    "the village showed a small light. 今天天气很好，我们一起去山上看花。数据库的索引可以加快查询。"
)
"""A text whose tokens every model has."""

_ORDINARY: Final = range(1000, 10_000)
"""Ids that are ordinary tokens in every common vocabulary: control tokens come before or long after."""

_WORDS: Final = tuple(
    """
    time year people way day man thing woman life child world school state family student group country problem
    hand part place case week company system program question work number night point home water room mother area
    money story fact month lot right study book eye job word business issue side kind head house service friend
    """.split()  # noqa: SIM905 (sixty words, one a line)
)
"""Words that are one token each, with the blank before them, in every common vocabulary."""

_FIRST: Final = 64
"""Words of the first try: few, as in a vocabulary of its own a word may be many tokens."""

_ROUNDS: Final = 5
_FILLER: Final = " a"
"""One token in every vocabulary, for what is left when another word would be too long."""


class Prompts:
    """Makes prompts for one model on one server. They differ each time, so that no cache knows them.

    Args:
        silence_s: How long the server may take to read one.
    """

    def __init__(self, client: Client, served: Served, silence_s: float) -> None:
        self._client = client
        self._served = served
        self._silence_s = silence_s
        self._random = random.SystemRandom()
        self._lock = asyncio.Lock()
        self._pool: tuple[int, ...] = ()
        self._words: dict[int, tuple[list[str], int]] = {}

    async def body(self, generation: Generation) -> Body:
        """Returns the request for a generation.

        Raises:
            RequestLost: The server went away, or refused.
        """
        served = self._served
        if not generation.random_tokens:
            return chat(generation, served.model, served.dialect)
        if served.dialect.token_prompts:
            ids = await self._ids(generation.random_tokens)
            return completion(ids, generation.sampling, served.model, served.dialect)
        text = await self._text(generation.random_tokens)
        plain = replace(generation, prompt=text, system="", random_tokens=0, uncached=False)
        return chat(plain, served.model, served.dialect)

    async def _ids(self, count: int) -> list[int]:
        """Returns so many random token ids, for a server that takes them.

        Raises:
            RequestLost: The server went away.
        """
        async with self._lock:
            if not self._pool:
                self._pool = tuple(set(await self.tokenize(_SAMPLE) or _ORDINARY))
        return self._random.choices(self._pool, k=count)

    async def _text(self, count: int) -> str:
        """Returns a message that a server of unknown tokenizer reads as so many tokens, chat template included.

        Which words that takes is found by asking for one token each time and looking at how long the server
        says the prompt was. They come in another order each time.

        Raises:
            RequestLost: The server went away, or refused.
        """
        async with self._lock:
            if count not in self._words:
                self._words[count] = await self._calibrate(count)
        words, fillers = self._words[count]
        # The first, which has no blank before it, may be as many tokens only there.
        return _message([words[0], *self._random.sample(words[1:], len(words) - 1)], fillers)

    async def tokenize(self, text: str) -> list[int] | None:
        """Returns a text's tokens; None if the server doesn't tell.

        Raises:
            RequestLost: The server went away.
        """
        dialect = self._served.dialect
        if not dialect.tokenize:
            return None
        fields: dict[str, Any] = {"model": self._served.model, dialect.tokenize_field: text}
        if dialect.tokenize_field == "prompt":
            fields["add_special_tokens"] = False
        reply = await self._client.ask(self._client.root + dialect.tokenize, fields)
        document = reply.document
        tokens = document.get("tokens") if isinstance(document, dict) and reply.status == 200 else None
        if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
            return None
        return tokens

    async def _calibrate(self, count: int) -> tuple[list[str], int]:
        """Returns words that are read as so many tokens, and how many fillers it takes behind them."""
        words = self._random.choices(_WORDS, k=max(1, min(count, _FIRST)))
        read = await self._read(_message(words))
        before: tuple[int, int] | None = None
        for _ in range(_ROUNDS):
            # Of a single reading, what the template adds is taken for the words': that leads to fewer of them.
            rate = read / len(words) if before is None else (read - before[1]) / (len(words) - before[0])
            more = max(math.floor((count - read) / max(rate, 1.0)), 1 - len(words))
            if not more:
                break
            before = len(words), read
            words = words + self._random.choices(_WORDS, k=more) if more > 0 else words[:more]
            read = await self._read(_message(words))
        fillers = max(0, count - read)
        if fillers and abs(await self._read(_message(words, fillers)) - count) >= fillers:
            fillers = 0
        return words, fillers

    async def _read(self, text: str) -> int:
        """Returns how many tokens the server says that a message is, its template included."""
        fields = {
            "model": self._served.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": 1,
        }
        reply = await self._client.ask("/chat/completions", fields, self._silence_s)
        if reply.status != 200:
            raise refused(reply.status, reply.kind, reply.body, self._client.where)
        document = reply.document
        usage = document.get("usage") if isinstance(document, dict) else None
        read = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        if not isinstance(read, int):
            raise RequestLost(f"{self._client.where} does not tell how long prompts are: their length can't be set")
        return read


def _message(words: Sequence[str], fillers: int = 0) -> str:
    return " ".join(words) + _FILLER * fillers
