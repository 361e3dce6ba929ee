"""Who runs what, and where: the records a run begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sparktop.model.interfaces import LinkTo


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person chose for this run, beside the scenario and the contenders.

    Attributes:
        limit: Only the first N items of the scenario; 0 for all.
        max_tokens: Overrides the scenario's limit; 0 leaves it.
        seed: Overrides the scenario's seed; None leaves it.
        together: All contenders at once on one machine; figures are then marked as contended.
        reserve: Bytes of memory that a load must leave; None for the default.
        silence_s: Seconds without anything new from a server after which a request to it is given up.
        batches: Overrides the scenario's batch sizes; empty leaves them.
        tensor_split: By what shares a model is split over its machines; empty for what memory each can give.
    """

    limit: int = 0
    max_tokens: int = 0
    seed: int | None = None
    together: bool = False
    reserve: int | None = None
    silence_s: float = 300.0
    batches: tuple[int, ...] = ()
    tensor_split: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A model on an engine at a place.

    Attributes:
        name: Unique in the run; what tables show.
        engine: Name of the engine ("llama.cpp"; "http" for a server that somebody else runs).
        model: Path of the model's file; on a server the model's name there, empty if the server has only one.
        node: Name of the node that it runs on; the host of a server elsewhere.
        size: Bytes of weights on disk; 0 if unknown.
        toy: One of the demo models that come with the program: labelled wherever it shows.
        url: Where the server's OpenAI-compatible API begins; empty for a model that sparktop itself loads.
        key_env: Name of the environment variable that holds the server's API key; empty if it needs none. The key
            itself is in no record.
    """

    name: str
    engine: str
    model: str
    node: str
    size: int = 0
    toy: bool = False
    url: str = ""
    key_env: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What the engine says of a model that it has loaded; None where it does not say.

    Attributes:
        description: The engine's own short description ("llama 8B Q8_0"; of a server also which it is).
        parameters: Number of weights.
        size: Bytes of all tensors.
        context: Tokens that one sequence can hold.
        slots: Sequences that can be decoded together.
        vocabulary: Number of tokens in the vocabulary.
        layers: Number of transformer blocks.
        devices: Where the weights lie ("CPU", "CUDA0 (NVIDIA GB10)"); empty if unknown.
        chat_template: Whether the model brings a chat template.
        name: What a server calls it, as requests name it; empty of a model from a file.
    """

    description: str
    parameters: int | None
    size: int | None
    context: int | None
    slots: int | None
    vocabulary: int | None
    layers: int | None
    devices: tuple[str, ...]
    chat_template: bool | None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine that takes part.

    Attributes:
        name: As the person calls it; the host name for this machine.
        os: Operating system and kernel.
        machine: Product name from the firmware ("NVIDIA DGX Spark"), empty if unknown.
        cpu: Model name of the processor.
        cores: Logical processors.
        memory: Bytes of memory that the kernel manages (MemTotal).
        gpus: Names of the GPUs.
        driver: Version of the NVIDIA driver, empty if there is none.
        llama_cpp: Version and backends of llama.cpp here.
        links: Networks that it shares with the other machines of the run, as it began; to each the best first. A
            machine is the same whatever it is connected to.
        identity: The same for one machine under two names, and for no two machines that run: of this start of its
            kernel and its network. Empty where that is not known.
    """

    name: str
    os: str
    machine: str
    cpu: str
    cores: int
    memory: int
    gpus: tuple[str, ...]
    driver: str
    llama_cpp: str
    links: tuple[LinkTo, ...] = field(default=(), compare=False)
    identity: str = field(default="", compare=False)


def named_before(nodes: Sequence[Node]) -> dict[str, str]:
    """Returns by name of a machine the one that it was named by before, where that is the same machine."""
    first: dict[str, str] = {}
    for node in nodes:
        if node.identity:
            first.setdefault(node.identity, node.name)
    return {node.name: known for node in nodes if (known := first.get(node.identity, node.name)) != node.name}


def named_twice(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Says of each machine that was named before that sums count it once."""
    return tuple(
        f"{name} and {known} are the same machine: it is shown under both names, and counted once"
        for name, known in named_before(nodes).items()
    )
