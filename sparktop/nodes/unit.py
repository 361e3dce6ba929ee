"""The systemd user unit that keeps an agent running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_UNIT: Final = """\
# Save as ~/.config/systemd/user/sparktop-node.service, then:
#   systemctl --user daemon-reload
#   systemctl --user enable --now sparktop-node
#   loginctl enable-linger        so that it also runs while nobody is logged in
[Unit]
Description=sparktop node: serves this machine's telemetry and models to a head

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=2
# What it kept open over the network is closed with a reason within two seconds.
TimeoutStopSec=10
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


def unit(words: Sequence[str]) -> str:
    """Returns the unit.

    Args:
        words: The command, the program's absolute path first.
    """
    return _UNIT.format(command=" ".join(map(_quoted, words)))


def _quoted(word: str) -> str:
    """A word as systemd.service(5) reads it: "%" and "$" stand for themselves when doubled."""
    word = word.replace("%", "%%").replace("$", "$$")
    if word and all(letter.isalnum() or letter in "-_./:=,@+%$" for letter in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
