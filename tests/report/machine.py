"""A run on a machine with a GPU and a link, made up, with readings of everything that the report charts."""

from __future__ import annotations

from functools import cache

from sparktop.model.document import Snapshot
from sparktop.model.events import SampleTaken
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from tests.model.spark import answer, readings, spark
from tests.model.synthetic import NODE

GIB = 2**30


@cache
def machine_run() -> Snapshot:
    """Two questions; 60 W while it reads prompts, 40 W while it decodes, 16 Gb/s over the link."""
    samples = []
    for reading in readings():
        busy = 2 <= reading.t <= 16
        values = {
            "gpu.0.power": (60.0 if reading.t < 6 else 40.0) if busy else 5.0,
            "gpu.0.sm_clock": 2400.0 if busy else 210.0,
            "memory.used": 90.0 * GIB if busy else 20.0 * GIB,
            "port.p0.rx_rdma": 2e9 if busy else 0.0,
            "port.p0.tx_rdma": 1e9 if busy else 0.0,
        }
        samples.append(SampleTaken(t=reading.t, node=NODE.name, values={**reading.values, **values}))
    second = answer(sent=6.5, first=7.0, seconds=9.0, item="Q2")
    return take_snapshot(fold(spark(answer(seconds=0.4), second, samples=samples)))
