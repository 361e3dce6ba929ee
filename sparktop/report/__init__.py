"""Reports: what runs brought, as Markdown, HTML, CSV or JSON, in English or Chinese."""

from sparktop.report.language import Lang
from sparktop.report.output import Format, render, write
from sparktop.report.sound import Unsound

__all__ = ["Format", "Lang", "Unsound", "render", "write"]
