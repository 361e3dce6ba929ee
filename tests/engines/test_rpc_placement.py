"""Which layers go where, what the log tells of it, and which tensors a server may keep."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparktop.engines.llama import rpc_cache
from sparktop.engines.llama.load_log import device_names, held
from sparktop.engines.llama.placement import CannotPlace, Placement, place, share_out

GIB = 1 << 30


@given(st.integers(1, 200), st.lists(st.floats(1e-3, 1e12), min_size=1, max_size=8))
def test_every_node_gets_a_layer_and_none_is_lost(layers: int, shares: list[float]) -> None:
    if layers < len(shares):
        with pytest.raises(CannotPlace, match=f"a model of {layers} layers can't be split over {len(shares)} nodes"):
            share_out(layers, shares)
        return
    counts = share_out(layers, shares)
    assert sum(counts) == layers
    assert min(counts) >= 1
    crowded = [n for n, share in enumerate(shares) if layers * share / sum(shares) < 1]
    if not crowded:  # nobody had to be helped to a layer: all others are within one of what is theirs
        assert all(abs(count - layers * s / sum(shares)) < 1 + 1e-6 for count, s in zip(counts, shares, strict=True))


@pytest.mark.parametrize("shares", [(1.0, 0.0), (1.0, -1.0), (float("nan"), 1.0), (float("inf"), 1.0)])
def test_a_share_that_is_none_is_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(CannotPlace, match="every node of a split takes a share above 0"):
        share_out(10, shares)


def test_servers_come_first_and_the_processor_takes_the_first_layers() -> None:
    # Two Sparks: 81 layers, the other one's GPU is listed before the own.
    assert place(81, (1, 1), [[100 * GIB]], [100 * GIB]) == Placement(81, (40, 41))
    assert place(81, (1, 2), [[100 * GIB]], [100 * GIB]) == Placement(81, (54, 27))
    # No GPU here: the first 27 layers are not offloaded.
    assert place(81, (1, 1, 1), [[GIB], [GIB]], []) == Placement(54, (27, 27))
    # A node with two GPUs of unlike size, and one more GPU than it has layers.
    assert place(9, (1, 2), [[GIB, 2 * GIB]], [GIB]) == Placement(9, (2, 4, 3))
    assert place(3, (1, 2), [[GIB, GIB, GIB]], [GIB]) == Placement(3, (1, 1, 0, 1))


LOG = """\
load_tensors: offloaded 81/81 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   816.64 MiB
load_tensors: RPC0[192.168.100.11:50052] model buffer size = 35840.12 MiB
load_tensors:        CUDA0 model buffer size = 34010.50 MiB
llama_context:  CUDA_Host  output buffer size =     0.58 MiB
llama_kv_cache: RPC0[192.168.100.11:50052] KV buffer size =   656.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =   624.00 MiB
sched_reserve: RPC0[192.168.100.11:50052] compute buffer size =   328.51 MiB
sched_reserve:      CUDA0 compute buffer size =   400.25 MiB
sched_reserve: RPC0[10.0.0.9:1] compute buffer size =   1.00 MiB
"""


def test_the_log_tells_what_lies_where() -> None:
    found = held(LOG, ["192.168.100.11:50052"])
    there, here = found["192.168.100.11:50052"], found[""]
    assert (there.weights, there.kv, there.compute) == (
        int(35840.12 * 2**20),
        656 << 20,
        int(328.51 * 2**20),
    )
    assert here.weights == int(816.64 * 2**20) + int(34010.50 * 2**20)
    assert here.compute == int(0.58 * 2**20) + int(400.25 * 2**20)
    assert device_names(here.buffers) == ("CPU", "CUDA0")
    assert device_names(there.buffers) == ("RPC0",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with two tensors of a server that ended well: 3,000 bytes an hour ago, 5,000 two hours ago."""
    for name, size, hours in (("0123456789abcdef", 3000, 1), ("fedcba9876543210", 5000, 2)):
        path = tmp_path / name
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    rpc_cache.seal(tmp_path)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "whole.json"}


def test_tensors_of_a_server_that_ended_well_are_kept(folder: Path) -> None:
    assert rpc_cache.prepare(folder, 0) == ""
    assert names(folder) == {"0123456789abcdef", "fedcba9876543210"}


def test_what_may_not_be_whole_is_removed_and_what_is_not_ours_is_left(folder: Path) -> None:
    (folder / "0123456789abcdef").write_bytes(b"x" * 2000)  # cut off since
    (folder / "aaaaaaaaaaaaaaaa").write_bytes(b"x")  # of a server that was killed
    (folder / "notes.txt").write_text("mine")
    assert rpc_cache.prepare(folder, 0) == ""
    assert names(folder) == {"fedcba9876543210", "notes.txt"}


def test_what_was_written_to_a_moment_ago_is_not_called_whole(folder: Path) -> None:
    (folder / "bbbbbbbbbbbbbbbb").write_bytes(b"x")
    rpc_cache.seal(folder)
    rpc_cache.prepare(folder, 0)
    assert names(folder) == {"0123456789abcdef", "fedcba9876543210"}


def test_on_a_full_disk_the_oldest_go_first_and_without_room_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=rpc_cache.SPARE + 100))
    assert rpc_cache.prepare(folder, 4000) == ""
    assert names(folder) == {"0123456789abcdef"}
    assert rpc_cache.prepare(folder, 10_000).endswith(" GB")
    # And a disk that filled up while a server ran leaves nothing that the next one would trust.
    (folder / "cccccccccccccccc").write_bytes(b"x")
    os.utime(folder / "cccccccccccccccc", (time.time() - 3600,) * 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    rpc_cache.seal(folder)
    monkeypatch.undo()
    rpc_cache.prepare(folder, 0)
    assert names(folder) == set()
