"""sparktop: how fast does a language model run on a DGX Spark, and what holds it back."""

__version__ = "0.1.0"
