"""The program as people start it, for the tests of `sparktop report`."""

from tests.cli.conftest import environ, sparktop

__all__ = ["environ", "sparktop"]
