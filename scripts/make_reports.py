"""Makes the reports of docs/reports: the demo models on this machine, asked with the program itself.

    python scripts/make_reports.py [SCENARIO...]

Without scenarios it runs those of the published comparison, a batch sweep, and prefill and decode. It takes about a
minute, and the figures are those of the machine that it runs on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
REPORTS: Final = ROOT / "docs" / "reports"
SCENARIOS: Final = ("sutra-qa", "general", "batch-sweep", "prefill-decode")
LANGUAGES: Final = ("en", "zh")
FORMATS: Final = ("html", "md")


def main(scenarios: Sequence[str]) -> int:
    """Runs the scenarios and writes their reports."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "HOME": home}
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            environ.pop(variable, None)
        runs = Path(home) / ".local" / "share" / "sparktop" / "runs"
        found: list[Path] = []
        for scenario in scenarios:
            _sparktop(["run", scenario, "--headless"], environ)
            found += sorted(set(runs.glob("*.json")) - set(found))
        for lang in LANGUAGES:
            for form in FORMATS:
                out = REPORTS / f"demo-models.{lang}.{form}"
                _sparktop(["report", *map(str, found), "--lang", lang, "--out", str(out)], environ)
                out.chmod(0o644)
    return 0


def _sparktop(words: Sequence[str], environ: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "sparktop", *words], cwd=ROOT, env=environ, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or SCENARIOS))
