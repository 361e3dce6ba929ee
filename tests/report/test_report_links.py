"""How machines are connected, in the snapshot and in the report."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import orjson

from sparktop.model.document import Snapshot
from sparktop.model.events import ClockMeasured, Event, NodeSeen, RunStarted
from sparktop.model.interfaces import Interface, links_from
from sparktop.model.schema import snapshot_schema
from sparktop.model.snapshot import take_snapshot
from sparktop.model.state import fold
from sparktop.model.unfold import unfold
from sparktop.report import Lang
from sparktop.report.build import build
from tests.model.synthetic import NODE, Run
from tests.report.reading import table, texts

CABLE = 25e9
INTERFACES = {
    "spark-a": (
        Interface(name="eth0", address="10.0.0.1", prefix=24, speed=1.25e8),
        Interface(name="enp1s0f0np0", address="192.168.100.10", prefix=24, rdma=True, speed=CABLE),
    ),
    "spark-b": (
        Interface(name="eth0", address="10.0.0.2", prefix=24),
        Interface(name="enp1s0f0np0", address="192.168.100.11", prefix=24, rdma=True, speed=CABLE),
    ),
    "spark-c": (Interface(name="wlan0", address="172.16.0.3", prefix=16),),
}
NODES = tuple(replace(NODE, name=name, links=links_from(name, INTERFACES)) for name in INTERFACES)


def events(driver: str = "580.95") -> list[Event]:
    """A run on these machines, one of which told later what its driver is."""
    first, *rest = Run().events()
    assert isinstance(first, RunStarted)
    later = NodeSeen(t=0.1, node=replace(NODES[1], links=(), driver=driver))
    return [replace(first, nodes=NODES), later, *rest]


def run() -> Snapshot:
    return take_snapshot(fold(events()))


def test_each_machine_has_its_links_to_the_others() -> None:
    document = orjson.loads(orjson.dumps(run()))
    jsonschema.validate(document, snapshot_schema())
    a, b, c = document["nodes"]
    assert [(link["node"], link["here"]["address"], link["there"]["address"]) for link in a["links"]] == [
        ("spark-b", "192.168.100.10", "192.168.100.11"),
        ("spark-b", "10.0.0.1", "10.0.0.2"),
    ]
    cable, home = b["links"]
    assert (cable["node"], cable["there"]["name"], cable["here"]["rdma"]) == ("spark-a", "enp1s0f0np0", True)
    assert cable["here"]["speed"] == CABLE
    assert (home["here"]["speed"], home["there"]["speed"], home["here"]["rdma"]) == (None, 1.25e8, False)
    assert c["links"] == []
    assert take_snapshot(fold(unfold(run()))).nodes[1].links == NODES[1].links


def test_what_is_learnt_later_of_a_machine_leaves_its_links() -> None:
    seen = fold(events("999")).nodes["spark-b"]
    assert (seen.driver, seen.links) == ("999", NODES[1].links)


def test_every_link_has_one_row_in_the_report() -> None:
    found = table(build([run()], Lang.EN), "links")
    assert [[cell.text for cell in row.cells] for row in found.rows] == [
        [
            *("spark-a", "192.168.100.10 enp1s0f0np0 (RDMA device)"),
            *("spark-b", "192.168.100.11 enp1s0f0np0 (RDMA device)", "200 Gb/s", "yes"),
        ],
        ["spark-a", "10.0.0.1 eth0", "spark-b", "10.0.0.2 eth0", "unknown", "no"],
    ]
    assert table(build([run()], Lang.ZH), "links").title == "机器之间的链路"


def test_a_machine_is_the_same_whatever_it_is_connected_to() -> None:
    alone = replace(run(), id="alone", nodes=tuple(replace(node, links=()) for node in NODES))
    found = build([run(), alone], Lang.EN)
    assert len(table(found, "nodes").rows) == 3
    assert len(table(found, "links").rows) == 2


def test_how_sure_the_times_of_other_machines_are_is_kept_and_said() -> None:
    first, *rest = events()
    told = [
        ClockMeasured(t=0.1 * n, node=node, offset_s=-5.0 + n, uncertainty_s=uncertainty, rtt_s=0.001)
        for n, (node, uncertainty) in enumerate((("spark-b", 0.0006), ("spark-b", 0.0124), ("spark-b", 0.0005)))
    ]
    taken = take_snapshot(fold([first, *told, *rest]))
    [clock] = taken.clocks
    assert (clock.node, clock.offset_s, clock.uncertainty_s, clock.rtt_s) == ("spark-b", -3.0, 0.0124, 0.001)
    assert take_snapshot(fold(unfold(taken))).clocks == taken.clocks
    document = orjson.loads(orjson.dumps(taken))
    jsonschema.validate(document, snapshot_schema())

    def said(run: Snapshot, lang: Lang) -> list[str]:
        return [text for text in texts(build([run], lang)) if "spark-b ±12.4 ms" in text]

    assert len(said(taken, Lang.EN)) == len(said(taken, Lang.ZH)) == 1
    assert not said(run(), Lang.EN)
