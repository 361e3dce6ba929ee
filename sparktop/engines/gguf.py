"""The header of a GGUF file: what a model is, without loading it.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The reader keeps numbers, short
strings and the chat template, and steps over the vocabulary without making strings of it, so that
a header with 150,000 tokens is read in well under a tenth of a second.
"""

from __future__ import annotations

import math
import mmap
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGIC: Final = b"GGUF"
_ARRAY: Final = 9
_STRING: Final = 8
_SCALARS: Final[dict[int, str]] = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_KEPT_ARRAY: Final = 1024
"""Arrays of numbers up to this length are kept (one entry a layer); longer ones are vocabulary."""

_MOST_BLOCKS: Final = 1 << 16
"""What is kept of a header grows with its number of blocks: far more than any model has would fill the memory."""

_BLOCKS: Final[dict[int, tuple[int, int]]] = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    9: (32, 36), 10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
    15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
    21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8),
    28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17), 40: (64, 36),
}  # fmt: skip
"""Elements and bytes of one block, by ggml type (ggml.c, `type_traits`)."""

_SPLIT_NAME: Final = re.compile(r"^(?P<stem>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.gguf$")

Value = int | float | bool | str | tuple[int | float | bool, ...]


class BadModelFile(ValueError):
    """The file is no model that can be loaded; the message is one sentence for the person."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of the file.

    Attributes:
        shape: Fastest dimension first, as ggml stores it.
        kind: ggml's type number.
        size: Bytes; 0 if the type is not known here.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a model says, all parts of a split file together.

    Attributes:
        files: The parts, in order.
        size: Bytes of all parts on disk.
        values: Metadata by key, without the vocabulary.
        lengths: Length of each array by key, of those that were not kept too.
    """

    files: tuple[Path, ...]
    size: int
    values: Mapping[str, Value]
    lengths: Mapping[str, int]
    tensors: tuple[Tensor, ...]

    @property
    def architecture(self) -> str:
        """Name of the architecture ("llama"); the prefix of its keys."""
        return str(self.values.get("general.architecture", ""))

    def number(self, key: str, default: int = 0) -> int:
        """An architecture's number, as `block_count`; of one per layer the largest."""
        value = self.values.get(f"{self.architecture}.{key}", default)
        if isinstance(value, tuple):
            value = max(value, default=default)
        return _whole(value, default)

    def per_layer(self, key: str, default: int = 0) -> tuple[int, ...]:
        """An architecture's number for each layer, as `attention.head_count_kv`."""
        layers = self.number("block_count")
        value = self.values.get(f"{self.architecture}.{key}", default)
        if isinstance(value, tuple):
            return tuple(_whole(item, default) for item in value)
        return (_whole(value, default),) * layers

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return self.lengths.get("tokenizer.ggml.tokens", 0) or self.number("vocab_size")

    @property
    def chat_template(self) -> str:
        """Jinja source of the chat template; empty if the model has none."""
        return str(self.values.get("tokenizer.chat_template", ""))


def read_header(path: Path) -> Header:
    """Reads a model's header, of all parts if it is split.

    Raises:
        BadModelFile: Not there, not readable, not GGUF, truncated, or a part is missing.
    """
    files = _parts(path)
    values: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    tensors: list[Tensor] = []
    size = 0
    for number, file in enumerate(files):
        part = _Reader(file).read()
        size += part.size
        tensors.extend(part.tensors)
        if number == 0:
            values, lengths = part.values, part.lengths
    header = Header(files, size, values, lengths, tuple(tensors))
    if not 0 <= header.number("block_count") <= _MOST_BLOCKS:
        raise BadModelFile(f"{path} is damaged: its header makes no sense; copy it again")
    return header


def _parts(path: Path) -> tuple[Path, ...]:
    match = _SPLIT_NAME.match(path.name)
    if match is None:
        return (path,)
    count = int(match["count"])
    parts = tuple(path.with_name(f"{match['stem']}-{i:05}-of-{match['count']}.gguf") for i in range(1, count + 1))
    missing = [part.name for part in parts if not os.path.exists(part)]
    if missing and os.path.exists(path):
        named = ", ".join(missing[:2]) + (", ..." if len(missing) > 2 else "")
        raise BadModelFile(
            f"{path}: {len(missing)} of its {count} parts missing ({named}): put all parts in one folder"
        )
    return parts


class _Reader:
    """Reads one file; a cursor over its mapped bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.values: dict[str, Value] = {}
        self.lengths: dict[str, int] = {}
        self.tensors: list[Tensor] = []
        self._at = 0

    def read(self) -> _Reader:
        try:
            if self.path.is_dir():
                raise BadModelFile(f"{self.path} is a folder: name the .gguf file in it")
            with self.path.open("rb") as file:
                self.size = file.seek(0, 2)
                if self.size < 24:
                    raise self._bad("is no GGUF file: it is only {size} bytes long")
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as self._data:
                    self._read()
        except FileNotFoundError:
            raise BadModelFile(f"{self.path} does not exist: check the path of the model") from None
        except OSError as error:
            raise BadModelFile(f"{self.path} can't be read: {error.strerror}") from None
        except (struct.error, IndexError):
            raise self._bad("is truncated: its header does not end within its {size} bytes; copy it again") from None
        except (UnicodeDecodeError, OverflowError):
            raise self._bad("is damaged: its header makes no sense; copy it again") from None
        return self

    def _bad(self, what: str) -> BadModelFile:
        return BadModelFile(f"{self.path} {what.format(size=f'{self.size:,}')}")

    def _read(self) -> None:
        if self._data[:4] != _MAGIC:
            raise self._bad("is no GGUF file: name a model in llama.cpp's .gguf format")
        self._at = 4
        version = self._scalar("<I")
        if version not in (2, 3):
            raise self._bad(f"is GGUF version {version}; versions 2 and 3 can be read")
        tensor_count, value_count = self._scalar("<Q"), self._scalar("<Q")
        if tensor_count > self.size or value_count > self.size:
            raise self._bad("is damaged: its header makes no sense; copy it again")
        for _ in range(value_count):
            key = self._string()
            value = self._value(self._scalar("<I"), key)
            if value is not None:
                self.values[key] = value
        end = 0
        for _ in range(tensor_count):
            name = self._string()
            shape = tuple(self._scalar("<Q") for _ in range(self._scalar("<I")))
            kind, offset = self._scalar("<I"), self._scalar("<Q")
            size = _bytes(shape, kind)
            self.tensors.append(Tensor(name, shape, kind, size))
            end = max(end, offset + size)
        alignment = self.values.get("general.alignment", 32)
        alignment = alignment if isinstance(alignment, int) and alignment > 0 else 32
        data = -(-self._at // alignment) * alignment
        if data + end > self.size:
            raise self._bad(f"is truncated: {data + end:,} bytes are needed and {{size}} are there; copy it again")

    def _scalar(self, form: str) -> int:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value  # type: ignore[no-any-return]

    def _string(self) -> str:
        length = self._scalar("<Q")
        end = self._at + length
        if end > self.size:
            raise IndexError
        text = self._data[self._at : end].decode("utf-8", "replace")
        self._at = end
        return text

    def _value(self, kind: int, key: str) -> Value | None:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            return self._array(key)
        if kind not in _SCALARS:
            raise self._bad("is damaged: its header makes no sense; copy it again")
        return self._scalar(_SCALARS[kind])

    def _array(self, key: str) -> Value | None:
        kind, length = self._scalar("<I"), self._scalar("<Q")
        self.lengths[key] = length
        if kind == _STRING:
            self._skip_strings(length)
            return None
        if kind not in _SCALARS or length > self.size:
            raise self._bad("is damaged: its header makes no sense; copy it again")
        form = _SCALARS[kind]
        start, self._at = self._at, self._at + length * struct.calcsize(form)
        if self._at > self.size:
            raise IndexError
        if length > _KEPT_ARRAY:
            return None
        return struct.unpack_from(f"<{length}{form[1]}", self._data, start)

    def _skip_strings(self, count: int) -> None:
        # The loop that decides how long a header takes: local names, no slices beyond the length.
        data, at, size = self._data, self._at, self.size
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
            if at > size:
                raise IndexError
        self._at = at


def _whole(value: object, default: int) -> int:
    """A number of a header as an integer; infinity and NaN are no numbers."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else default


def _bytes(shape: tuple[int, ...], kind: int) -> int:
    if kind not in _BLOCKS:
        return 0
    elements, size = _BLOCKS[kind]
    total = 1
    for length in shape:
        total *= length
    return total // elements * size
