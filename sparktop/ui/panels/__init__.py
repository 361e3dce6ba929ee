"""The parts of the dashboard; each takes a frozen view and draws it."""
