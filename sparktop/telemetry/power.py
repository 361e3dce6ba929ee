"""Temperatures and the supply rails' power, from the kernel's thermal zones and hwmon chips."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sparktop.model import channels
from sparktop.telemetry.reading import (
    DISK,
    Files,
    Gathered,
    Growth,
    Pace,
    Reading,
    Unreadable,
    read_count,
    read_text,
)

_LIST_S: Final = 30.0
_TEMPERATURE_S: Final = 2.0
"""Behind a zone there may be slow firmware, and heat moves slowly too."""

_NOT_OURS: Final = ("nvme", "mlx5")
"""Disks and network cards get as hot as they like without slowing a model down."""

_RAILS: Final = "spbm"
"""The chip that a third party's driver for the DGX Spark makes; on other machines there is none."""

_NO_RAIL: Final = ("budget", "pl", "syspl")
"""Beginnings of the labels that are limits, not readings."""

_DEAD: Final = 0xFFFF_FFFF * 1000
"""What a rail shows, in uW or uJ, while the firmware writes nothing."""


@dataclass(frozen=True, slots=True)
class _Rail:
    """One number of the supply chip.

    Attributes:
        channel: Its channel.
        path: Its file, in uW or uJ.
        growth: Adds up energy; None for power.
    """

    channel: str
    path: Path
    growth: Growth | None


@dataclass(slots=True)
class _Found:
    """What the machine has: zones by channel, and rails; and what could not be looked at."""

    zones: dict[str, Path] = field(default_factory=dict)
    rails: list[_Rail] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


class PowerSource:
    """Zones in °C, and rails in W and J where the driver for them is installed."""

    name = "power"

    def __init__(self, sys: Path, files: Files = DISK) -> None:
        """Opens nothing yet.

        Args:
            sys: Usually /sys.
            files: Where it is read.
        """
        self._sys = sys
        self._files = files
        self._found = _Found()
        self._listed = Pace(_LIST_S)
        self._warm = Pace(_TEMPERATURE_S)
        self._failed: dict[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """What was found last."""
        return (*self._found.zones, *(rail.channel for rail in self._found.rails)) or ("thermal", "rail")

    def forget(self) -> None:
        """Nothing to drop: nothing here is a rate."""

    def read(self, now: float) -> Reading:
        """Reads the rails, and every other second the zones."""
        gathered = Gathered()
        if self._listed.due(now):
            self._list()
        gathered.missing.update(self._found.reasons)
        for rail in self._found.rails:
            gathered.put(rail.channel, lambda rail=rail: self._rail(rail))  # type: ignore[misc]
        if self._warm.due(now):
            warm = Gathered()
            for channel, path in self._found.zones.items():
                warm.put(channel, lambda path=path: self._celsius(path))  # type: ignore[misc]
            gathered.values.update(warm.values)
            self._failed = warm.missing
        gathered.missing.update(self._failed)
        return gathered.reading(now)

    def _list(self) -> None:
        found = _Found()
        known = {rail.channel: rail for rail in self._found.rails}
        kinds = self._list_zones(found)
        hwmon = self._sys / "class/hwmon"
        try:
            for name in self._files.names(hwmon):
                self._list_chip(hwmon / name, kinds, found)
        except Unreadable as reason:
            found.reasons["rail"] = str(reason)
        if found.zones:
            # Virtual machines have no zones, and some of them sensors.
            found.reasons.pop("thermal", None)
        else:
            found.reasons.setdefault("thermal", f"no temperature in {self._sys}/class/thermal nor {hwmon}")
        if not found.rails:
            found.reasons.setdefault("rail", f"no {_RAILS} chip in {hwmon}: the rails' power is not known")
        # A sum goes on where it was, as long as the chip is the same.
        found.rails = [
            known[rail.channel] if rail.channel in known and known[rail.channel].path == rail.path else rail
            for rail in found.rails
        ]
        self._found = found

    def _list_zones(self, found: _Found) -> set[str]:
        """Adds the thermal zones and returns their types."""
        folder = self._sys / "class/thermal"
        kinds = set()
        try:
            zones = [name for name in self._files.names(folder) if name.startswith("thermal_zone")]
        except Unreadable as reason:
            found.reasons["thermal"] = str(reason)
            return set()
        for name in zones:
            try:
                kind = read_text(self._files, folder / name / "type")
            except Unreadable as reason:
                # It keeps a channel: that there is a zone is known.
                found.reasons[channels.indexed("thermal", name, "temperature")] = str(reason)
                continue
            kinds.add(kind)
            if not kind.startswith(_NOT_OURS):
                number = name.removeprefix("thermal_zone")
                found.zones[channels.indexed("thermal", f"{_word(kind)}-{number}", "temperature")] = (
                    folder / name / "temp"
                )
        return kinds

    def _list_chip(self, folder: Path, zones: set[str], found: _Found) -> None:
        try:
            chip = read_text(self._files, folder / "name")
            inside = self._files.names(folder)
        except Unreadable:
            # Gone since its folder was listed; the next listing tells.
            return
        if chip == _RAILS:
            for name in inside:
                if match := re.fullmatch(r"(power|energy)(\d+)_label", name):
                    self._list_rail(folder, match[1], match[2], found)
        # A chip that the kernel makes of a zone has the zone's type for its name, with "_" for "-".
        elif not chip.startswith(_NOT_OURS) and chip not in {zone.replace("-", "_") for zone in zones}:
            for name in inside:
                if match := re.fullmatch(r"temp(\d+)_input", name):
                    self._list_sensor(folder, chip, match[1], f"temp{match[1]}_label" in inside, found)

    def _list_rail(self, folder: Path, kind: str, number: str, found: _Found) -> None:
        try:
            label = read_text(self._files, folder / f"{kind}{number}_label")
        except Unreadable:
            # Without its label nobody knows what it is the power of.
            return
        if not label.startswith(_NO_RAIL):
            found.rails.append(
                _Rail(
                    channels.indexed("rail", _word(label), kind),
                    folder / f"{kind}{number}_input",
                    Growth() if kind == "energy" else None,
                )
            )

    def _list_sensor(self, folder: Path, chip: str, number: str, labelled: bool, found: _Found) -> None:
        label = f"temp{number}"
        if labelled:
            try:
                label = read_text(self._files, folder / f"temp{number}_label")
            except Unreadable:
                labelled = False
        # One for the whole processor will do; each core of a server would make a hundred.
        if not label.startswith("Core "):
            thing = f"{_word(chip)}-{folder.name.removeprefix('hwmon')}-{_word(label)}"
            found.zones[channels.indexed("thermal", thing, "temperature")] = folder / f"temp{number}_input"

    def _rail(self, rail: _Rail) -> float:
        count = read_count(self._files, rail.path)
        if count >= _DEAD:
            raise Unreadable(f"{rail.path} holds no reading")
        return (rail.growth.add(count) if rail.growth is not None else count) / 1e6

    def _celsius(self, path: Path) -> float:
        text = read_text(self._files, path)
        if not text.removeprefix("-").isdecimal():
            raise Unreadable(f"{path} is not a number: {text[:40]!r}")
        return int(text) / 1e3


def _word(text: str) -> str:
    """A part of a channel's name: no spaces or dots."""
    return re.sub(r"[^\w-]+", "_", text)
