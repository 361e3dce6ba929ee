"""Pictures of questions: what is taken, what is refused, and that those that ship are what the script makes."""

from __future__ import annotations

import base64
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sparktop.engines.http.dialect import GENERIC, chat
from sparktop.engines.protocol import Generation
from sparktop.model.scenario import Sampling
from sparktop.scenarios.fields import BadScenario
from sparktop.scenarios.loader import load_scenario
from sparktop.scenarios.pictures import MAX_PICTURE, BadPicture, data_uri, find_picture

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "scenarios/vision"
PNG = (SHIPPED / "shapes.png").read_bytes()
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
SCENARIO = 'title = "x"\nkind = "questions"\n[[items]]\nid = "A"\nprompt = "?"\nimage = "{}"\n'


def test_a_picture_becomes_a_data_uri(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a b.png").write_bytes(PNG)
    (tmp_path / "photo.png").write_bytes(JPEG)  # what it is, and not what it is called
    (tmp_path / "mine.toml").write_text(SCENARIO.format("in/a b.png"))
    picture = load_scenario(tmp_path / "mine.toml").items[0].image
    assert picture is not None
    assert (picture.name, picture.kind, picture.size) == ("in/a b.png", "image/png", len(PNG))
    head, _, coded = data_uri(picture).partition(",")
    assert (head, base64.b64decode(coded, validate=True)) == ("data:image/png;base64", PNG)
    photo = find_picture(tmp_path, "photo.png")
    assert data_uri(photo) == f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    (tmp_path / "in/a b.png").write_bytes(JPEG)
    with pytest.raises(BadPicture, match="and this is another"):
        data_uri(picture)
    with pytest.raises(BadPicture, match="No such file"):
        data_uri(replace(photo, path=str(tmp_path / "gone.png")))


def test_what_is_unique_stands_before_the_picture() -> None:
    asked = Generation(request=0, prompt="?", sampling=Sampling(), uncached=True, image="data:image/png;base64,AA==")
    first, second = (chat(asked, "m", GENERIC).fields["messages"][-1]["content"] for _ in range(2))
    assert [part["type"] for part in first] == ["text", "image_url"]
    assert first[0]["text"] != second[0]["text"]
    assert first[0]["text"].endswith("] ?")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/etc/hostname", 'a path inside the scenario\'s folder, without ".."'),
        ("../secret.png", 'without ".."'),
        ("in/../../secret.png", 'without ".."'),
        ("..\\\\secret.png", 'without ".."'),
        (".", 'without ".."'),
        ("out", "leads out of it"),
        ("in", "a file, and this is none"),
        ("none.png", "No such file"),
        ("link.png", "this is a link that leads out of it"),
        ("out/secret.png", "this is a link that leads out of it"),
        ("loop.png", "a file in"),
        ("pipe.png", "a file, and this is none"),
        ("text.png", "a PNG or JPEG file, and its contents are neither"),
        ("empty.png", "a PNG or JPEG file, and its contents are neither"),
        ("large.png", "a picture of at most 2 MB"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, says: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    (home / "link.png").symlink_to("../secret.png")
    (home / "out").symlink_to(tmp_path)
    (home / "loop.png").symlink_to("loop.png")
    (home / "in").mkdir()
    os.mkfifo(home / "pipe.png")
    (home / "text.png").write_text("<svg/>")
    (home / "empty.png").write_bytes(b"")
    (home / "large.png").write_bytes(PNG + b"\0" * MAX_PICTURE)
    (home / "mine.toml").write_text(SCENARIO.format(name))
    with pytest.raises(BadScenario) as caught:
        load_scenario(home / "mine.toml")
    assert str(caught.value).startswith(f"{home}/mine.toml:6: items[0].image: expected ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_ships_is_what_the_script_makes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/make_pictures.py"), str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    made = {path.name: pixels(path.read_bytes()) for path in tmp_path.iterdir()}
    assert made == {path.name: pixels(path.read_bytes()) for path in SHIPPED.iterdir()}
    shown = {item.image.name for item in load_scenario(ROOT / "scenarios/vision.toml").items if item.image}
    assert shown == {f"vision/{name}" for name in made}


def pixels(png: bytes) -> tuple[bytes, bytes]:
    """Header and lines of a PNG file; how they are compressed may differ between versions of zlib."""
    chunks = dict(_chunks(png))
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    lines = zlib.decompress(chunks[b"IDAT"])
    wide, high, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colours, len(lines)) == (8, 2, high * (1 + 3 * wide))
    return chunks[b"IHDR"], lines


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + data),)
        yield name, data
        at += 12 + size
