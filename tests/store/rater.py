"""A program that rates a run until it is killed; a test starts it and kills it.

    python rater.py SNAPSHOT [JOURNAL]

It prints the number of each rating once that is kept, so that whoever kills it knows how many there have to be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sparktop.model.rating_events import Rated, Stars
from sparktop.store.rating_book import RatingBook


def main(snapshot: str, journal: str | None = None) -> None:
    book = RatingBook(Path(journal) if journal else None, Path(snapshot))
    print("open", flush=True)
    for number in range(1_000_000):
        opinion = Rated(
            t=0, number=0, request=number % 2, rater="ann", dimension="depth", stars=Stars(1 + number % 5), at=""
        )
        print(book.add(opinion).number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
