"""Scenario times contenders: makes the requests, in order, and turns what happens into events."""
