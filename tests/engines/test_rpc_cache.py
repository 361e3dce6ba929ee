"""Tensors that a server keeps: the second load sends none of them, and what was cut off is never taken for one."""

from __future__ import annotations

import os
import re
import time
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


def test_a_second_load_sends_only_what_is_not_surely_there(bench: MakeBench, model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def load() -> tuple[int, str]:
        """One run with a server of its own; returns what the connection carried, and the answer."""
        server = RpcServer("spark-2", "127.0.0.1", log=tmp_path / "log", cache=cache, coming=EMBEDDING)
        server.start()
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

    sent, first = load()
    assert sent > EMBEDDING
    (tensor,) = (path for path in cache.iterdir() if path.suffix != ".json")
    assert tensor.stat().st_size == EMBEDDING

    again, second = load()
    assert again < EMBEDDING / 4
    assert second == first

    with tensor.open("r+b") as file:
        file.truncate(EMBEDDING // 2)
    anew, third = load()
    assert anew > EMBEDDING
    assert third == first
    assert tensor.stat().st_size == EMBEDDING
