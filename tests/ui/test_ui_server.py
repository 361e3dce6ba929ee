"""Servers on the monitor's screen, as they tell of themselves."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import recorded
from fakes import UNICODE_TERMINAL, Bench, screen_text, settle, shows
from textual.pilot import Pilot

from sparktop.model.events import ModelReady, RunStarted
from sparktop.model.records import ModelInfo
from sparktop.runner.watch import LiveMachine
from sparktop.telemetry.machine import sources
from sparktop.telemetry.server import ServerSource
from sparktop.telemetry.server_http import Address
from sparktop.ui.machine_feed import LiveMachineFeed
from tests.servers.replay import replay

SIZES = [(200, 60), (80, 24), (60, 16), (40, 10), (20, 5), (3, 2)]


def watching(*urls: str) -> LiveMachineFeed:
    servers = [ServerSource(Address.of(url)) for url in urls]
    return LiveMachineFeed(LiveMachine(those=sources(), servers=servers), time.monotonic)


def panels(bench: Bench) -> list[str | None]:
    return [panel.id for panel in bench.latest.screen.query(".panel") if panel.display]


async def begin(bench: Bench, pilot: Pilot[int]) -> None:
    await shows(bench, pilot, "─ 6 ")
    await settle(pilot)


async def test_what_a_server_tells(tmp_path: Path) -> None:
    bench = Bench(tmp_path, clock=time.monotonic)
    with replay("vllm") as server:
        server.play = "before"
        async with bench.monitor(watching(server.url), UNICODE_TERMINAL).run_test(size=(120, 40)) as pilot:
            await begin(bench, pilot)
            await shows(bench, pilot, "0.00 generated")
            assert "nothing was drafted in the last minute" in screen_text(bench.latest)
            server.play = "after"
            await shows(bench, pilot, "75 % accepted")
            text = screen_text(bench.latest)
            name = server.url.removeprefix("http://")
            for part in (
                f"6 vLLM {name}",
                "8 running",
                "3 waiting",
                "50 %",
                "75 %",
                "2.50 tokens/step",
                "tok/s ━ generated",
            ):
                assert part in text, f"{part} is not in\n{text}"
            # Who names a server came for it.
            assert panels(bench)[0] == "server"
            await pilot.press("6")
            await settle(pilot)
            assert panels(bench) == ["server"]
            await pilot.press("q")


async def test_several_servers_and_one_that_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, clock=time.monotonic)
    with replay("vllm") as gone:
        pass
    with replay("sglang") as one, replay("ollama") as other:
        one.play = "after"
        feed = watching(gone.url, one.url, other.url)
        async with bench.monitor(feed, UNICODE_TERMINAL).run_test(size=(120, 40)) as pilot:
            await begin(bench, pilot)
            await shows(bench, pilot, "400.8 tok/s")
            text = screen_text(bench.latest)
            for part in (
                "6 Servers",
                f"{one.url.removeprefix('http://')}  SGLang",
                "10 running",
                "1 waiting",
                "6.2 GiB of models loaded",
                "nothing answers at 127",
            ):
                assert part in text, f"{part} is not in\n{text}"
            await pilot.resize_terminal(60, 16)
            # A row for each: figures where there are any, else the reason, cut to what room there is.
            await shows(bench, pilot, f"{one.url[-4:]}   400.8 ")
            await shows(bench, pilot, "n/a (not")
            for size in [*SIZES, SIZES[0]]:
                await pilot.resize_terminal(*size)
                await settle(pilot)
                assert {strip.cell_length for strip in bench.latest.screen._compositor.render_strips()} == {size[0]}
                await pilot.press("6", "escape")
            await pilot.press("q")
    assert bench.latest.return_value == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ollama", ("1 model", "6.2 GiB of which 4.6 GiB on the GPU", "n/a (Ollama tells which models")),
        ("", ("metrics", "n/a (nothing answers at")),
    ],
)
async def test_a_server_that_tells_little(tmp_path: Path, name: str, told: tuple[str, ...]) -> None:
    bench = Bench(tmp_path, clock=time.monotonic)
    with replay(name or "vllm") as server:
        url = server.url if name else "http://127.0.0.1:9"
        async with bench.monitor(watching(url), UNICODE_TERMINAL).run_test(size=(120, 40)) as pilot:
            await begin(bench, pilot)
            for part in told:
                await shows(bench, pilot, part)
            await pilot.press("q")


async def test_a_contender_on_a_server_is_not_said_to_be_loaded_nor_what_it_did_not_tell(tmp_path: Path) -> None:
    started, *_ = recorded.record()
    assert isinstance(started, RunStarted)
    mine, *others = started.contenders
    served = replace(mine, engine="http", url="http://spark-2:8000/v1", model="qwen", toy=False)
    info = ModelInfo(
        description="vLLM 0.11.0",
        parameters=None,
        size=None,
        context=40_960,
        slots=None,
        vocabulary=None,
        layers=None,
        devices=(),
        chat_template=None,
        name="Qwen/Qwen3-8B",
    )
    events = [
        replace(started, contenders=(served, *others)),
        ModelReady(t=0.5, contender=served.name, model=info, load_s=0.01),
    ]
    bench = Bench(tmp_path, events=events)
    async with bench.app(bench.default_plan()).run_test(size=(200, 60)) as pilot:
        bench.watch.t = 101.0
        await shows(bench, pilot, "Qwen/Qwen3-8B, vLLM 0.11.0, 40,960 context ")
        assert "vLLM 0.11.0, 40,960 context, loaded" not in screen_text(bench.latest)
