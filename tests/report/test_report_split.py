"""A model that is split over machines in the report: a row for each machine."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import orjson

from sparktop.model.document import Snapshot
from sparktop.model.parts import LinkUse, SplitPart
from sparktop.model.snapshot import take_snapshot
from sparktop.model.split_events import LinkMeasured, ModelSplit
from sparktop.model.state import fold
from sparktop.model.unfold import unfold
from sparktop.report import Format, Lang, render
from sparktop.report.build import build
from tests.model.synthetic import Run
from tests.report.reading import table, texts

GIB = 1 << 30

PARTS = (
    SplitPart(node="a", address="", devices=("CUDA0",), layers=41, weights=35 * GIB, kv=GIB, compute=GIB),
    SplitPart(node="b", address="10.0.0.2:5", devices=("RPC0",), layers=40, weights=34 * GIB, kv=GIB, compute=0),
    SplitPart(node="c", address="10.0.0.3:5", devices=("RPC1",), layers=1, weights=GIB, kv=0, compute=0),
)
LINK = LinkUse(
    node="b",
    rdma=False,
    proof="its TCP connection carried 9 bytes, as the kernel counts them",
    rtt_ms=0.214,
    decode_tokens=100,
    decode_bytes=3_276_800,
    prompt_tokens=1,
    prompt_bytes=1,
    waiting=0.512,
    samples=800,
    reason="",
)
VAGUE = replace(LINK, node="c", rdma=True, rtt_ms=None, decode_bytes=None, waiting=None, reason="18 samples were taken")


def run() -> Snapshot:
    told = [
        ModelSplit(t=0.5, contender="qwen", parts=PARTS),
        *(LinkMeasured(t=2.0, contender="qwen", link=link) for link in (replace(LINK, decode_tokens=1), LINK, VAGUE)),
    ]
    return take_snapshot(fold(Run(extra=told).events()))


def test_every_machine_has_a_row() -> None:
    found = table(build([run()], Lang.EN), "split")
    rows = [[cell.text for cell in row.cells] for row in found.rows]
    assert rows == [
        ["qwen", "a", "41", "35.0 GiB", "1.00 GiB", "1.00 GiB", *["n/a"] * 4],
        ["qwen", "b", "40", "34.0 GiB", "1.00 GiB", "0 B", "TCP", "32.8 kB", "51 %", "0.214 ms"],
        ["qwen", "c", "1", "1.00 GiB", "0 B", "0 B", "RDMA", "n/a", "n/a", "n/a"],
    ]
    assert "18 samples were taken" in found.notes
    assert LINK.proof in found.notes
    assert any("makes no single stream faster" in text for text in texts(build([run()], Lang.EN)))
    assert table(build([run()], Lang.ZH), "split").title == "分布在多台机器上的模型"


def test_it_is_in_the_document_and_comes_back_from_it() -> None:
    document = orjson.loads(orjson.dumps(run()))
    (contender,) = document["contenders"]
    assert [part["node"] for part in contender["parts"]] == ["a", "b", "c"]
    assert [link["decode_tokens"] for link in contender["links"]] == [100, 100], "the last of each machine"
    (again,) = take_snapshot(fold(unfold(run()))).contenders
    assert (again.parts, again.links) == (PARTS, (LINK, VAGUE))


def test_the_last_columns_of_the_flat_table_tell_of_it() -> None:
    def last(*links: LinkUse) -> list[str]:
        told = [
            ModelSplit(t=0.5, contender="qwen", parts=PARTS),
            *(LinkMeasured(t=2.0, contender="qwen", link=link) for link in links),
        ]
        rows = list(
            csv.DictReader(io.StringIO(render([take_snapshot(fold(Run(extra=told).events()))], Format.CSV, Lang.EN)))
        )
        assert list(rows[0])[-3:] == ["split: by", "split: kB per token", "split: waited for a machine (%)"]
        assert list(rows[0])[:10][-1] == "machines"
        assert all(not any(list(row.values())[-3:]) for row in rows if row["row"] == "answer")
        return list(next(row for row in rows if row["row"] == "contender").values())[-3:]

    assert last(LINK) == ["TCP", "32.8", "51.2"]
    assert last() == ["", "", ""]
    third = replace(LINK, node="c", rdma=True, waiting=0.25)
    assert last(LINK, third) == ["TCP, RDMA", "65.5", "51.2"]
    assert last(LINK, VAGUE) == ["TCP, RDMA", "", ""], "what is known of one is not told of both"
