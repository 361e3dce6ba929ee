"""Placeholder."""

from sparktop.ui.screens.base import RunScreen


class ResultsScreen(RunScreen):
    """Placeholder."""

    def show(self) -> None:
        """Nothing."""
