"""Which tensors a server says are whole as it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sparktop.engines.llama import rpc_cache


def test_what_is_still_being_written_is_not_taken_for_whole(tmp_path: Path) -> None:
    """A tensor of a gigabyte is one write, whose file is dated from when it began."""
    cache = tmp_path / "cache"
    assert rpc_cache.prepare(cache, 0) == ""
    done, under_way = cache / ("a" * 16), cache / ("b" * 16)
    done.write_bytes(b"whole")
    with under_way.open("wb") as file:
        file.write(b"half")
        file.flush()
        for path in (done, under_way):
            os.utime(path, (time.time() - 60,) * 2)
        rpc_cache.seal(cache)
    assert rpc_cache.prepare(cache, 0) == ""
    assert [path for path in (done, under_way) if path.exists()] == [done]
