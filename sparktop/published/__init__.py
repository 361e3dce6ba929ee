"""Results that others published, as data: one TOML file for each document, and the catalogue of models."""

from sparktop.published.loader import load_published

__all__ = ["load_published"]
