"""Runs without a screen: progress on stderr, results on stdout."""
