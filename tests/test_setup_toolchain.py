"""Which llama.cpp is built where: machines described as a tree of files and what their commands print."""

from __future__ import annotations

import sysconfig
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sparktop import toolchain
from sparktop.toolchain import Build, Choice, Fix, Machine, ToolchainError
from sparktop.toolchain.__main__ import main

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Box:
    """A made-up machine: its files, its PATH, and what its programs print."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    prints: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "bin").mkdir(parents=True)
        self.env["PATH"] = str(self.root / "bin")

    def file(self, path: str, text: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def program(self, name: str, prints: str = "", folder: str = "bin") -> Path:
        file = self.file(f"{folder}/{name}", "#!/bin/sh\n")
        file.chmod(0o755)
        self.prints[str(file)] = prints
        return file

    def nvcc(self, release: str = "13.0", folder: str = "bin") -> Path:
        return self.program("nvcc", f"Cuda compilation tools, release {release}, V{release}.88\n", folder)

    def driver(self) -> None:
        self.file("proc/driver/nvidia/version", "NVRM version: 580.95.05\n")

    def gpus(self, *capabilities: str) -> None:
        self.program("nvidia-smi", "".join(f"{capability}\n" for capability in capabilities))

    def run(self, command: Sequence[str]) -> str:
        return self.prints.get(command[0], "")

    def probe(self) -> Machine:
        return toolchain.probe(self.env, self.root, self.run)

    def choose(self, override: str = "auto") -> Choice:
        return toolchain.choose(self.probe(), override)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_spark_gets_cuda_for_its_own_gpu(box: Box) -> None:
    nvcc = box.nvcc()
    box.driver()
    box.gpus("12.1")
    choice = box.choose()
    assert choice.cuda
    assert choice.settings == {
        "cmake.define.GGML_CUDA": "ON",
        "cmake.define.CMAKE_CUDA_COMPILER": str(nvcc),
        "cmake.define.CMAKE_CUDA_ARCHITECTURES": "121a-real",
    }
    assert choice.line == f"llama.cpp: CUDA build for compute capability 12.1 (nvcc 13.0: {nvcc})"
    assert choice.hints == ()


@pytest.mark.parametrize(
    ("capabilities", "architectures"),
    [
        (["9.0"], "90-real"),
        (["12.0"], "120a-real"),
        (["8.9", "8.6", "8.9"], "86-real;89-real"),
        (["10.3"], "103-real"),
    ],
)
def test_other_gpus_get_their_own_architectures(box: Box, capabilities: list[str], architectures: str) -> None:
    box.nvcc()
    box.driver()
    box.gpus(*capabilities)
    assert box.choose().settings["cmake.define.CMAKE_CUDA_ARCHITECTURES"] == architectures


def test_nvcc_without_a_driver_is_a_cpu_build_and_says_how_to_insist(box: Box) -> None:
    box.nvcc()
    choice = box.choose()
    assert not choice.cuda
    assert toolchain.uv_args(choice) == ()
    assert (
        choice.line
        == "llama.cpp: CPU build (nvcc found, but no NVIDIA driver; SPARKTOP_CUDA=on builds for CUDA anyway)"
    )


def test_a_gpu_without_nvcc_says_what_to_install(box: Box) -> None:
    box.driver()
    box.gpus("12.1")
    choice = box.choose()
    assert choice.line == "llama.cpp: CPU build (NVIDIA driver found, but no nvcc)"
    assert len(choice.hints) == 1
    assert "sudo apt install cuda-toolkit" in choice.hints[0]


def test_nothing_is_a_cpu_build_without_a_word_too_many(box: Box) -> None:
    choice = box.choose()
    assert (choice.cuda, choice.line, choice.hints) == (False, "llama.cpp: CPU build (no NVIDIA GPU found)", ())


def test_off_wins_over_a_gpu(box: Box) -> None:
    box.nvcc()
    box.driver()
    box.gpus("12.1")
    assert box.choose("off").line == "llama.cpp: CPU build (SPARKTOP_CUDA=off)"


def test_on_without_a_gpu_builds_for_a_spark(box: Box) -> None:
    box.nvcc()
    choice = box.choose("on")
    assert choice.settings["cmake.define.CMAKE_CUDA_ARCHITECTURES"] == "121a-real"
    assert "no GPU answered" in choice.line


def test_on_without_nvcc_is_refused(box: Box) -> None:
    with pytest.raises(ToolchainError, match="SPARKTOP_CUDA=on, but no nvcc was found: install"):
        box.choose("on")


def test_an_unknown_wish_is_refused(box: Box) -> None:
    with pytest.raises(ToolchainError, match="'yes'; it must be on, off or auto"):
        box.choose("yes")


@pytest.mark.parametrize("wish", ["", "AUTO", " auto "])
def test_auto_may_be_said_in_many_ways(box: Box, wish: str) -> None:
    assert not box.choose(wish).forced


def test_a_cuda_too_old_for_a_spark(box: Box) -> None:
    box.nvcc("12.8")
    box.driver()
    box.gpus("12.1")
    assert box.choose().line == "llama.cpp: CPU build (nvcc is 12.8, and a DGX Spark needs 12.9 or newer)"
    with pytest.raises(ToolchainError, match=r"needs 12\.9 or newer"):
        box.choose("on")


def test_an_old_cuda_will_do_for_an_old_gpu(box: Box) -> None:
    box.nvcc("12.4")
    box.driver()
    box.gpus("8.6")
    assert box.choose().cuda


def test_nvcc_is_looked_for_where_cuda_installs_itself(box: Box) -> None:
    assert box.probe().nvcc is None
    default = box.nvcc(folder="usr/local/cuda/bin")
    assert box.probe().nvcc == default
    on_path = box.nvcc()
    assert box.probe().nvcc == on_path
    box.env["CUDA_HOME"] = str(box.root / "opt/cuda")
    assert box.probe().nvcc == on_path, "a CUDA_HOME that is not there is passed over"
    named = box.nvcc(folder="opt/cuda/bin")
    assert box.probe().nvcc == named


def test_a_gpu_may_answer_without_driver_files(box: Box) -> None:
    """As under WSL."""
    box.nvcc()
    box.gpus("8.9")
    assert box.choose().cuda


def test_a_broken_nvidia_smi_counts_for_nothing(box: Box) -> None:
    box.nvcc()
    box.program("nvidia-smi", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver\n")
    assert box.probe().driver == ""


def test_rdma_without_headers_gives_a_hint(box: Box) -> None:
    box.file("sys/class/infiniband/rocep1s0f0/node_guid")
    choice = box.choose()
    assert "sudo apt install libibverbs-dev" in choice.hints[0]
    assert choice.settings == {}


def test_rdma_with_headers_is_a_setting_so_that_a_build_without_is_replaced(box: Box) -> None:
    box.file("sys/class/infiniband/rocep1s0f0/node_guid")
    box.file("usr/include/infiniband/verbs.h")
    choice = box.choose()
    assert choice.hints == ()
    assert toolchain.uv_args(choice) == (
        "--config-settings-package",
        "llama-cpp-python:cmake.define.GGML_RPC_RDMA=ON",
    )


def test_compilers_are_found_as_cmake_finds_them(box: Box) -> None:
    assert box.probe().compilers is None
    gcc = box.program("gcc")
    assert box.probe().compilers is None, "C alone will not do"
    gxx = box.program("g++")
    assert box.probe().compilers == (str(gcc), str(gxx))
    clang = box.program("clang-19")
    box.env["CC"] = "clang-19 -fuse-ld=lld"
    assert box.probe().compilers == (str(clang), str(gxx))
    box.env["CXX"] = "not-here"
    assert box.probe().compilers is None


def test_the_fingerprint_tells_when_to_choose_again(box: Box) -> None:
    seen = {toolchain.fingerprint(box.env, box.root)}

    def changed() -> bool:
        now = toolchain.fingerprint(box.env, box.root)
        before = len(seen)
        seen.add(now)
        return len(seen) > before

    assert not changed()
    box.nvcc()
    assert changed()
    box.driver()
    assert changed()
    box.file("proc/driver/nvidia/gpus/0000:01:00.0/information")
    assert changed()
    box.file("sys/class/infiniband/rocep1s0f0/node_guid")
    assert changed()
    box.file("usr/include/infiniband/verbs.h")
    assert changed()
    box.env["SPARKTOP_CUDA"] = "off"
    assert changed()
    assert not changed()


# What is installed


def site(tmp_path: Path, *libraries: str, version: str = toolchain.VERSION) -> Path:
    lib = tmp_path / "llama_cpp" / "lib"
    lib.mkdir(parents=True)
    for name in ("libllama.so", "libggml-cpu.so.0", *libraries):
        (lib / name).write_bytes(b"\x7fELF")
    (tmp_path / f"llama_cpp_python-{version}.dist-info").mkdir()
    return tmp_path


def test_no_build(tmp_path: Path) -> None:
    assert toolchain.installed_build(tmp_path) is None


def test_a_plain_build(tmp_path: Path) -> None:
    build = toolchain.installed_build(site(tmp_path))
    assert build == Build(version="0.3.36", cuda=False, rpc=False)
    assert str(build) == "llama-cpp-python 0.3.36 (CPU)"


def test_a_build_with_everything(tmp_path: Path) -> None:
    folder = site(tmp_path, "libggml-cuda.so", "libggml-rpc.so", "libggml-rpc.so.0")
    (folder / "llama_cpp/lib/libggml-rpc.so").write_bytes(b"\x7fELF\0libibverbs.so.1\0")
    build = toolchain.installed_build(folder)
    assert build == Build(version="0.3.36", cuda=True, rpc=True, rdma=True)
    assert str(build) == "llama-cpp-python 0.3.36 (CUDA, RPC, RDMA)"


def test_the_build_of_this_environment_has_rpc() -> None:
    build = toolchain.installed_build(Path(sysconfig.get_paths()["platlib"]))
    assert build is not None
    assert build.version == toolchain.VERSION
    assert build.rpc


# Replacing it

CPU = Choice(cuda=False, line="")
CUDA = Choice(cuda=True, line="", settings={"cmake.define.GGML_CUDA": "ON"})
PYTHON = Path("/env/bin/python")
UV = Path("/usr/bin/uv")


def test_the_right_build_needs_no_fix() -> None:
    for build, choice in (
        (Build(version="0.3.36", cuda=False, rpc=True), CPU),
        (Build(version="0.3.36", cuda=True, rpc=True), CUDA),
        (Build(version="0.3.36", cuda=True, rpc=True), CPU),  # more than what this machine can use: leave it
    ):
        assert toolchain.plan_fix(build, choice, python=PYTHON, uv=UV) is None


@pytest.mark.parametrize(
    ("build", "choice", "why"),
    [
        (None, CPU, "is not installed"),
        (Build(version="0.3.9", cuda=False, rpc=True), CPU, "0.3.9 is installed, and sparktop is made for 0.3.36"),
        (Build(version="0.3.36", cuda=False, rpc=True), CUDA, "cannot use the GPU"),
        (Build(version="0.3.36", cuda=False, rpc=False), CPU, "cannot split a model"),
        (Build(version="0.3.36", cuda=True, rpc=True), Choice(cuda=False, line="", forced=True), "built for CUDA"),
        (
            Build(version="0.3.36", cuda=False, rpc=True),
            Choice(cuda=False, line="", settings={"cmake.define.GGML_RPC_RDMA": "ON"}),
            "cannot use RDMA",
        ),
    ],
)
def test_what_is_wrong_is_said(build: Build | None, choice: Choice, why: str) -> None:
    fix = toolchain.plan_fix(build, choice, python=PYTHON, uv=UV)
    assert fix is not None
    assert why in fix.why


def test_the_fix_by_uv() -> None:
    fix = toolchain.plan_fix(None, CUDA, python=PYTHON, uv=UV, pip=True)
    assert fix is not None
    assert " ".join(fix.command) == (
        "/usr/bin/uv pip install --python /env/bin/python --no-deps --reinstall-package llama-cpp-python"
        " --no-binary llama-cpp-python"
        " --config-settings-package llama-cpp-python:cmake.define.GGML_RPC=ON"
        " --config-settings-package llama-cpp-python:cmake.define.GGML_CUDA=ON llama-cpp-python==0.3.36"
    )


def test_the_fix_by_pip() -> None:
    fix = toolchain.plan_fix(None, CUDA, python=PYTHON, pip=True)
    assert fix is not None
    assert " ".join(fix.command) == (
        "/env/bin/python -m pip install --no-deps --force-reinstall --no-cache-dir --no-binary llama-cpp-python"
        " --config-settings=cmake.define.GGML_RPC=ON --config-settings=cmake.define.GGML_CUDA=ON"
        " llama-cpp-python==0.3.36"
    )


def test_the_fix_where_nothing_can_install() -> None:
    fix = toolchain.plan_fix(None, CPU, python=PYTHON)
    assert fix is not None
    assert fix.command == ()
    said: list[str] = []
    assert toolchain.apply_fix(fix, say=said.append) == 2
    assert "install uv, then run this again" in said[0]


def test_the_command_is_shown_before_it_runs() -> None:
    happened: list[str] = []

    def call(command: Sequence[str]) -> int:
        happened.append(f"ran {command[0]}")
        return 7

    assert toolchain.apply_fix(Fix(command=("make it", "so"), why="Because."), say=happened.append, call=call) == 7
    assert happened == ["Because.", "'make it' so", "ran make it"]


def test_uv_is_on_the_path_or_in_the_checkout(box: Box, tmp_path: Path) -> None:
    fetched = tmp_path / "checkout/.uv/bin/uv"
    fetched.parent.mkdir(parents=True)
    assert toolchain.find_uv(box.env, tmp_path / "checkout/.venv") is None
    fetched.touch(0o755)
    assert toolchain.find_uv(box.env, tmp_path / "checkout/.venv") == fetched
    on_path = box.program("uv")
    assert toolchain.find_uv(box.env, tmp_path / "checkout/.venv") == on_path


def test_examine_looks_at_the_running_interpreter(box: Box) -> None:
    examination = toolchain.examine(box.env, box.root, box.run)
    assert examination.build is not None
    assert examination.fix is None
    assert not examination.choice.cuda


# Agreement with pyproject.toml


def test_the_project_file_says_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert f"{toolchain.PACKAGE}=={toolchain.VERSION}" in project["project"]["dependencies"]
    assert project["tool"]["uv"]["config-settings-package"] == {toolchain.PACKAGE: dict(toolchain.BASE_SETTINGS)}


def test_the_command_prints_arguments_alone_on_stdout(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--uv-args"], {**box.env, "SPARKTOP_CUDA": "off"}) == 0
    out, err = capfd.readouterr()
    assert "CPU build (SPARKTOP_CUDA=off)" in err
    assert all(line.startswith(("--config-settings-package", "llama-cpp-python:")) for line in out.splitlines())
    assert main([], {**box.env, "SPARKTOP_CUDA": "maybe"}) == 2
    assert main(["--help"], box.env) == 2
