"""Scenario files: TOML in, checked `Scenario` records out, errors that name file, line and key."""
