"""Where the files that ship with sparktop are: in a checkout, or in the installed package.

The wheel carries the top-level folders `scenarios/` and `themes/` under `sparktop/_data/`; a checkout (an editable
install) reads them where they are.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str, package: Path) -> Path:
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def scenarios_dir(package: Path = _PACKAGE) -> Path:
    """The folder of the scenarios that ship with sparktop."""
    return _shipped("scenarios", package)


def themes_dir(package: Path = _PACKAGE) -> Path:
    """The folder of the themes that ship with sparktop."""
    return _shipped("themes", package)


def demo_dir(package: Path = _PACKAGE) -> Path:
    """The folder of the demo models (.gguf)."""
    return package / "demo"
