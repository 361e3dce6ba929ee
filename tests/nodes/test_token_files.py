"""The file of a node's token."""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path

import pytest

from sparktop.nodes.token import BadToken, make_or_read, read


def test_agents_that_begin_at_once_have_one_token(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / str(number) / "token"
        found: list[str] = []
        together = threading.Barrier(8)

        def make(path: Path = path, together: threading.Barrier = together, found: list[str] = found) -> None:
            together.wait()
            try:
                found.append(make_or_read(path, "spark-2"))
            except BadToken as error:
                found.append(str(error))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert set(found) == {read(path)}
        assert path.stat().st_mode & 0o777 == 0o600
        assert os.listdir(path.parent) == ["token"]


def test_what_is_no_token(tmp_path: Path) -> None:
    pipe, folder, nothing, link = (tmp_path / name for name in ("pipe", "folder", "nothing", "link"))
    os.mkfifo(pipe, 0o600)
    folder.mkdir()
    nothing.touch(0o600)
    link.symlink_to(tmp_path / "nowhere")
    for path, sentence in (
        (pipe, "holds no token"),
        (folder, "can't be read: Is a directory"),
        (nothing, "holds no token"),
        (link, "can't be read: No such file"),
    ):
        for attempt in (partial(read, path), partial(make_or_read, path, "n")):
            with pytest.raises(BadToken, match=sentence):
                attempt()
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_token_of_somebody_else(tmp_path: Path) -> None:
    token = make_or_read(tmp_path / "token", "n")
    assert read(tmp_path / "token") == token
    os.chown(tmp_path / "token", 65534, 65534)
    with pytest.raises(BadToken, match="belongs to somebody else"):
        read(tmp_path / "token")
