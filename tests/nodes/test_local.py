"""The record of a machine is what its files say; what they don't say stays empty."""

from __future__ import annotations

from pathlib import Path

from sparktop.model.records import Node
from sparktop.nodes.local import describe_local
from sparktop.nodes.nvidia import Gpus


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def core(number: int, part: str) -> str:
    return f"processor\t: {number}\nBogoMIPS\t: 2000.00\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"


SPARK = {
    "proc/sys/kernel/hostname": "spark-abcd\n",
    "proc/sys/kernel/osrelease": "6.14.0-1015-nvidia\n",
    "proc/meminfo": "MemTotal:       127600748 kB\n",
    "proc/cpuinfo": "".join(core(n, "0xd85" if n // 5 % 2 else "0xd87") for n in range(20)),
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="DGX OS 7.2.3"\n',
    "sys/class/dmi/id/product_name": "NVIDIA_DGX_Spark\n",
    "site/llama_cpp/lib/libggml-cuda.so": "",
    "site/llama_cpp/lib/libggml-rpc.so": "libibverbs.so",
    "site/llama_cpp_python-0.3.36.dist-info/METADATA": "",
}


def test_a_spark(tmp_path: Path) -> None:
    root = tree(tmp_path, SPARK)

    node = describe_local(root, ask_gpus=lambda: Gpus(names=("NVIDIA GB10",), driver="580.95.05"), site=root / "site")

    assert node == Node(
        name="spark-abcd",
        os="DGX OS 7.2.3, kernel 6.14.0-1015-nvidia",
        machine="NVIDIA DGX Spark",
        cpu="10 x Cortex-X925 + 10 x Cortex-A725",
        cores=20,
        memory=127600748 * 1024,
        gpus=("NVIDIA GB10",),
        driver="580.95.05",
        llama_cpp="llama-cpp-python 0.3.36 (CUDA, RPC, RDMA)",
    )


def test_a_laptop(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            **SPARK,
            "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 7\n\nprocessor\t: 1\nmodel name\t: AMD Ryzen 7\n",
        },
    )

    node = describe_local(root, ask_gpus=Gpus, site=root / "nothing")

    assert (node.cpu, node.cores) == ("AMD Ryzen 7", 2)
    assert (node.gpus, node.driver, node.llama_cpp) == ((), "", "")


def test_unknown_arm_part_is_named_by_its_number(tmp_path: Path) -> None:
    root = tree(tmp_path, {"proc/cpuinfo": core(0, "0xfff") + core(1, "0xfff")})

    assert describe_local(root, ask_gpus=Gpus).cpu == "Arm part 0xfff"


def test_device_tree_where_there_is_no_dmi(tmp_path: Path) -> None:
    root = tree(tmp_path, {"proc/device-tree/model": "NVIDIA Jetson AGX Thor\0"})

    assert describe_local(root, ask_gpus=Gpus).machine == "NVIDIA Jetson AGX Thor"


def test_nothing_at_all_is_known(tmp_path: Path) -> None:
    assert describe_local(tmp_path, ask_gpus=Gpus, site=tmp_path) == Node(
        name="localhost", os="Linux", machine="", cpu="", cores=0, memory=0, gpus=(), driver="", llama_cpp=""
    )


def test_broken_os_release_costs_only_the_name(tmp_path: Path) -> None:
    root = tree(tmp_path, {**SPARK, "etc/os-release": 'PRETTY_NAME="DGX OS\n'})

    assert describe_local(root, ask_gpus=Gpus).os == "Linux, kernel 6.14.0-1015-nvidia"
