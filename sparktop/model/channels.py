"""Names and units of everything that is read from a machine.

A sample is a flat map from channel name to number, so that a new source needs no new event and a
remote node sends the same bytes as a local one. A name that is absent from a sample was not read;
why is in the sample's `missing`. Absent is never zero.

What a machine has several of is named "source.thing.quantity" ("gpu.0.power"); the thing may hold
dots itself, the source and the quantity don't. The bare name of a source ("roce") stands in
`missing` alone: it is the reason why there is nothing of it at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity that can be read.

    Attributes:
        name: Dotted name; the first part is the source.
        unit: "bytes", "bytes/s", "percent", "MHz", "W", "J", "°C", "count", "yes/no" (1 or 0), or
            "bits" (a bit mask), "tokens/s" or "tokens".
        meaning: One line for people.
    """

    name: str
    unit: str
    meaning: str


MEMORY_TOTAL: Final = "memory.total"
MEMORY_USED: Final = "memory.used"
MEMORY_AVAILABLE: Final = "memory.available"
MEMORY_FREE: Final = "memory.free"
MEMORY_CACHE: Final = "memory.cache"
MEMORY_ALLOCATABLE: Final = "memory.allocatable"
MEMORY_HUGE_PAGES: Final = "memory.huge_pages"
SWAP_TOTAL: Final = "swap.total"
SWAP_USED: Final = "swap.used"
SWAP_IN: Final = "swap.in"
SWAP_OUT: Final = "swap.out"
PSI_SOME: Final = "psi.some"
PSI_FULL: Final = "psi.full"
CPU_LOAD: Final = "cpu.load"
CPU_CLOCK: Final = "cpu.clock"

CHANNELS: Final[tuple[Channel, ...]] = (
    Channel(MEMORY_TOTAL, "bytes", "MemTotal: what the kernel manages, less than what is sold"),
    Channel(MEMORY_USED, "bytes", "MemTotal - MemAvailable"),
    Channel(MEMORY_AVAILABLE, "bytes", "MemAvailable: what can be had without swapping"),
    Channel(MEMORY_FREE, "bytes", "MemFree: what lies idle"),
    Channel(MEMORY_CACHE, "bytes", "page cache: Cached + SReclaimable"),
    Channel(MEMORY_ALLOCATABLE, "bytes", "MemAvailable + SwapFree; free huge pages alone where some are set apart"),
    Channel(MEMORY_HUGE_PAGES, "bytes", "set apart as huge pages; where not 0, nothing else can be allocated for CUDA"),
    Channel(SWAP_TOTAL, "bytes", "SwapTotal"),
    Channel(SWAP_USED, "bytes", "SwapTotal - SwapFree"),
    Channel(SWAP_IN, "bytes/s", "read back from swap (pswpin)"),
    Channel(SWAP_OUT, "bytes/s", "written to swap (pswpout)"),
    Channel(PSI_SOME, "percent", "share of the last 10 s in which some task waited for memory"),
    Channel(PSI_FULL, "percent", "share of the last 10 s in which every task waited for memory"),
    Channel(CPU_LOAD, "percent", "share of all processors' time that was not idle"),
    Channel(CPU_CLOCK, "MHz", "mean clock of all processors"),
)
"""Every channel of which a machine has one, in the order in which tables show them."""

PROCESS_LEFT: Final = "the process holds nothing on a GPU any more"
"""Why "process.PID.gpu_held" is missing when its series is at its end: told once."""

_RATES: Final = (
    Channel("rx_rdma", "bytes/s", "received by RDMA"),
    Channel("tx_rdma", "bytes/s", "sent by RDMA"),
    Channel("rx_tcp", "bytes/s", "received through the network interface: TCP and everything else that is not RDMA"),
    Channel("tx_tcp", "bytes/s", "sent through the network interface: TCP and everything else that is not RDMA"),
)

ROCE_HEALTH: Final[tuple[Channel, ...]] = (
    Channel("symbol_error", "count", "bit errors on the cable"),
    Channel("link_error_recovery", "count", "times the link recovered from errors"),
    Channel("link_downed", "count", "times the link went down"),
    Channel("port_rcv_errors", "count", "packets received with an error"),
    Channel("port_xmit_discards", "count", "packets dropped before they were sent"),
    Channel("out_of_sequence", "count", "packets that came out of order"),
    Channel("packet_seq_err", "count", "negative acknowledgements for lost packets"),
    Channel("out_of_buffer", "count", "packets dropped for want of a receive buffer"),
    Channel("rnr_nak_retry_err", "count", "retries used up as the receiver was not ready"),
    Channel("local_ack_timeout_err", "count", "acknowledgements that did not come in time"),
    Channel("duplicate_request", "count", "requests that came twice"),
    Channel("roce_adp_retrans", "count", "adaptive retransmissions"),
    Channel("np_cnp_sent", "count", "congestion notifications sent"),
    Channel("np_ecn_marked_roce_packets", "count", "packets received that a switch marked for congestion"),
    Channel("rp_cnp_handled", "count", "congestion notifications obeyed"),
)
"""Each counts since the source was first read, and is read every few seconds."""

FAMILIES: Final[dict[str, tuple[Channel, ...]]] = {
    "gpu": (
        Channel("utilization", "percent", "share of time in which a kernel ran"),
        Channel("sm_clock", "MHz", "clock of the multiprocessors"),
        Channel("sm_clock_max", "MHz", "highest clock of the multiprocessors"),
        Channel("sm_clock_share", "percent", "clock of the multiprocessors, of its maximum"),
        Channel(
            "performance_state", "count", "performance state that the driver chose: 0 is the fastest, 15 the slowest"
        ),
        Channel("memory_clock", "MHz", "clock of the GPU's own memory"),
        Channel("power", "W", "power of the GPU only, not of the machine"),
        Channel("power_limit", "W", "power at which the GPU is held back"),
        Channel("temperature", "°C", "temperature of the GPU's core"),
        Channel("event_reasons", "bits", "why the clock is not higher, as the driver declares it at this moment"),
        Channel("throttle_power_cap", "percent", "share of time in which the power limit held the clock back"),
        Channel("throttle_sw_thermal", "percent", "share of time in which the driver held the clock back for heat"),
        Channel("throttle_hw_thermal", "percent", "share of time in which the hardware held the clock back for heat"),
        Channel("throttle_power_brake", "percent", "share of time in which the power supply held the clock back"),
        Channel("energy", "J", "energy of the GPU since it was first read, by its own counter"),
        Channel("energy_integrated", "J", "energy of the GPU since it was first read, summed from power readings"),
        Channel("vram_total", "bytes", "the GPU's own memory"),
        Channel("vram_used", "bytes", "the GPU's own memory in use"),
        Channel("held", "bytes", "held by compute processes, each counted once"),
        Channel("held_own", "bytes", "held by sparktop's own processes"),
        Channel("held_other", "bytes", "held by other compute processes"),
        Channel("processes_other", "count", "other compute processes"),
    ),
    "process": (Channel("gpu_held", "bytes", "held by this process on all GPUs"),),
    "roce": (
        Channel("port", "count", "number of the physical port that this device feeds; two may feed one"),
        Channel("up", "yes/no", "whether the link is active"),
        Channel("rate", "bytes/s", "what the port says of itself"),
        Channel("capacity", "bytes/s", "what it can carry: the lower of the port's rate and its PCIe lanes'"),
        *_RATES,
        *ROCE_HEALTH,
    ),
    "port": (
        Channel("up", "yes/no", "whether the link is active"),
        Channel("capacity", "bytes/s", "what the physical port can carry with the devices that feed it"),
        *_RATES,
        Channel("rx", "bytes/s", "received, RDMA and the rest together"),
        Channel("tx", "bytes/s", "sent, RDMA and the rest together"),
    ),
    "net": (
        Channel("up", "yes/no", "whether the interface is up"),
        Channel("capacity", "bytes/s", "the link's speed"),
        Channel("rx", "bytes/s", "received"),
        Channel("tx", "bytes/s", "sent"),
    ),
    "cpu": (
        Channel("load", "percent", "share of these cores' time that was not idle"),
        Channel("clock", "MHz", "mean clock of these cores"),
    ),
    "thermal": (Channel("temperature", "°C", "temperature of this zone or sensor"),),
    "rail": (
        Channel("power", "W", "power of this supply rail"),
        Channel("energy", "J", "energy of this rail since it was first read, by its own counter"),
    ),
    "server": (
        Channel("generated", "tokens/s", "tokens generated, of all requests together"),
        Channel("prefilled", "tokens/s", "prompt tokens computed; those from the prefix cache are left out"),
        Channel("running", "count", "requests that are being computed"),
        Channel("waiting", "count", "requests that wait for a place"),
        Channel("kv_cache", "percent", "share of the KV cache in use; of several engines, the fullest one's"),
        Channel("prefix_hits", "percent", "share of the last minute's prompt tokens that came from the prefix cache"),
        Channel("accepted", "percent", "share of the tokens drafted in the last minute that were accepted"),
        Channel("accepted_length", "tokens", "tokens made by a step of speculative decoding, mean of the last minute"),
        Channel("models", "count", "models that are loaded"),
        Channel("memory", "bytes", "memory that the loaded models take"),
        Channel("memory_gpu", "bytes", "of that, memory of the GPU"),
    ),
}
"""What there may be several of: by source, the quantities of each thing.

A thing of "server" is the address of a server of language models, "127.0.0.1:8000", as it tells of itself.
"""

_FIXED: Final = {channel.name: channel for channel in CHANNELS}
_INDEXED: Final = {(source, channel.name): channel for source, group in FAMILIES.items() for channel in group}


def indexed(source: str, thing: str | int, quantity: str) -> str:
    """Returns the name of a channel of which a machine may have several, such as "gpu.0.power".

    Args:
        source: A key of `FAMILIES`.
        thing: Which one: a number or the kernel's name.
        quantity: One of the source's quantities.

    Raises:
        KeyError: There is no such quantity.
    """
    return f"{source}.{thing}.{_INDEXED[source, quantity].name}"


def describe(name: str) -> Channel | None:
    """Returns what a channel means, under its full name; None for a name that is not known."""
    if (channel := _FIXED.get(name)) is not None:
        return channel
    source, _, rest = name.partition(".")
    thing, _, quantity = rest.rpartition(".")
    channel = _INDEXED.get((source, quantity)) if thing else None
    return None if channel is None else replace(channel, name=name)


def things(names: Iterable[str], source: str) -> tuple[str, ...]:
    """Returns which things of a source channel names speak of ("0", "1" for GPUs), in order of appearance."""
    found = dict.fromkeys(name.partition(".")[2].rpartition(".")[0] for name in names if name.startswith(f"{source}."))
    return tuple(thing for thing in found if thing)


def lists_processes(names: Iterable[str]) -> bool:
    """Whether channel names are those of a reading that lists all processes on the GPUs, as few of them do."""
    return any(name.startswith("gpu.") and name.endswith(".held") for name in names)
