"""Checks of the link between two machines: did RDMA carry what it was to carry, and without errors?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sparktop.model.channels import indexed, things
from sparktop.model.records import Node
from sparktop.model.split_traffic import LEAST_PER_TOKEN, LEAST_TOKENS, SplitTraffic, Traffic
from sparktop.model.state import ContenderState, RunState
from sparktop.model.timeseries import Gauge
from sparktop.model.transport_checks import proven
from sparktop.model.verdicts import Code, Findings, Unjudged, fault, note
from sparktop.model.watch import Watch

BROKEN: Final = (
    "symbol_error",
    "link_error_recovery",
    "link_downed",
    "port_rcv_errors",
    "rnr_nak_retry_err",
    "local_ack_timeout_err",
)
"""Counters of a bad cable, of packets that were lost to it, and of waits until the sender gave up: the figures of a
model that is split over this link hold the time of that."""

RESENT: Final = (
    "port_xmit_discards",
    "out_of_sequence",
    "packet_seq_err",
    "out_of_buffer",
    "duplicate_request",
    "roce_adp_retrans",
)
"""Counters of packets that were dropped or came in the wrong order, and were sent again: some time was lost."""

CONGESTED: Final = ("np_cnp_sent", "np_ecn_marked_roce_packets", "rp_cnp_handled")
"""Counters of congestion control: the sender was told to go slower, as it is meant to be."""


def fallback(state: RunState) -> Findings:
    """Whether a model that is split over machines with RDMA sent its traffic past it."""
    for contender in split_contenders(state):
        name = contender.contender.name
        if contender.links:
            yield from _proven_fallback(state, contender)
            continue
        nodes = split_nodes(state, contender)
        followed = [s for node in nodes if (s := state.watches.get(node.name, Watch()).splits.get(name)) is not None]
        traffic = busiest(seen.whole for seen in followed)
        if not followed and contender.info is None:
            continue  # it never ran
        if (why := _not_expected(state, nodes, followed)) is not None:
            yield Unjudged(code=Code.ROCE_FALLBACK, reason=f"{name}: {why}")
        elif traffic.fell_back is None:
            reason = (
                f"{name}: {traffic.tokens} tokens and {(traffic.rdma + traffic.past_rdma) / 1024:,.0f} KiB of traffic"
                f" were seen, and it takes {LEAST_TOKENS} tokens and {LEAST_PER_TOKEN / 1024:.0f} KiB for each"
            )
            yield Unjudged(code=Code.ROCE_FALLBACK, reason=reason)
        elif traffic.fell_back:
            text = (
                f"{name} expected RDMA, and its traffic went by TCP over {way(traffic)}:"
                f" {traffic.past_rdma / traffic.tokens / 1024:,.1f} KiB a token, none of it by RDMA"
            )
            yield note(Code.ROCE_FALLBACK, text, contender=name, **fallback_evidence(traffic))


def _proven_fallback(state: RunState, contender: ContenderState) -> Findings:
    name = contender.contender.name
    for link in proven(state, contender):
        use = link.use
        if use.rdma:
            continue
        if link.unexpected:
            yield Unjudged(code=Code.ROCE_FALLBACK, reason=f"{name}: {link.unexpected}")
            continue
        text = f"{name} expected RDMA to {use.node}, and llama.cpp took TCP: {use.proof}"
        evidence = {"tokens": use.decode_tokens, **({} if use.decode_bytes is None else {"tcp": use.decode_bytes})}
        yield note(Code.ROCE_FALLBACK, text, contender=name, node=use.node, **evidence)


def errors(state: RunState) -> Findings:
    """Whether the links between the machines made errors, or went down."""
    for node in state.nodes.values():
        gauges = state.gauges.get(node.name, {})
        devices = things(gauges, "roce")
        split = any(node in split_nodes(state, contender) for contender in split_contenders(state))
        missing = state.missing.get(node.name, {})
        names = [indexed("roce", device, counter) for device in devices for counter in BROKEN]
        unread = [name for name in names if name not in gauges or gauges[name].peak is None]
        if split and len(unread) == len(names):
            why = missing.get("roce", "no counter of RDMA errors was read")
            yield Unjudged(code=Code.ROCE_ERRORS, reason=f"{node.name}: {why}")
        elif split and unread:
            # That the others did not grow says nothing of these.
            more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
            why = missing.get(unread[0], "no reading was taken")
            yield Unjudged(code=Code.ROCE_ERRORS, reason=f"{unread[0]} of {node.name}: {why}{more}")
        lost = state.watches.get(node.name, Watch()).lost_ever
        for port, members in ports(gauges, devices).items():
            broken = growth(gauges, members, BROKEN)
            if lost.keys() & set(members):
                broken["link_downed"] = max(broken.get("link_downed", 0.0), 1.0)
            if broken:
                # Where no model used the link its errors changed no figure.
                say = fault if split else note
                yield say(Code.ROCE_ERRORS, f"{port} of {node.name}: {told(broken)}", node=node.name, **broken)
            if not split:
                continue
            if resent := growth(gauges, members, RESENT):
                text = f"{port} of {node.name} had to send again: {told(resent)}"
                yield note(Code.ROCE_ERRORS, text, node=node.name, **resent)
            if congested := growth(gauges, members, CONGESTED):
                text = f"{port} of {node.name} was congested: {told(congested)}"
                yield note(Code.ROCE_ERRORS, text, node=node.name, **congested)


def split_contenders(state: RunState) -> list[ContenderState]:
    """Returns the contenders that are split over several machines."""
    return [contender for contender in state.contenders.values() if "+" in contender.contender.node]


def split_nodes(state: RunState, contender: ContenderState) -> list[Node]:
    """Returns those of a contender's machines that are known."""
    return [node for name in contender.contender.node.split("+") if (node := state.nodes.get(name)) is not None]


def busiest(parts: Iterable[Traffic]) -> Traffic:
    """Returns the traffic of the machine that saw most of it: what one sends the other receives, so no sum is made."""
    return max(parts, key=lambda part: part.rdma + part.past_rdma, default=Traffic())


def way(traffic: Traffic) -> str:
    """Says where the traffic went that did not go by RDMA."""
    return "the RDMA ports" if traffic.tcp >= traffic.other else "a network interface without RDMA"


def fallback_evidence(traffic: Traffic) -> dict[str, float]:
    """Returns the numbers that a fallback rests on: bytes in both directions, and tokens."""
    return {
        "rdma": round(traffic.rdma),
        "tcp": round(traffic.tcp),
        "other": round(traffic.other),
        "tokens": traffic.tokens,
    }


def ports(gauges: Mapping[str, Gauge], devices: Iterable[str]) -> dict[str, list[str]]:
    """Returns the devices of each physical port, by a name for people; a Spark's ports have two each."""
    found: dict[str, list[str]] = {}
    for device in devices:
        number = gauges.get(indexed("roce", device, "port"))
        known = number is not None and number.peak is not None
        found.setdefault(f"port {number.peak:.0f}" if known and number is not None else device, []).append(device)
    return found


def growth(
    gauges: Mapping[str, Gauge], devices: Iterable[str], counters: Iterable[str], since: float | None = None
) -> dict[str, float]:
    """Returns which counters grew, and by how much, over some devices together.

    Args:
        gauges: A machine's readings.
        devices: RDMA devices.
        counters: Some of `ROCE_HEALTH`.
        since: Only what came after this time, in seconds; None for everything.
    """
    names = list(devices)
    grown: dict[str, float] = {}
    for counter in counters:
        for device in names:
            gauge = gauges.get(indexed("roce", device, counter))
            if gauge is not None and (more := _growth(gauge, since)) > 0:
                grown[counter] = grown.get(counter, 0.0) + more
    return grown


def told(counters: Mapping[str, float]) -> str:
    """Returns counters for people."""
    return ", ".join(f"{name} {count:,.0f}" for name, count in counters.items())


def _growth(gauge: Gauge, since: float | None) -> float:
    last = gauge.last
    if since is None or not gauge.times:
        known = [value for value in gauge.values if value is not None]
        return known[-1] - known[0] if known else 0.0
    if last is None or gauge.times[-1] < since:
        return 0.0
    # Newest first: what it was just before, however long ago that was.
    for time, value in zip(reversed(gauge.times), reversed(gauge.values), strict=True):
        if time < since and value is not None:
            return last - value
    return last - next(value for value in gauge.values if value is not None)


def _not_expected(state: RunState, nodes: list[Node], followed: list[SplitTraffic]) -> str | None:
    """Why nothing can be said of RDMA; None if it was to be expected."""
    if not nodes or not followed:
        return "none of its machines was read while it ran"
    for node in nodes:
        if not things(state.gauges.get(node.name, {}), "roce"):
            return f"{node.name}: {state.missing.get(node.name, {}).get('roce', 'no RDMA device was read')}"
    if not any(seen.linked for seen in followed):
        return "no link of an RDMA device was up"
    return None
