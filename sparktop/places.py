"""Where sparktop keeps its files, after the XDG base directory specification."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of one person; none is created before something is written to it.

    Attributes:
        config: The person's own settings.
        scenarios: The person's own scenario files.
        runs: One journal and one snapshot a run.
        logs: Logs of the engines.
        state: What was found out about this machine and need not be found out again.
    """

    config: Path
    runs: Path
    logs: Path
    state: Path

    @property
    def config_file(self) -> Path:
        """Names for contenders and nodes; see `sparktop.config`."""
        return self.config / "config.toml"

    @property
    def scenarios(self) -> Path:
        return self.config / "scenarios"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Places:
        """Reads HOME, XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME.

        A relative XDG path is ignored, as the specification asks. Without HOME, as in a service, it is the home folder
        that the user has in the system's own list.
        """
        home = Path(environ.get("HOME") or _home())

        def base(variable: str, default: str) -> Path:
            path = Path(environ.get(variable, ""))
            return (path if path.is_absolute() else home / default) / "sparktop"

        return cls(
            config=base("XDG_CONFIG_HOME", ".config"),
            runs=base("XDG_DATA_HOME", ".local/share") / "runs",
            logs=base("XDG_STATE_HOME", ".local/state") / "log",
            state=base("XDG_STATE_HOME", ".local/state"),
        )


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"
