"""The demo models' tokenizer: byte-level BPE in GPT-2's form, built so that common Hanzi are one token each.

The merges are written down rather than learned: two merges make one Chinese character out of its three bytes, and a
handful of learned ones cover the English and Python that the texts contain. Nothing merges across Chinese characters,
so that every piece of an answer is readable as it streams.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
SPECIALS = (END_OF_TEXT, IM_START, IM_END)

PUNCTUATION = "，。、；：？！“”‘’（）《》〈〉【】—…·～「」『』〔〕％＋－＝／"
"""Full-width marks: always whole, because every answer needs them."""

ASCII_MERGES = 320
"""Learned merges over ASCII: enough for the words of the few English and Python lines."""

# GPT-2's split, in the words of the standard library: [^\W\d_] is a letter. llama.cpp's "gpt-2" pre-tokenizer splits
# in the same places.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
SPECIAL_SPLIT = re.compile("(" + "|".join(re.escape(s) for s in SPECIALS) + ")")


@cache
def byte_letters() -> dict[int, str]:
    """Return GPT-2's table from a byte to the printable character that stands for it in a token's name."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in printable}
    shifted = 0
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + shifted)
            shifted += 1
    return table


def gb2312_first_level() -> list[str]:
    """Return the 3755 Hanzi of the first level of GB 2312, the common ones, in the standard's order."""
    found = []
    for row in range(0xB0, 0xD8):
        for cell in range(0xA1, 0xFF):
            try:
                found.append(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:  # the last row of the level is not full
                continue
    return found


def learn_ascii(texts: Iterable[str], count: int) -> list[tuple[bytes, bytes]]:
    """Learn up to `count` merges from the texts' ASCII pieces: the most frequent pair first, ties in byte order."""
    pieces = (piece for text in texts for piece in PIECES.findall(text))
    words = Counter(piece for piece in pieces if piece.isascii() and not piece.isdigit())
    split = {word: [bytes((b,)) for b in word.encode()] for word in words}
    merges: list[tuple[bytes, bytes]] = []
    while len(merges) < count:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for word, parts in split.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        if not pairs:
            break
        best, times = min(pairs.items(), key=lambda entry: (-entry[1], entry[0]))
        if times < 2:
            break
        merges.append(best)
        for word, parts in split.items():
            split[word] = join(parts, best)
    return merges


def join(parts: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Return the parts with every occurrence of the pair merged, from the left."""
    out: list[bytes] = []
    at = 0
    while at < len(parts):
        if at + 1 < len(parts) and (parts[at], parts[at + 1]) == pair:
            out.append(parts[at] + parts[at + 1])
            at += 2
        else:
            out.append(parts[at])
            at += 1
    return out


class Tokenizer:
    """Encodes text to token ids and back.

    Attributes:
        tokens: The bytes of every ordinary token by id; the special tokens' names, as bytes, come first.
        merges: The merges by rank.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Build the vocabulary: the common Hanzi, every character of these texts, and learned ASCII pieces."""
        texts = list(texts)
        characters = dict.fromkeys([*PUNCTUATION, *gb2312_first_level()])
        characters.update(dict.fromkeys(sorted({c for text in texts for c in text if ord(c) > 127})))
        merges: dict[tuple[bytes, bytes], None] = {}
        for character in characters:
            encoded = character.encode()
            for end in range(1, len(encoded)):
                merges[encoded[:end], encoded[end : end + 1]] = None
        merges.update(dict.fromkeys(learn_ascii(texts, ASCII_MERGES)))
        self.merges = list(merges)
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self.tokens: list[bytes] = [special.encode() for special in SPECIALS]
        self.tokens += [bytes((byte,)) for byte in range(256)]
        self.tokens += dict.fromkeys(a + b for a, b in self.merges)
        self._id = {token: i for i, token in enumerate(self.tokens) if i >= len(SPECIALS)}
        self._cache: dict[str, list[int]] = {}

    @property
    def eos(self) -> int:
        """The id of <|im_end|>, which ends an answer."""
        return SPECIALS.index(IM_END)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text in which the special tokens may be spelled out."""
        ids: list[int] = []
        for part in SPECIAL_SPLIT.split(text):
            if part in SPECIALS:
                ids.append(SPECIALS.index(part))
                continue
            for piece in PIECES.findall(part):
                if piece not in self._cache:
                    self._cache[piece] = self._encode_piece(piece)
                ids += self._cache[piece]
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        parts = [bytes((b,)) for b in piece.encode()]
        while True:
            known = [pair for pair in pairwise(parts) if pair in self._rank]
            if not known:
                return [self._id[part] for part in parts]
            parts = join(parts, min(known, key=self._rank.__getitem__))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids, without the special tokens."""
        return b"".join(self.tokens[i] for i in ids if i >= len(SPECIALS)).decode(errors="replace")

    def gguf_tokens(self) -> list[str]:
        """Return every token's name as GGUF stores it: specials as they are, bytes as GPT-2's letters."""
        return list(SPECIALS) + [letters(token) for token in self.tokens[len(SPECIALS) :]]

    def gguf_merges(self) -> list[str]:
        """Return the merges as GGUF stores them: two names with a space between."""
        return [f"{letters(a)} {letters(b)}" for a, b in self.merges]


def letters(token: bytes) -> str:
    """Return a token's name in GPT-2's letters."""
    return "".join(byte_letters()[byte] for byte in token)
