"""Models on servers that somebody else runs, over their OpenAI-compatible HTTP API.

`engine` runs in sparktop's own process and never imports an HTTP library; everything else here runs
in the worker, so that painting a screen cannot make a time stamp late.
"""
