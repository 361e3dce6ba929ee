"""From what a person types to who runs: demo names and paths of .gguf files."""

from __future__ import annotations

from collections.abc import Sequence

from sparktop.model.records import Contender


class BadContender(ValueError):
    """What was named is no model that can run; the message is one sentence for the person."""


def resolve_contenders(specs: Sequence[str]) -> tuple[Contender, ...]:
    """Returns the contenders of the specs; of none, both demo models.

    Raises:
        BadContender: A name that is no demo and no file, or a file that is no GGUF.
    """
    raise NotImplementedError


def demo_contenders() -> tuple[Contender, ...]:
    """The models that come with sparktop: demo-base and demo-sutra."""
    raise NotImplementedError
