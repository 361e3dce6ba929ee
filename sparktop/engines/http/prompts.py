"""Prompts of a given number of random tokens, exact where the server allows it."""

from __future__ import annotations

import asyncio
import random
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

_ROUNDS: Final = 4


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
        self._words: dict[int, int] = {}

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

        How many words that takes is found by asking for one token each time and looking at how long the
        server says the prompt was. Where it does not say, the words themselves are counted.

        Raises:
            RequestLost: The server went away, or refused.
        """
        async with self._lock:
            if count not in self._words:
                self._words[count] = await self._calibrate(count)
        return self._message(self._words[count])

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

    async def _calibrate(self, count: int) -> int:
        words = max(1, count)
        for _ in range(_ROUNDS):
            read = await self._read(words)
            if read is None or read == count:
                break
            words = max(1, words + count - read)
        return words

    async def _read(self, words: int) -> int | None:
        fields = {
            "model": self._served.model,
            "messages": [{"role": "user", "content": self._message(words)}],
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

    def _message(self, words: int) -> str:
        return " ".join(self._random.choices(_WORDS, k=words))
