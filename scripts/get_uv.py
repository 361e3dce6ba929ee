"""Find uv, or fetch it into `.uv/` of this checkout. Standard library only.

In this order: a uv on PATH that is new enough; one fetched before; pip in a virtual environment; `pip install --target`
where the venv module cannot make one (Debian and Ubuntu without python3-venv); and where there is no pip either, uv's
wheel, downloaded from the package index over https, its sha256 held against the one that the index gives.

The person's own choice of package index is honoured, be it pip's or uv's.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import io
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tomllib
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

OLDEST = (0, 9)
"""Before this, an installed build was not replaced when the settings of its build changed."""
NEWEST = (1,)
REQUIREMENT = "uv>=0.9,<1"
PYPI = "https://pypi.org/simple"

Environment = Mapping[str, str]
Fetch = Callable[[str], tuple[bytes, str]]
"""Downloads an address; returns its bytes and their content type."""


class UvMissingError(Exception):
    """There is no uv, and none could be fetched; the message says what was tried."""


# Which package index


def _pip_settings(env: Environment, root: Path) -> dict[str, str]:
    """pip's own settings, its files first and then its environment variables, as pip reads them."""
    home = Path(env["HOME"]) if env.get("HOME") else None
    config_home = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else home and home / ".config"
    files = [root / "etc/xdg/pip/pip.conf", root / "etc/pip.conf"]
    files += [home / ".pip/pip.conf"] if home else []
    files += [config_home / "pip/pip.conf"] if config_home else []
    files += [Path(env["PIP_CONFIG_FILE"])] if env.get("PIP_CONFIG_FILE") else []
    settings: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for key, value in env.items():
        if key.startswith("PIP_"):
            settings[key.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def _uv_has_index(env: Environment, root: Path) -> bool:
    """uv's user or system settings name an index."""
    config_home = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else Path(env.get("HOME", "/")) / ".config"
    files = [config_home / "uv/uv.toml", root / "etc/xdg/uv/uv.toml", root / "etc/uv/uv.toml"]
    files += [Path(env["UV_CONFIG_FILE"])] if env.get("UV_CONFIG_FILE") else []
    for file in files:
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if settings.keys() & {"index-url", "index", "extra-index-url"}:
            return True
    return False


def index_environment(env: Environment, root: Path = Path("/")) -> tuple[dict[str, str], bool]:
    """What to add to uv's environment so that it uses what pip is set to use, and whether that is another index.

    What is already set for uv stays. True means that packages must not be taken from where the lock file says: the
    person's index is another one than PyPI.
    """
    pip = _pip_settings(env, root)
    added: dict[str, str] = {}
    if env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or _uv_has_index(env, root):
        return added, True
    index = pip.get("index-url", "").strip().rstrip("/")
    other = index not in {"", PYPI}
    if other:
        added["UV_DEFAULT_INDEX"] = index
    if (cert := pip.get("cert")) and not env.get("SSL_CERT_FILE"):
        added["SSL_CERT_FILE"] = cert
    if (proxy := pip.get("proxy")) and not (env.get("HTTPS_PROXY") or env.get("https_proxy") or env.get("ALL_PROXY")):
        added["HTTPS_PROXY"] = proxy if "://" in proxy else f"http://{proxy}"
    if (trusted := pip.get("trusted-host")) and not env.get("UV_INSECURE_HOST"):
        added["UV_INSECURE_HOST"] = " ".join(trusted.split())
    return added, other


# Finding one


def usable(uv: Path) -> bool:
    """This uv runs, and is new enough."""
    try:
        done = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.match(r"uv (\d+)\.(\d+)", done.stdout)
    return found is not None and OLDEST <= (int(found[1]), int(found[2])) < NEWEST


def find(env: Environment, folder: Path) -> Path | None:
    """A usable uv: on PATH, or fetched into this folder before."""
    on_path = shutil.which("uv", path=env.get("PATH", ""))
    candidates = [Path(on_path)] if on_path else []
    return next((uv for uv in (*candidates, folder / "bin" / "uv") if uv.exists() and usable(uv)), None)


# Fetching one


PIP_INSTALL = ("install", "--quiet", "--disable-pip-version-check")
"""Its notice of a newer pip would come last, in place of why it failed."""


def _quiet(command: Sequence[str | Path], env: Environment) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=dict(env), stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UvMissingError(said[-1] if said else f"exit status {done.returncode}")


def by_venv(python: str, folder: Path, env: Environment) -> None:
    """A virtual environment, and pip in it."""
    _quiet([python, "-m", "venv", folder], env)
    _quiet([folder / "bin" / "pip", *PIP_INSTALL, REQUIREMENT], env)


def by_target(python: str, folder: Path, env: Environment) -> None:
    """The interpreter's own pip, into a folder of ours."""
    packages = folder / "packages"
    _quiet([python, "-m", "pip", *PIP_INSTALL, "--target", packages, REQUIREMENT], env)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "uv").symlink_to(Path("..", "packages", "bin", "uv"))


def by_download(python: str, folder: Path, env: Environment, fetch: Fetch | None = None) -> None:
    """uv's wheel from the package index, checked and unpacked without pip."""
    del python
    index = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or PYPI
    fetch = fetch or _https(env)
    page = f"{index.rstrip('/')}/uv/"
    address, sha256 = best_wheel(page, *fetch(page), wheel_tags())
    wheel, _ = fetch(address)
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise UvMissingError(f"{_without_login(address)} does not have the sha256 that the index gives")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = next((name for name in archive.namelist() if name.endswith(".data/scripts/uv")), None)
        if program is None:
            raise UvMissingError(f"{_without_login(address)} holds no uv")
        target = folder / "bin" / "uv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(program))
    target.chmod(0o755)


def wheel_tags(system: str = sys.platform, machine: str = platform.machine(), libc: str = "") -> tuple[str, str]:
    """What the name of a wheel must hold to fit this machine: its kind of system, and of processor."""
    if system == "darwin":
        return "macosx", machine
    libc = libc or ("" if platform.libc_ver()[0] == "glibc" else "musl")
    return ("musllinux" if libc == "musl" else "manylinux"), machine


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.found.append((str(given["href"]), "data-yanked" in given))


def _listed(page: bytes, kind: str) -> Iterator[tuple[str, str]]:
    """Address and sha256 of each file that an index page lists, be it JSON (PEP 691) or HTML (PEP 503)."""
    if "json" in kind:
        for file in json.loads(page)["files"]:
            if not file.get("yanked"):
                yield file["url"], file.get("hashes", {}).get("sha256", "")
        return
    links = _Links()
    links.feed(page.decode("utf-8", "replace"))
    for href, yanked in links.found:
        address, _, fragment = href.partition("#")
        if not yanked:
            yield address, fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""


def best_wheel(page_address: str, page: bytes, kind: str, tags: tuple[str, str]) -> tuple[str, str]:
    """Address and sha256 of the newest uv in range that fits this machine."""
    best: tuple[tuple[int, ...], str, str] | None = None
    for address, sha256 in _listed(page, kind):
        name = urllib.parse.unquote(address.rsplit("/", 1)[-1])
        found = re.fullmatch(r"uv-(\d+)\.(\d+)\.(\d+)-py3-none-(.+)\.whl", name)
        if not found or not all(tag in found[4] for tag in tags):
            continue
        version = tuple(int(part) for part in found.groups()[:3])
        if OLDEST <= version < NEWEST and (best is None or version > best[0]):
            best = version, urllib.parse.urljoin(page_address, address), sha256
    if best is None:
        raise UvMissingError(f"{_without_login(page_address)} lists no uv for {tags[0]} on {tags[1]}")
    if not re.fullmatch("[0-9a-f]{64}", best[2]):
        raise UvMissingError(f"{_without_login(page_address)} gives no sha256 for uv, so it cannot be checked")
    return best[1], best[2]


def _without_login(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def _https(env: Environment) -> Fetch:
    context = ssl.create_default_context(cafile=env.get("SSL_CERT_FILE") or None)

    class OnlyHttps(urllib.request.HTTPRedirectHandler):
        def redirect_request(
            self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: object, newurl: str
        ) -> urllib.request.Request | None:
            if not newurl.startswith("https://"):
                raise UvMissingError(f"{_without_login(newurl)} is not https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]

    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), OnlyHttps)

    def fetch(address: str) -> tuple[bytes, str]:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme != "https":
            raise UvMissingError(f"{_without_login(address)} is not https")
        request = urllib.request.Request(_without_login(address))
        request.add_header("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1")
        if parts.username:
            login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.read(), answer.headers.get("Content-Type", "")
        except OSError as error:
            raise UvMissingError(f"{_without_login(address)}: {error}") from error

    return fetch


WAYS = (by_venv, by_target, by_download)


def obtain(folder: Path, env: Environment = os.environ, python: str = sys.executable) -> Path:
    """A usable uv, fetched into this folder if need be.

    Raises:
        UvMissingError: None of the ways worked.
    """
    if uv := find(env, folder):
        return uv
    print("Fetching uv, which installs the rest ...", file=sys.stderr, flush=True)
    failures = []
    for way in WAYS:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            way(python, folder, env)
        except (UvMissingError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            failures.append(f"{way.__name__.removeprefix('by_')}: {error}")
            continue
        if uv := find({}, folder):
            return uv
        failures.append(f"{way.__name__.removeprefix('by_')}: what it installed does not run")
    shutil.rmtree(folder, ignore_errors=True)
    raise UvMissingError(
        f"uv, which installs the rest, is not here and could not be fetched ({'; '.join(failures)}): "
        "install it (https://docs.astral.sh/uv) or point pip at a package index you can reach."
    )


if __name__ == "__main__":
    try:
        print(obtain(Path(__file__).resolve().parent.parent / ".uv"))
    except UvMissingError as error:
        sys.exit(str(error))
