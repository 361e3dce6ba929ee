"""The set-up as a person meets it: what it says when something is missing, and that it is quick when nothing is."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import bootstrap
from sparktop import toolchain

ROOT = Path(__file__).resolve().parent.parent
SH = shutil.which("sh") or "/bin/sh"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of this project as the set-up reads, where it may do as it likes."""
    folder = tmp_path / "a checkout"
    for name in (
        "Makefile",
        "pyproject.toml",
        "uv.lock",
        "scripts/with-python.sh",
        "scripts/bootstrap.py",
        "scripts/get_uv.py",
        "sparktop/__init__.py",
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "sparktop/toolchain").glob("*.py"))),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (tmp_path / "bin").mkdir()
    return folder


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{SH}\n{script}\n")
    path.chmod(0o755)
    return path


def run(checkout: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": str(checkout.parent / "bin"), "HOME": str(checkout.parent)}
    return subprocess.run(
        command, cwd=checkout, env={**path, **env}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )


def real_python(checkout: Path, name: str = "python3") -> None:
    program(checkout.parent / "bin" / name, f'exec "{sys.executable}" "$@"')


def compilers(checkout: Path) -> None:
    for name in ("cc", "c++"):
        program(checkout.parent / "bin" / name, "exit 0")


# Python


def test_no_python(checkout: Path) -> None:
    done = run(checkout, SH, "scripts/with-python.sh", "scripts/bootstrap.py")
    assert done.returncode == 2
    assert done.stderr.startswith("sparktop needs Python 3.11 or newer and found no python3: install one")
    assert done.stderr.count("\n") == 1


def test_old_python(checkout: Path) -> None:
    program(checkout.parent / "bin/python3", '[ "$1" = --version ] && echo Python 3.10.12 && exit 0\nexit 1')
    done = run(checkout, SH, "scripts/with-python.sh", "scripts/bootstrap.py")
    assert done.returncode == 2
    assert "needs Python 3.11 or newer and found Python 3.10.12: install one" in done.stderr


def test_a_newer_python_beside_an_old_one_will_do(checkout: Path) -> None:
    program(checkout.parent / "bin/python3", "exit 1")
    real_python(checkout, "python3.11")
    done = run(checkout, SH, "scripts/with-python.sh", "-c", "print('here')")
    assert done.stdout == "here\n"


def test_a_named_python_is_the_only_one_tried(checkout: Path) -> None:
    real_python(checkout)
    done = run(checkout, SH, "scripts/with-python.sh", "-c", "print('here')", PYTHON="/no/such/python")
    assert done.returncode == 2
    assert "found no /no/such/python" in done.stderr


# Compilers, CUDA


def test_no_compiler_is_said_before_anything_is_fetched(checkout: Path) -> None:
    real_python(checkout)
    done = run(checkout, SH, "scripts/with-python.sh", "scripts/bootstrap.py")
    assert done.returncode == 2
    assert done.stderr.endswith(f"{toolchain.COMPILER_MISSING}\n")
    assert not (checkout / ".venv").exists()
    assert not (checkout / ".uv").exists()


def test_a_wrong_wish_is_one_sentence(checkout: Path) -> None:
    real_python(checkout)
    done = run(checkout, SH, "scripts/with-python.sh", "scripts/bootstrap.py", SPARKTOP_CUDA="please")
    assert (done.returncode, done.stderr) == (2, "SPARKTOP_CUDA is 'please'; it must be on, off or auto.\n")


# The whole of it, with a uv that only says what it was asked

FAKE_UV = """
case "$1" in --version) echo "uv 0.13.9"; exit 0;; esac
echo "$@" >> "$HOME/asked"
echo "   Building llama-cpp-python==0.3.36" >&2
echo "DEBUG [1/2] Building CXX object" >&2
echo "      Built llama-cpp-python==0.3.36" >&2
[ -z "$UV_FAILS" ] || { echo "  × Failed to build" >&2; exit 1; }
mkdir -p .venv/bin
for name in python sparktop; do
    printf '#!%s\\necho sparktop "$@"\\n' /bin/sh > .venv/bin/$name; chmod +x .venv/bin/$name
done
"""


@pytest.fixture
def complete(checkout: Path) -> Path:
    real_python(checkout)
    compilers(checkout)
    program(checkout.parent / "bin/uv", FAKE_UV)
    for name in ("sh", "mkdir", "chmod"):
        (checkout.parent / "bin" / name).symlink_to(shutil.which(name) or name)
    return checkout


def test_set_up_once_and_then_not_again(complete: Path) -> None:
    make = shutil.which("make") or "make"
    first = run(complete, make, "run", "ARGS=scenarios", SPARKTOP_CUDA="off")
    assert (first.returncode, first.stdout) == (0, "sparktop scenarios\n"), first.stderr
    assert first.stderr.splitlines()[0] == "llama.cpp: CPU build (SPARKTOP_CUDA=off)"
    assert "Setting up: building llama.cpp takes about" in first.stderr
    assert "DEBUG" not in first.stderr
    asked = (complete.parent / "asked").read_text()
    assert asked.startswith("sync --frozen --no-dev --python ")

    second = run(complete, make, "run", SPARKTOP_CUDA="off")
    assert (second.stdout, second.stderr) == ("sparktop\n", "")
    assert (complete.parent / "asked").read_text() == asked

    (complete / "uv.lock").write_text("changed")
    run(complete, make, "run", SPARKTOP_CUDA="off")
    assert (complete.parent / "asked").read_text() == asked * 2


def test_cuda_is_passed_to_uv(complete: Path) -> None:
    nvcc = program(complete.parent / "bin/nvcc", "echo 'Cuda compilation tools, release 13.0, V13.0.88'")
    program(complete.parent / "bin/nvidia-smi", "echo 12.1")
    done = run(complete, SH, "scripts/with-python.sh", "scripts/bootstrap.py")
    assert done.returncode == 0, done.stderr
    assert "llama.cpp: CUDA build for compute capability 12.1" in done.stderr
    asked = (complete.parent / "asked").read_text()
    assert "--config-settings-package llama-cpp-python:cmake.define.GGML_CUDA=ON" in asked
    assert "llama-cpp-python:cmake.define.CMAKE_CUDA_ARCHITECTURES=121a-real" in asked
    assert f"llama-cpp-python:cmake.define.CMAKE_CUDA_COMPILER={nvcc}" in asked
    assert "GGML_RPC=" not in asked, "pyproject.toml says it already, and uv would say it twice"


def test_a_failed_build_says_so_and_is_tried_again(complete: Path) -> None:
    done = run(complete, SH, "scripts/with-python.sh", "scripts/bootstrap.py", UV_FAILS="1")
    assert done.returncode == 1
    assert "× Failed to build" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("sparktop was not set up: the lines above say why.")
    assert run(complete, SH, "scripts/with-python.sh", "scripts/bootstrap.py").returncode == 0


def test_an_interrupt_is_no_traceback(complete: Path) -> None:
    program(
        complete.parent / "bin/uv", '[ "$1" = --version ] && echo uv 0.13.9 && exit\necho started >&2\nexec sleep 30'
    )
    (complete.parent / "bin/sleep").symlink_to(shutil.which("sleep") or "sleep")
    setting_up = subprocess.Popen(
        [SH, "scripts/with-python.sh", "scripts/bootstrap.py"],
        cwd=complete,
        env={"PATH": str(complete.parent / "bin"), "HOME": str(complete.parent)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert setting_up.stderr is not None
    for line in setting_up.stderr:
        if line == "started\n":
            break
    os.killpg(setting_up.pid, signal.SIGINT)
    said = setting_up.stderr.read()
    assert setting_up.wait(timeout=20) == 130
    assert said == "\nInterrupted; run the same command again to go on.\n"


def test_another_index_gets_the_locked_versions_by_name(complete: Path) -> None:
    done = run(
        complete, SH, "scripts/with-python.sh", "scripts/bootstrap.py", PIP_INDEX_URL="https://mirror.example/simple"
    )
    assert done.returncode == 0, done.stderr
    asked = [line.split()[0:2] for line in (complete.parent / "asked").read_text().splitlines()]
    assert asked == [["venv", "--quiet"], ["export", "--quiet"], ["pip", "install"]]


# Small parts


@pytest.mark.parametrize(
    ("cuda", "cores", "words"),
    [
        (False, 2, "about 8 minutes on 2 cores"),
        (False, 20, "about 1 minute on 20 cores"),
        (True, 16, "about 4 minutes on 16 cores"),
        (False, 1, "about 16 minutes on 1 core"),
    ],
)
def test_estimate(cuda: bool, cores: int, words: str) -> None:
    assert bootstrap.estimate(cuda, cores) == words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_in_a_log() -> None:
    out = io.StringIO()
    progress = bootstrap.Progress(out, 0.0)
    progress.tick(50.0)
    progress.line("   Building llama-cpp-python==0.3.36")
    progress.line("DEBUG [30/197] Building CXX object ggml.o")
    progress.line("DEBUG anything else")
    for now in (60.0, 65.0, 85.0):
        progress.tick(now)
    progress.line("      Built llama-cpp-python==0.3.36")
    progress.tick(200.0)
    progress.close()
    assert out.getvalue().splitlines() == [
        "   Building llama-cpp-python==0.3.36",
        "   llama.cpp: step 30 of 197, 1 min 00 s",
        "   llama.cpp: step 30 of 197, 1 min 25 s",
        "      Built llama-cpp-python==0.3.36",
    ]


def test_progress_on_a_terminal_is_one_line() -> None:
    out = Terminal()
    progress = bootstrap.Progress(out, 0.0)
    progress.line("   Building llama-cpp-python==0.3.36")
    progress.tick(7.0)
    progress.line("DEBUG [1/9] x")
    progress.tick(8.0)
    progress.line("      Built llama-cpp-python==0.3.36")
    progress.close()
    assert out.getvalue() == (
        "   Building llama-cpp-python==0.3.36\n"
        "\r\x1b[K   llama.cpp: 7 s"
        "\r\x1b[K   llama.cpp: step 1 of 9, 8 s"
        "\r\x1b[K      Built llama-cpp-python==0.3.36\n"
    )


def test_the_lock_file_is_that_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    [sparktop] = [package for package in lock["package"] if package["name"] == "sparktop"]

    def names(wanted: list[str]) -> set[str]:
        return {line.replace(">", " ").replace("=", " ").split()[0] for line in wanted}

    def locked(wanted: list[dict[str, str]]) -> set[str]:
        return {entry["name"] for entry in wanted}

    assert names(project["project"]["dependencies"]) == locked(sparktop["metadata"]["requires-dist"])
    assert names(project["dependency-groups"]["dev"]) == locked(sparktop["metadata"]["requires-dev"]["dev"])


def test_ci_script_is_a_program() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=False).returncode == 0
