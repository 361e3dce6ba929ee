"""Pages of metrics are read as the reference parser reads them, and hostile ones end nothing."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sparktop.telemetry.prometheus import parse
from sparktop.telemetry.reading import Unreadable
from tests.servers.wire_file import load, names

PAGES = [
    wire.body.decode()
    for name in names()
    for wire in load(name)
    if wire.path.endswith("/metrics") and wire.kind.startswith("text/plain") and wire.status == 200
]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBER = st.floats(allow_nan=True, allow_infinity=True)


def reference(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if math.isfinite(sample.value):
                # It adds _total to the names of counters that have none.
                name = sample.name if sample.name in text else sample.name.removesuffix("_total")
                found.setdefault(name, []).append((sample.labels, sample.value))
    return found


def ours(text: str, wanted: set[str]) -> dict[str, list[tuple[dict[str, str], float]]]:
    page = parse(text, wanted)
    return {name: [(dict(s.labels), s.value) for s in page.samples(name)] for name in wanted if page.has(name)}


@pytest.mark.parametrize("text", PAGES)
def test_the_servers_pages(text: str) -> None:
    expected = reference(text)

    assert expected
    assert ours(text, set(expected)) == expected


@given(st.dictionaries(st.tuples(TEXT, TEXT), NUMBER, min_size=1, max_size=5), st.floats(0, 1e300))
def test_any_page_of_the_format(values: dict[tuple[str, str], float], count: float) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("vllm:usage", 'What "it" is\n # TYPE vllm:usage', ["model_name", "engine"], registry=registry)
    for labels, value in values.items():
        gauge.labels(*labels).set(value)
    Counter("vllm:tokens", "Tokens.", registry=registry).inc(count)
    text = generate_latest(registry).decode()

    assert ours(text, {"vllm:usage", "vllm:tokens_total"}) == {
        name: samples for name, samples in reference(text).items() if not name.endswith("_created")
    }


@given(st.text(st.sampled_from('x{}="\\,\t 1.e+-naif#\n\r_:é'), max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    for samples in ours(text, {"x", "x1"}).values():
        assert all(math.isfinite(value) for _, value in samples)


@pytest.mark.parametrize(
    "line",
    [
        'x{a="b"  ' * 100_000,
        "x{" + 'a="b"  ' * 100_000,
        "x{" + 'a="b", ' * 100_000,
        'x{a="' + "\\" * 1_000_000,
        "x" + " \t" * 500_000,
        "x 1 " + "1" * 1_000_000 + "a",
        "x{" + "a" * 1_000_000,
        "x\n" * 500_000,
    ],
)
def test_no_line_takes_long(line: str) -> None:
    began = time.process_time()
    parse(line, {"x"})

    assert time.process_time() - began < 1.0


def test_what_is_not_told_has_a_reason() -> None:
    page = parse('x{mode="a"} 1\nx{mode="b"} 2\ny NaN\n', {"x", "y"})

    assert (page.total("x"), page.total("x", mode="b"), page.highest("x")) == (3, 2, 2)
    assert page.first(("z", "x"), page.total) == 3
    with pytest.raises(Unreadable, match="does not tell y"):
        page.total("y")
    with pytest.raises(Unreadable, match="does not tell z"):
        page.highest("z")
    with pytest.raises(Unreadable, match="does not tell x of c"):
        page.total("x", mode="c")
