"""What people install: the wheel, in an environment of its own, run from elsewhere with an empty home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from sparktop import __version__
from sparktop.resources import demo_dir, scenarios_dir, themes_dir

ROOT = Path(__file__).resolve().parent.parent
WHEEL = f"sparktop-{__version__}-py3-none-any.whl"


def build(source: Path, target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=100)
    [built] = folder.iterdir()
    return built


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it; what the wheel depends on is taken from this one."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=100)
    python = environment / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--python",
        str(python),
        "install",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(pip, check=True, timeout=100)
    # A folder named in a .pth file is searched, but the .pth files in it, and so the checkout, are not.
    [site] = environment.glob("lib/python3.*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return environment


def run(installed: Path, folder: Path, *arguments: str, program: str = "sparktop") -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    elsewhere = folder / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    env = {"HOME": str(home), "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    command = [str(installed / "bin" / program), *arguments]
    return subprocess.run(
        command, cwd=elsewhere, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=110
    )


def test_the_wheel_carries_everything_and_nothing_else(wheel: Path) -> None:
    assert wheel.name == WHEEL
    names = contents(wheel)
    scenarios = {f"sparktop/_data/scenarios/{path.name}" for path in scenarios_dir().glob("*.toml")}
    pictures = {f"sparktop/_data/scenarios/vision/{path.name}" for path in scenarios_dir().glob("vision/*.png")}
    themes = {f"sparktop/_data/themes/{path.name}" for path in themes_dir().glob("*.toml")}
    demo = {f"sparktop/demo/{path.name}" for path in demo_dir().glob("*.gguf")}
    assert scenarios
    assert pictures
    assert themes
    assert len(demo) == 2
    assert scenarios | pictures | themes | demo <= names
    assert {name for name in names if not name.startswith("sparktop/")} == set()
    assert {name for name in names if "__pycache__" in name or name.endswith((".pyc", ".so"))} == set()
    for pattern in ("sparktop/**/*.tcss", "sparktop/published/*.toml"):
        files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        assert files
        assert files <= names


def test_the_sdist_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    shutil.unpack_archive(sdist, tmp_path / "source")
    [source] = (tmp_path / "source").iterdir()
    files = {"LICENSE", "Makefile", "PKG-INFO", "README.md", "pyproject.toml", "uv.lock", ".gitignore"}
    folders = {"benchmarks", "docs", "scenarios", "scripts", "sparktop", "tests", "themes", "training"}
    held = {path.name for path in source.iterdir()}
    assert held <= files | folders
    assert files | {"scenarios", "scripts", "sparktop", "themes"} <= held
    assert contents(build(source, "wheel", tmp_path / "wheel")) == contents(wheel)


def test_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"sparktop {__version__}\n")


def test_it_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    code = "import sparktop.resources as r; print(r.scenarios_dir(), r.themes_dir(), r.demo_dir(), sep='\\n')"
    done = run(installed, tmp_path, "-c", code, program="python")
    folders = [Path(line) for line in done.stdout.splitlines()]
    assert [folder.name for folder in folders] == ["scenarios", "themes", "demo"]
    assert all(folder.is_dir() and folder.is_relative_to(installed.resolve()) for folder in folders), done.stdout


def test_scenarios(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "scenarios")
    assert done.returncode == 0, done.stderr
    for path in scenarios_dir().glob("*.toml"):
        assert path.stem in done.stdout


@pytest.mark.slow
def test_smoke_run(installed: Path, tmp_path: Path) -> None:
    """A real run: the demo models of the wheel, through llama.cpp, to a snapshot on stdout."""
    done = run(installed, tmp_path, "run", "smoke", "--headless", "--json")
    assert done.returncode == 0, done.stderr
    snapshot = json.loads(done.stdout)
    assert snapshot["status"] == "completed"
    kept = tmp_path / "home" / ".local" / "share" / "sparktop" / "runs"
    assert list(kept.iterdir()), "a run is kept"
    assert not list((tmp_path / "elsewhere").iterdir()), "nothing is left where it was started"
