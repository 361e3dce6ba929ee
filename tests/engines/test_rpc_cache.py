"""Tensors that a server keeps: the second load sends none of them, and what was cut off is never taken for one."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import gguf
import numpy as np
import pytest

from sparktop.engines.llama.rpc_host import RpcServer
from sparktop.engines.wire import Split
from sparktop.model.split_events import LinkMeasured
from sparktop.resources import demo_dir
from tests.engines.conftest import MakeBench, question

WIDTH, FEED_FORWARD, HEADS, WORDS = 1024, 256, 8, 4601
EMBEDDING = WIDTH * WORDS * 4
"""Bytes of the one tensor that is large enough to be kept (over 10 MiB)."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one block with random weights and the demo model's words."""
    path = tmp_path_factory.mktemp("wide") / "wide.gguf"
    demo = gguf.GGUFReader(demo_dir() / "demo-base.gguf")
    writer = gguf.GGUFWriter(path, "llama")
    numbers = {
        "embedding_length": WIDTH,
        "feed_forward_length": FEED_FORWARD,
        "block_count": 1,
        "attention.head_count": HEADS,
        "attention.head_count_kv": HEADS,
        "rope.dimension_count": WIDTH // HEADS,
    }
    for field in demo.fields.values():
        key = field.name.removeprefix("llama.")
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue
        kind, sub_kind = field.types[0], field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, numbers.get(key, field.contents()), kind, sub_kind)
    random = np.random.default_rng(1)
    shapes = {
        "token_embd": (WORDS, WIDTH),
        **{f"blk.0.attn_{one}": (WIDTH, WIDTH) for one in ("q", "k", "v", "output")},
        **{f"blk.0.ffn_{one}": (FEED_FORWARD, WIDTH) for one in ("gate", "up")},
        "blk.0.ffn_down": (WIDTH, FEED_FORWARD),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape, dtype=np.float32) / 30)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def load(bench: MakeBench, model: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """One run with a server of its own; returns what the connection carried, and the answer."""

    def run_once(cache: Path, started: Callable[[], None] | None = None) -> tuple[int, str]:
        server = RpcServer("spark-2", "127.0.0.1", log=tmp_path / "log", cache=cache, coming=EMBEDDING)
        server.start()
        if started is not None:
            started()
        run = bench(model, split=Split(node="spark-1", servers=(server.endpoint,), shares=(1, 1)))
        run.ready()
        run.ask(question(0, max_tokens=8, ignore_eos=True))
        told = run.until(LinkMeasured)
        assert isinstance(told, LinkMeasured)
        for kept in cache.iterdir():
            # As after a run that took longer than a moment.
            os.utime(kept, (time.time() - 60,) * 2)
        run.engine.close()
        server.stop()
        return int(re.sub(r"\D", "", told.link.proof)), run.answer(0)

    return run_once


def test_a_second_load_sends_only_what_is_not_surely_there(
    load: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    sent, first = load(cache)
    assert sent > EMBEDDING
    (tensor,) = (path for path in cache.iterdir() if path.suffix != ".json")
    assert tensor.stat().st_size == EMBEDDING

    again, second = load(cache)
    assert again < EMBEDDING / 4
    assert second == first

    with tensor.open("r+b") as file:
        file.truncate(EMBEDDING // 2)
    anew, third = load(cache)
    assert anew > EMBEDDING
    assert third == first
    assert tensor.stat().st_size == EMBEDDING


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for much, as long as nobody makes it smaller."""
    if os.geteuid() != 0:
        pytest.skip("a small disk is root's to make")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", folder], check=False, capture_output=True)
    if made.returncode:
        pytest.skip(f"mounting is not allowed here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("room_again", [False, True])
def test_a_disk_that_fills_up_while_tensors_come_keeps_none(
    load: Callable[..., tuple[int, str]], disk: Path, tmp_path: Path, room_again: bool
) -> None:
    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)

    _, whole = load(tmp_path / "elsewhere")
    cut_off: list[int] = []

    def watch() -> None:
        """Sees what is written, and lets others give back the disk that they filled."""
        deadline = time.monotonic() + 20
        while not cut_off and time.monotonic() < deadline:
            for path in disk.iterdir():
                with suppress(OSError):
                    if path.suffix != ".json" and path.stat().st_size:
                        cut_off.append(path.stat().st_size)
            time.sleep(0.002)
        if room_again:
            time.sleep(0.5)
            resize("4g")

    def fill() -> None:
        resize("8m")
        threading.Thread(target=watch, daemon=True).start()

    _, answer = load(disk, fill)
    assert answer == whole, "the run goes on without them"
    assert cut_off
    assert max(cut_off) < EMBEDDING
    resize("4g")
    sent, answer = load(disk)
    assert answer == whole
    assert sent > EMBEDDING, "nothing half-written was taken for a tensor"
    sent, answer = load(disk)
    assert sent < EMBEDDING / 4
    assert answer == whole
