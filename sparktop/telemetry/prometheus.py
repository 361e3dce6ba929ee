"""The text format in which servers tell their metrics (Prometheus exposition format 0.0.4).

https://github.com/prometheus/docs/blob/main/docs/instrumenting/exposition_formats.md. The parser of
`prometheus_client` reads it too, but importing it takes 95 ms here, most of it for serving pages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sparktop.telemetry.reading import Unreadable

# Whatever a page holds, no part of a line can be read in two ways, and none is tried twice.
_NAME: Final = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*+"'
_PAIR: Final = rf"({_NAME})[ \t]*+=[ \t]*+({_QUOTED})[ \t]*+"
_BRACES: Final = rf"\{{[ \t]*+((?:{_PAIR}(?:,[ \t]*+|(?=\}})))*+)\}}"
_SAMPLE: Final = re.compile(
    rf"[a-zA-Z_:][a-zA-Z0-9_:]*+[ \t]*+(?:{_BRACES})?+[ \t]*+(?P<value>[^ \t{{]++)(?:[ \t]++-?[0-9]++)?[ \t]*+"
)
_LABEL: Final = re.compile(_PAIR)
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n"}
_NAMES_AND_MORE: Final = re.compile(r"[{ \t]")


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a page.

    Attributes:
        labels: What tells it apart from others of its name.
        value: Finite.
    """

    labels: Mapping[str, str]
    value: float


class Page:
    """The numbers of one page of metrics that somebody wants."""

    def __init__(self, samples: Mapping[str, Collection[Sample]]) -> None:
        self._samples = samples

    def has(self, name: str) -> bool:
        """Whether a metric of that name is told."""
        return bool(self._samples.get(name))

    def samples(self, name: str) -> Collection[Sample]:
        """Returns the numbers of a metric.

        Raises:
            Unreadable: There is none.
        """
        if not (found := self._samples.get(name)):
            raise Unreadable(f"the server does not tell {name}")
        return found

    def total(self, name: str, **labels: str) -> float:
        """Returns the sum of a metric over all label values but those given.

        Raises:
            Unreadable: There is none.
        """
        those = [s.value for s in self.samples(name) if labels.items() <= s.labels.items()]
        if not those:
            raise Unreadable(f"the server does not tell {name} of {', '.join(labels.values())}")
        return sum(those)

    def highest(self, name: str) -> float:
        """Returns the highest value of a metric.

        Raises:
            Unreadable: There is none.
        """
        return max(sample.value for sample in self.samples(name))

    def first(self, names: Iterable[str], of: Callable[[str], float]) -> float:
        """Returns what `of` makes of the first of these metrics that is told.

        Raises:
            Unreadable: None is.
        """
        those = list(names)
        return of(next((name for name in those if self.has(name)), those[0]))


def parse(text: str, wanted: Collection[str]) -> Page:
    """Returns the metrics with these names.

    What is not of the format is passed over, and so are numbers that are not finite: a metric that
    is not a number is not known.

    Args:
        text: A page; from anybody.
        wanted: Names of metrics.
    """
    found: dict[str, list[Sample]] = {}
    for line in text.split("\n"):
        name = _NAMES_AND_MORE.split(line, maxsplit=1)[0]
        if name not in wanted or (match := _SAMPLE.fullmatch(line.removesuffix("\r"))) is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        if math.isfinite(value):
            found.setdefault(name, []).append(Sample(_labels(match[1] or ""), value))
    return Page(found)


def names(text: str) -> Iterable[str]:
    """Yields the name that begins each line which is no comment."""
    return (_NAMES_AND_MORE.split(line, maxsplit=1)[0] for line in text.split("\n") if line and line[0] != "#")


def _labels(text: str) -> dict[str, str]:
    return {
        name: _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), quoted[1:-1])
        for name, quoted in _LABEL.findall(text)
    }
