"""Results that others published, as data: one TOML file for each document, and the catalogue of models."""

from sparktop.published.loader import BadPublished, load_published

__all__ = ["BadPublished", "load_published"]
