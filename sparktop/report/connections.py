"""How the machines of the runs were connected to each other."""

from __future__ import annotations

from collections.abc import Iterator

from sparktop.model.interfaces import Interface, LinkTo
from sparktop.report.document import Align, Block, Cell, Column, Row
from sparktop.report.language import Language
from sparktop.report.runs import Run
from sparktop.report.tables import Maker, name_column


def machine_links(runs: tuple[Run, ...], language: Language) -> Iterator[Block]:
    """Yields a table of the networks that two machines of a run share; nothing where there are none."""
    say, maker = language.say, Maker(language)
    seen: dict[tuple[str, LinkTo], list[str]] = {}
    for run in runs:
        told: set[str] = set()
        for node in run.snapshot.nodes:
            told.add(node.name)
            for link in node.links:
                if link.node not in told:  # the other machine tells of the same network
                    seen.setdefault((node.name, link), []).append(run.label)
    if not seen:
        return
    several = len(runs) > 1
    columns = [
        name_column(say("node")),
        *(
            Column(id=key, title=say(f"link.{key}"), align=Align.LEFT)
            for key in ("here", "to", "there", "speed", "rdma", *(("runs",) if several else ()))
        ),
    ]
    rows = [
        Row(
            id=f"{name} {link.node} {link.here.address} {link.there.address}",
            cells=(
                Cell(text=name),
                Cell(text=_end(link.here, language)),
                Cell(text=link.node),
                Cell(text=_end(link.there, language)),
                Cell(text=say("unknown") if link.speed is None else f"{language.short(link.speed * 8 / 1e9)} Gb/s"),
                Cell(text=say("link.yes" if link.rdma else "link.no")),
                *((Cell(text=language.listed(labels)),) if several else ()),
            ),
        )
        for (name, link), labels in seen.items()
    ]
    yield maker.table("links", say("link.title"), columns, rows)


def _end(interface: Interface, language: Language) -> str:
    rdma = language.say("link.device") if interface.rdma else ""
    return language.with_remark(f"{interface.address} {interface.name}", rdma)
