"""Makes the pictures of the scenario `vision`: few colours, hard edges, one right answer each.

Usage: python scripts/make_pictures.py [FOLDER]

They are written as PNG (ISO/IEC 15948) with the standard library alone, and are the same each time.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

WIDTH: Final = 448
HEIGHT: Final = 336

Colour = tuple[int, int, int]

WHITE: Final = (255, 255, 255)
BLACK: Final = (20, 20, 20)
GREY: Final = (190, 190, 190)
RED: Final = (214, 40, 40)
GREEN: Final = (34, 139, 60)
BLUE: Final = (30, 80, 200)
YELLOW: Final = (245, 200, 20)

SEGMENTS: Final = {"4": "bcfg", "0": "abcdef", "9": "abcdfg", "6": "acdefg", "7": "abc"}
"""Which bars of a seven-segment digit are lit: a on top, then clockwise to f, g in the middle."""


class Canvas:
    """A picture that is painted on."""

    def __init__(self) -> None:
        self.rows = [bytearray(bytes(WHITE) * WIDTH) for _ in range(HEIGHT)]

    def fill(self, colour: Colour, inside: Callable[[float, float], bool]) -> None:
        """Paints every pixel of which the middle is inside."""
        for y, row in enumerate(self.rows):
            for x in range(WIDTH):
                if inside(x + 0.5, y + 0.5):
                    row[3 * x : 3 * x + 3] = bytes(colour)

    def box(self, colour: Colour, left: float, top: float, right: float, bottom: float) -> None:
        """Paints a rectangle."""
        self.fill(colour, lambda x, y: left <= x < right and top <= y < bottom)

    def disc(self, colour: Colour, centre: tuple[float, float], radius: float) -> None:
        """Paints a circle."""
        cx, cy = centre
        self.fill(colour, lambda x, y: (x - cx) ** 2 + (y - cy) ** 2 <= radius**2)

    def triangle(self, colour: Colour, top: tuple[float, float], base: float, height: float) -> None:
        """Paints a triangle that stands on its base."""
        tx, ty = top
        self.fill(colour, lambda x, y: ty <= y < ty + height and abs(x - tx) <= (y - ty) / height * base / 2)

    def png(self) -> bytes:
        """Returns it as a file: 8 bits a channel, no filters."""
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
        lines = b"".join(b"\0" + row for row in self.rows)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )


def shapes() -> Canvas:
    """A red circle, a blue square and a green triangle, from left to right."""
    canvas = Canvas()
    canvas.disc(RED, (84, 168), 52)
    canvas.box(BLUE, 174, 118, 274, 218)
    canvas.triangle(GREEN, (364, 114), 112, 106)
    return canvas


def discs() -> Canvas:
    """Seven yellow discs and two black squares."""
    canvas = Canvas()
    for centre in ((60, 70), (160, 120), (270, 60), (385, 100), (90, 240), (230, 200), (350, 270)):
        canvas.disc(YELLOW, centre, 26)
    for left, top in ((150, 265), (395, 180)):
        canvas.box(BLACK, left, top, left + 40, top + 40)
    return canvas


def number() -> Canvas:
    """The number 40967 in seven-segment digits."""
    canvas = Canvas()
    for place, digit in enumerate("40967"):
        x, y, wide, high, thick = 34 + 80 * place, 108, 58, 120, 12
        bars = {
            "a": (x, y, x + wide, y + thick),
            "b": (x + wide - thick, y, x + wide, y + high / 2),
            "c": (x + wide - thick, y + high / 2, x + wide, y + high),
            "d": (x, y + high - thick, x + wide, y + high),
            "e": (x, y + high / 2, x + thick, y + high),
            "f": (x, y, x + thick, y + high / 2),
            "g": (x, y + (high - thick) / 2, x + wide, y + (high + thick) / 2),
        }
        for bar in SEGMENTS[digit]:
            canvas.box(BLACK, *bars[bar])
    return canvas


def bars() -> Canvas:
    """A bar chart: red 120, blue 240, green 180, yellow 60 pixels high."""
    canvas = Canvas()
    for place, (colour, high) in enumerate(((RED, 120), (BLUE, 240), (GREEN, 180), (YELLOW, 60))):
        left = 80 + 88 * place
        canvas.box(colour, left, 290 - high, left + 56, 290)
    canvas.box(BLACK, 50, 30, 54, 294)
    canvas.box(BLACK, 50, 290, 424, 294)
    return canvas


def grid() -> Canvas:
    """Four columns and three rows of cells; that in the second row and third column is red."""
    canvas = Canvas()
    for row in range(3):
        for column in range(4):
            left, top = 28 + 100 * column, 23 + 100 * row
            canvas.box(RED if (row, column) == (1, 2) else GREY, left, top, left + 90, top + 90)
    return canvas


def make(folder: Path) -> None:
    """Writes all of them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in (shapes, discs, number, bars, grid):
        (folder / f"{picture.__name__}.png").write_bytes(picture().png())


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "scenarios" / "vision")
