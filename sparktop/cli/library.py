"""Where this person's files and scenarios are."""

from __future__ import annotations

from sparktop.cli.console import Console
from sparktop.places import Places
from sparktop.resources import scenarios_dir
from sparktop.scenarios.library import Library


def places(console: Console) -> Places:
    """Returns the person's folders."""
    return Places.of(console.environ)


def library(console: Console) -> Library:
    """Returns the shipped scenarios and the person's own."""
    return Library(shipped=scenarios_dir(), user=places(console).scenarios)
