"""Placeholder."""
from sparktop.ui.screens.base import RunScreen


class DashboardScreen(RunScreen):
    """Placeholder."""

    def show(self) -> None:
        """Nothing."""
