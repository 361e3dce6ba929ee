"""Placeholder."""

from sparktop.ui.screens.base import RunScreen


class AnswersScreen(RunScreen):
    """Placeholder."""

    def show(self) -> None:
        """Nothing."""
