"""Two toy models in GGUF, so that sparktop works offline at once: `demo-base` and `demo-sutra`."""
