"""Where uv comes from, and whose package index is used: no network, made-up folders and indexes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from scripts import get_uv
from scripts.get_uv import UvMissingError

PAGE = "https://index.example/simple/uv/"
HASH = "0" * 64
LINUX = ("manylinux", "aarch64")


def program(path: Path, prints: str = "uv 0.13.9 (aarch64-unknown-linux-gnu)") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


# Finding one


@pytest.mark.parametrize(
    ("prints", "usable"),
    [
        ("uv 0.13.9 (aarch64-unknown-linux-gnu)", True),
        ("uv 0.9.0", True),
        ("uv 0.8.22", False),
        ("uv 1.0.0", False),
        ("something else", False),
    ],
)
def test_a_uv_must_be_new_enough(tmp_path: Path, prints: str, usable: bool) -> None:
    assert get_uv.usable(program(tmp_path / "uv", prints)) is usable


def test_a_file_that_does_not_run_is_no_uv(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("not a program")
    assert not get_uv.usable(tmp_path / "uv")
    assert not get_uv.usable(tmp_path / "none")


def test_path_first_then_the_one_fetched_before(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path / "path")}
    assert get_uv.find(env, tmp_path / ".uv") is None
    fetched = program(tmp_path / ".uv/bin/uv")
    assert get_uv.find(env, tmp_path / ".uv") == fetched
    program(tmp_path / "path/uv", "uv 0.4.1")
    assert get_uv.find(env, tmp_path / ".uv") == fetched, "too old"
    on_path = program(tmp_path / "path/uv")
    assert get_uv.find(env, tmp_path / ".uv") == on_path


# Fetching one


def fails(python: str, folder: Path, env: get_uv.Environment) -> None:
    (folder / "left-over").touch()
    raise UvMissingError("ensurepip is not available")


def works(python: str, folder: Path, env: get_uv.Environment) -> None:
    assert not (folder / "left-over").exists()
    program(folder / "bin/uv")


def test_the_next_way_is_tried_when_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_uv, "WAYS", (fails, works))
    assert get_uv.obtain(tmp_path / ".uv", {"PATH": ""}, "python3") == tmp_path / ".uv/bin/uv"


def test_when_no_way_works_one_sentence_says_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_uv, "WAYS", (fails,))
    with pytest.raises(UvMissingError, match=r"\(fails: ensurepip is not available\): install it") as caught:
        get_uv.obtain(tmp_path / ".uv", {"PATH": ""}, "python3")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / ".uv").exists()


def test_a_python_without_venv_and_pip_fails_both_ways(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\necho "/usr/bin/python3: No module named $2" >&2\nexit 1\n')
    python.chmod(0o755)
    for way, module in ((get_uv.by_venv, "venv"), (get_uv.by_target, "pip")):
        with pytest.raises(UvMissingError, match=f"No module named {module}"):
            way(str(python), tmp_path / ".uv", {"PATH": "/usr/bin:/bin"})


def test_why_pip_failed_is_told_and_not_that_there_is_a_newer_pip(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\necho "ERROR: no matching distribution" >&2\n'
        'case "$*" in *--disable-pip-version-check*) ;; *) echo "[notice] To update, run pip" >&2 ;; esac\nexit 1\n'
    )
    python.chmod(0o755)
    with pytest.raises(UvMissingError, match="no matching distribution"):
        get_uv.by_target(str(python), tmp_path / ".uv", {"PATH": "/usr/bin:/bin"})


def wheel_name(version: str, tag: str) -> str:
    return f"uv-{version}-py3-none-{tag}.whl"


ARM = "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"
FILES = [
    wheel_name("0.8.9", ARM),
    wheel_name("0.13.9", "manylinux_2_17_x86_64.manylinux2014_x86_64"),
    wheel_name("0.13.9", ARM),
    wheel_name("0.9.10", ARM),
    wheel_name("0.13.10", ARM),
    wheel_name("1.0.0", ARM),
    wheel_name("0.13.11", "macosx_11_0_arm64"),
    "uv-0.13.11.tar.gz",
]


def test_the_newest_wheel_in_range_from_json() -> None:
    files: list[dict[str, object]] = [
        {"url": f"https://files.example/{name}", "hashes": {"sha256": HASH}} for name in FILES
    ]
    files.append({"url": f"https://files.example/{wheel_name('0.13.12', ARM)}", "hashes": {}, "yanked": True})
    page = json.dumps({"files": files}).encode()
    kind = "application/vnd.pypi.simple.v1+json"
    assert get_uv.best_wheel(PAGE, page, kind, LINUX) == (f"https://files.example/{wheel_name('0.13.10', ARM)}", HASH)


def test_the_newest_wheel_in_range_from_html() -> None:
    links = "".join(f'<a href="../../files/{name}#sha256={HASH}">{name}</a>' for name in FILES)
    links += f'<a data-yanked="" href="../../files/{wheel_name("0.13.12", ARM)}#sha256={HASH}">x</a>'
    assert get_uv.best_wheel(PAGE, links.encode(), "text/html", LINUX) == (
        f"https://index.example/files/{wheel_name('0.13.10', ARM)}",
        HASH,
    )


def test_an_index_without_a_fitting_wheel() -> None:
    with pytest.raises(UvMissingError, match="lists no uv for manylinux on riscv64"):
        get_uv.best_wheel(PAGE, b"", "text/html", ("manylinux", "riscv64"))


def test_an_index_without_hashes_is_refused() -> None:
    page = f'<a href="{wheel_name("0.13.9", ARM)}">x</a>'.encode()
    with pytest.raises(UvMissingError, match="gives no sha256"):
        get_uv.best_wheel(PAGE, page, "text/html", LINUX)


def wheel() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("uv-0.13.9.data/scripts/uv", "#!/bin/sh\necho uv 0.13.9\n")
        archive.writestr("uv-0.13.9.data/scripts/uvx", "")
    return data.getvalue()


def index(content: bytes, sha256: str) -> get_uv.Fetch:
    name = wheel_name("0.13.9", ".".join(get_uv.wheel_tags()))

    def fetch(address: str) -> tuple[bytes, str]:
        if address == PAGE:
            return f'<a href="{name}#sha256={sha256}">{name}</a>'.encode(), "text/html"
        assert address == f"{PAGE}{name}"
        return content, "application/octet-stream"

    return fetch


def test_the_wheel_is_unpacked_into_a_program(tmp_path: Path) -> None:
    env = {"UV_DEFAULT_INDEX": "https://index.example/simple/"}
    content = wheel()
    get_uv.by_download("", tmp_path, env, index(content, hashlib.sha256(content).hexdigest()))
    assert get_uv.usable(tmp_path / "bin/uv")


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    env = {"UV_DEFAULT_INDEX": "https://user:secret@index.example/simple"}
    page = "https://user:secret@index.example/simple/uv/"
    name = wheel_name("0.13.9", ".".join(get_uv.wheel_tags()))

    def fetch(address: str) -> tuple[bytes, str]:
        listing = f'<a href="{name}#sha256={HASH}">{name}</a>'.encode()
        return (listing, "text/html") if address == page else (wheel(), "")

    with pytest.raises(UvMissingError, match="does not have the sha256") as caught:
        get_uv.by_download("", tmp_path, env, fetch)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "bin").exists()


def test_only_https_will_do(tmp_path: Path) -> None:
    with pytest.raises(UvMissingError, match=r"http://index\.example/simple/uv/ is not https"):
        get_uv.by_download("", tmp_path, {"UV_DEFAULT_INDEX": "http://me:secret@index.example/simple"})


@pytest.mark.parametrize(
    ("system", "libc", "kind"),
    [("linux", "glibc", "manylinux"), ("linux", "musl", "musllinux"), ("darwin", "", "macosx")],
)
def test_wheel_tags(system: str, libc: str, kind: str) -> None:
    assert get_uv.wheel_tags(system, "aarch64", libc) == (kind, "aarch64")


# Which package index


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def settings(root: Path, home: Path, **env: str) -> tuple[dict[str, str], bool]:
    return get_uv.index_environment({"HOME": str(home), **env}, root)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_set_is_pypi(tmp_path: Path, home: Path) -> None:
    assert settings(tmp_path, home) == ({}, False)


def test_pips_index_is_used(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "etc/pip.conf", "[global]\nindex-url = https://old.example/simple\nproxy = proxy.example:3128\n")
    write(
        home / ".config/pip/pip.conf", "[global]\nindex_url = https://mirror.example/simple/\n[install]\ncert=/ca.pem\n"
    )
    assert settings(tmp_path, home) == (
        {
            "UV_DEFAULT_INDEX": "https://mirror.example/simple",
            "HTTPS_PROXY": "http://proxy.example:3128",
            "SSL_CERT_FILE": "/ca.pem",
        },
        True,
    )


def test_the_environment_wins_over_pips_files(tmp_path: Path, home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nindex-url = https://mirror.example/simple\ntrusted-host = a\n b\n")
    added, other = settings(tmp_path, home, PIP_INDEX_URL="https://pypi.org/simple/")
    assert (added, other) == ({"UV_INSECURE_HOST": "a b"}, False)


def test_what_is_set_for_uv_stays(tmp_path: Path, home: Path) -> None:
    mirror = "https://mirror.example/simple"
    assert settings(tmp_path, home, UV_DEFAULT_INDEX="https://mine.example", PIP_INDEX_URL=mirror) == ({}, True)
    write(home / ".config/uv/uv.toml", '[[index]]\nurl = "https://mine.example"\ndefault = true\n')
    assert settings(tmp_path, home, PIP_INDEX_URL=mirror) == ({}, True)


def test_a_broken_pip_file_is_passed_over(tmp_path: Path, home: Path) -> None:
    write(home / ".pip/pip.conf", "no section\n")
    write(home / ".config/uv/uv.toml", "= broken")
    assert settings(tmp_path, home) == ({}, False)
