"""The NVIDIA GPUs of this machine; a driver that restarts is found again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sparktop.model.channels import PROCESS_LEFT, indexed
from sparktop.telemetry.ancestry import is_descendant
from sparktop.telemetry.gpu_device import Device, Energy
from sparktop.telemetry.memory import MemoryInfo
from sparktop.telemetry.nvml import Driver, DriverLost, Nvml
from sparktop.telemetry.reading import DISK, Files, Gathered, Pace, Reading, Unreadable

_ABSENT: Final = "gpu"
_PROCESSES_S: Final = 2.0
_MOST_GPUS: Final = 256
"""A recording of a stranger may claim as many as it likes."""
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 60.0


class GpuSource:
    """All GPUs, by NVML in this process; starting nvidia-smi would take a quarter of a second.

    Args:
        proc: Usually /proc.
        driver: The driver; None takes this machine's.
        own: Tells whether a process is sparktop's; None if it can't be told. By default those are
            this process and what was started under it.
        me: Number of this process.
        files: Where /proc is read.
        clock: Seconds, for the time between the beginning of a read and an answer.
    """

    name = "gpu"

    def __init__(
        self,
        proc: Path,
        driver: Driver | None = None,
        *,
        me: int,
        own: Callable[[int], bool | None] | None = None,
        files: Files = DISK,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc = proc
        self._driver = driver if driver is not None else Nvml()
        self._files = files
        self._own = own if own is not None else is_descendant(proc, files, me)
        self._clock = clock
        self._devices: list[Device] = []
        self._energies: list[Energy] = []
        self._open = False
        self._reason = ""
        self._wait = 0.0
        self._again = float("-inf")
        self._known: tuple[str, ...] = ()
        self._listed = Pace(_PROCESSES_S)
        self._owners: dict[int, bool | None] = {}
        self._pids: frozenset[int] = frozenset()
        self._failed: dict[str, str] = {}

    @property
    def channels(self) -> tuple[str, ...]:
        """What was ever read, or "gpu" alone."""
        return self._known or (_ABSENT,)

    def forget(self) -> None:
        """Drops what rates are counted from."""
        for device in self._devices:
            device.forget()

    def read(self, now: float) -> Reading:
        """Reads every GPU."""
        began = self._clock()
        gathered = Gathered()
        try:
            if not self._open:
                self._connect(now)
            self._put(lambda: now + self._clock() - began, now, gathered)
        except Unreadable as reason:
            if self._open:
                self._disconnect(now, str(reason))
            gathered = Gathered()
            gathered.fail((_ABSENT, *self._known), self._reason)
        # What a process holds is no quantity of the GPU: its channel ends with it.
        lasting = (*self._known, *gathered.values, *gathered.missing)
        self._known = tuple(dict.fromkeys(n for n in lasting if n.startswith("gpu.")))
        return gathered.reading(now)

    def _connect(self, now: float) -> None:
        """Opens the driver, unless that failed a moment ago.

        Raises:
            Unreadable: It can't be opened, or tells of no GPU.
        """
        if now < self._again:
            raise Unreadable(self._reason)
        try:
            self._driver.open()
        except Unreadable as reason:
            self._later(now, str(reason))
            raise
        self._open = True
        count = self._driver.ask("count")
        if not isinstance(count, int) or count < 1:
            raise Unreadable("the NVIDIA driver knows no GPU")
        if count > _MOST_GPUS:
            raise Unreadable(f"{count} GPUs make no sense")
        total = self._memory_total()
        # Sums of energy go on where they were before the driver went away.
        self._energies += [Energy() for _ in range(len(self._energies), count)]
        self._devices = [Device(index, self._driver, total, self._energies[index]) for index in range(count)]
        self._listed.forget()
        self._failed = {}
        self._wait, self._reason = 0.0, ""

    def _disconnect(self, now: float, reason: str) -> None:
        self._open = False
        self._devices = []
        self._later(now, reason)
        self._driver.close()

    def _later(self, now: float, reason: str) -> None:
        # Soon at first, since a driver that is being updated is back in seconds; rarely in the end,
        # as a machine without one never gets it.
        self._wait = min(max(_FIRST_WAIT_S, 2 * self._wait), _LONGEST_WAIT_S)
        self._again = now + self._wait
        self._reason = reason

    def _memory_total(self) -> int | None:
        try:
            return MemoryInfo(self._proc, self._files).bytes("MemTotal")
        except Unreadable:
            return None

    def _put(self, at: Callable[[], float], now: float, gathered: Gathered) -> None:
        answered = [device.read(at, gathered) for device in self._devices]
        if not any(answered):
            # After some restarts the driver refuses everything with errors that sound harmless.
            why = next(iter(gathered.missing.values()), "no reason given")
            raise Unreadable(f"the NVIDIA driver answers nothing any more: {why.removeprefix('the driver says: ')}")
        if self._listed.due(now):
            self._failed = {}
            self._put_processes(gathered)
        gathered.missing.update(self._failed)

    def _put_processes(self, gathered: Gathered) -> None:
        everywhere: dict[int, int | None] = {}
        complete = True
        for device in self._devices:
            names = [device.name(q) for q in ("held", "held_own", "held_other", "processes_other")]
            try:
                held = device.held().by_pid
            except DriverLost:
                raise
            except Unreadable as reason:
                self._failed.update(dict.fromkeys(names, str(reason)))
                complete = False
                continue
            for pid, size in held.items():
                before = everywhere.get(pid, 0)
                everywhere[pid] = None if size is None or before is None else before + size
            self._put_held(device, dict(held), gathered)
        self._put_each(everywhere, complete, gathered)

    def _put_held(self, device: Device, held: dict[int, int | None], gathered: Gathered) -> None:
        own: list[int | None] = []
        others: list[int | None] = []
        strange: str | None = None
        for pid, size in held.items():
            owner = self._owners[pid] if pid in self._owners else self._own(pid)
            self._owners[pid] = owner
            if owner is None:
                strange = f"process {pid} on the GPU can't be seen from here, as in a container"
            (own if owner else others).append(size)

        def total(sizes: list[int | None], unclear: str | None) -> float:
            if unclear is not None:
                raise Unreadable(unclear)
            known = [size for size in sizes if size is not None]
            if len(known) < len(sizes):
                raise Unreadable("the driver does not tell how much each process holds, as in a container")
            return sum(known)

        def count() -> float:
            if strange is not None:
                raise Unreadable(strange)
            return len(others)

        here = Gathered()
        here.put(device.name("held"), lambda: total([*own, *others], None))
        here.put(device.name("held_own"), lambda: total(own, strange))
        here.put(device.name("held_other"), lambda: total(others, strange))
        here.put(device.name("processes_other"), count)
        gathered.values.update(here.values)
        self._failed.update(here.missing)

    def _put_each(self, held: dict[int, int | None], complete: bool, gathered: Gathered) -> None:
        for pid, size in held.items():
            name = indexed("process", pid, "gpu_held")
            if size is None:
                self._failed[name] = "the driver does not tell how much this process holds"
            elif complete:
                gathered.values[name] = size
            else:
                self._failed[name] = "not every GPU tells its processes"
        for pid in self._pids - held.keys():
            # Once: it is a gap, after which the series ends.
            gathered.missing[indexed("process", pid, "gpu_held")] = PROCESS_LEFT
        self._pids = frozenset(held)
        self._owners = {pid: owner for pid, owner in self._owners.items() if pid in held}
