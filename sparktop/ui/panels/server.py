"""Servers of language models, as they tell of themselves while somebody else uses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sparktop.model.channels import FAMILIES, indexed, things
from sparktop.ui.chrome import crop, safe, whole
from sparktop.ui.format import NA, percent, plural, size, speed
from sparktop.ui.glyphs import Glyphs
from sparktop.ui.panels.machine import Machine
from sparktop.ui.panels.machine_panel import MachinePanel, fitting, gauge_row, head, reason
from sparktop.ui.run import Run
from sparktop.ui.widgets.labels import cut_start
from sparktop.ui.widgets.line_widget import Span, SpanRow, row_width
from sparktop.ui.widgets.series import Series

LABEL_CELLS: Final = 11

QUANTITIES: Final = tuple(channel.name for channel in FAMILIES["server"])

GAUGES: Final = (("kv_cache", "KV cache"), ("prefix_hits", "prefix hit"))
"""Shares that are shown as gauges, with their labels."""


class ServerPanel(MachinePanel):
    """Tokens per second, requests and caches of every server."""

    def __init__(self) -> None:
        super().__init__("server", "Server", unit="tok/s", most=None)

    def wanted(self, run: Run) -> bool:
        """Whether a server is watched."""
        told = (run.state.gauges, run.state.missing)
        return any(things(names, "server") for by_node in told for names in by_node.values())

    def show(self, run: Run) -> None:
        """Draws the run as it is now."""
        super().show(run)
        servers = self._servers()
        if len(servers) == 1:
            ((machine, server),) = servers
            self.head(f"{machine.servers.get(server, 'Server')} {safe(server)}")
        else:
            self.head("Servers" if servers else "Server")

    def rows_wanted(self, height: int) -> int:
        """See `MachinePanel`."""
        servers = self._servers()
        wanted = len(self._rows(*servers[0], 60)) if len(servers) == 1 else 2 * len(servers)
        return max(1, min(wanted, height))

    def figures(self, width: int, height: int) -> list[SpanRow]:
        """See `MachinePanel`."""
        servers = self._servers()
        if len(servers) == 1:
            return [row for _, row in fitting(self._rows(*servers[0], width), height)]
        rows: list[SpanRow] = []
        for machine, server in servers:
            if height < 2 * len(servers):
                name: list[Span] = [(cut_start(safe(server), width // 2), "title")]
                rows.append(_row(name, machine, server, width, _kind(machine, server)))
            else:
                name = [(cut_start(safe(server), width), "title")]
                rows += [tuple(whole([name, *_kind(machine, server)], width)), _row([], machine, server, width)]
        return rows[:height]

    def curves(self) -> list[Series]:
        """The tokens that each server generates in a second."""
        found: list[Series] = []
        servers = self._servers()
        for machine, server in servers:
            gauge = machine.gauges.get(indexed("server", server, "generated"))
            if gauge is not None:
                name = "generated" if len(servers) == 1 else safe(server)
                found.append(Series(name, gauge.times, gauge.values, f"series-{len(found) % 4 + 1}"))
        return found

    def _servers(self) -> list[tuple[Machine, str]]:
        return [(machine, server) for machine in self.machines for server in machine.things("server")]

    def _rows(self, machine: Machine, server: str, width: int) -> list[tuple[int, SpanRow]]:
        """Every row of a server, each with its rank: 0 is worth most."""
        told = {name: machine.of("server", server, name) for name in QUANTITIES}
        if all(value is None for value in told.values()):
            why = machine.why(*(indexed("server", server, name) for name in QUANTITIES))
            return [(0, (*head("metrics", LABEL_CELLS), *reason(why, width - LABEL_CELLS)))]
        if told["models"] is not None:
            return _loaded_rows(machine, server, width)
        rows = [
            (
                0,
                _figure_row(
                    "tokens/s", machine, server, (("generated", "generated"), ("prefilled", "prefilled")), width
                ),
            ),
            (1, _figure_row("requests", machine, server, (("running", "running"), ("waiting", "waiting")), width)),
        ]
        for rank, (quantity, label) in enumerate(GAUGES, 2):
            rows.append((rank, _gauge_row(label, machine, server, quantity, width, self.signs)))
        words = (("accepted", "accepted"), ("accepted_length", "tokens/step"))
        return [*rows, (4, _figure_row("drafting", machine, server, words, width))]


def _said(quantity: str, value: float) -> str:
    match quantity:
        case "generated" | "prefilled":
            return speed(value)
        case "accepted" | "kv_cache" | "prefix_hits":
            return percent(value)
        case "accepted_length":
            return f"{value:.2f}"
    return f"{value:,.0f}"


def _figure_row(label: str, machine: Machine, server: str, figures: tuple[tuple[str, str], ...], width: int) -> SpanRow:
    start = head(label, LABEL_CELLS)
    told = [(machine.of("server", server, quantity), quantity, word) for quantity, word in figures]
    if all(value is None for value, _, _ in told):
        why = machine.why(*(indexed("server", server, quantity) for quantity, _ in figures))
        return (*start, *reason(why, width - LABEL_CELLS))
    groups: list[list[Span]] = [start]
    for value, quantity, word in told:
        said = (f"{NA:>7}", "warn") if value is None else (f"{_said(quantity, value):>7}", "value")
        groups.append([said, (f" {word}  ", "muted")])
    shown = whole(groups, width)
    # A figure without its word is worth more than a word without a figure.
    return tuple(shown if row_width(shown) > LABEL_CELLS else crop([*start, *groups[1]], width))


def _gauge_row(label: str, machine: Machine, server: str, quantity: str, width: int, signs: Glyphs) -> SpanRow:
    start = head(label, LABEL_CELLS)
    value = machine.of("server", server, quantity)
    if value is None:
        return (*start, *reason(machine.why(indexed("server", server, quantity)), width - LABEL_CELLS))
    return gauge_row(start, percent(value), value / 100, ("", ""), width, signs)


def _loaded_rows(machine: Machine, server: str, width: int) -> list[tuple[int, SpanRow]]:
    """Of a server that tells only which models it has loaded."""
    models, memory, on_gpu = (machine.of("server", server, name) for name in ("models", "memory", "memory_gpu"))
    groups: list[list[Span]] = [
        [*head("loaded", LABEL_CELLS), (plural(int(models or 0), "model"), "value")],
        [("  ", ""), (size(memory), "value")],
        [(" of which ", "muted"), (size(on_gpu), "value"), (" on the GPU", "muted")],
    ]
    why = machine.why(indexed("server", server, "generated"))
    return [
        (0, tuple(whole(groups, width))),
        (1, (*head("tokens/s", LABEL_CELLS), *reason(why, width - LABEL_CELLS))),
    ]


def _row(start: list[Span], machine: Machine, server: str, width: int, more: Sequence[list[Span]] = ()) -> SpanRow:
    """A server's figures in one row behind a start, as many as fit; where there are none, why."""
    if groups := _groups(machine, server):
        shown = whole([start, *groups, *more], width)
        # A figure without its word is worth more than none.
        return tuple(shown if row_width(shown) > row_width(start) else crop([*start, groups[0][0]], width))
    why = machine.why(*(indexed("server", server, quantity) for quantity in QUANTITIES))
    return (*start, ("  ", ""), *reason(why, width - row_width(start) - 2))


def _kind(machine: Machine, server: str) -> list[list[Span]]:
    """What a server is, where it is known."""
    kind = machine.servers.get(server)
    return [[(f"  {kind}", "muted")]] if kind else []


def _groups(machine: Machine, server: str) -> list[list[Span]]:
    """A server in one row, the most important first."""
    groups: list[list[Span]] = []
    words = {"generated": "tok/s", "running": "running", "waiting": "waiting", "kv_cache": "KV cache"}
    for quantity, word in words.items():
        if (value := machine.of("server", server, quantity)) is not None:
            groups.append([(f"  {_said(quantity, value):>6}", "value"), (f" {word}", "muted")])
    if (memory := machine.of("server", server, "memory")) is not None:
        groups.append([(f"  {size(memory)}", "value"), (" of models loaded", "muted")])
    return groups
