"""A split model's run that is left while the link to one of its machines is down."""

from __future__ import annotations

import json
import signal
import time

import pytest

from sparktop.ui.ending import STOP_S
from tests.nodes.split_head import Head, head, here, three

__all__ = ["head", "three"]


@pytest.mark.parametrize("where", [f"{here()}+spark-2", "spark-2"], ids=["split", "there"])
def test_a_run_that_is_left_while_the_link_is_down_ends_as_cancelled_at_once(head: Head, where: str) -> None:
    scenario = head.home / "long.toml"
    lines = ('title = "Long"', 'description = "-"', 'kind = "prefill-decode"', "isl = 32", "osl = 3900")
    scenario.write_text("\n".join((*lines, "warmup = 0", "repetitions = 1")))
    process = head.begin(str(scenario), "-m", f"demo-sutra@{where}")
    head.wait(lambda events: sum(event["event"] == "tokens" for event in events) > 3)
    head.machines[0].link_is("down")
    try:
        head.wait(lambda events: any("is cut off" in event.get("text", "") for event in events))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        # A person wants to be out; the screen would wait for longer.
        assert time.monotonic() - began < 3 < STOP_S, err
    finally:
        head.machines[0].link_is("up")
    assert process.returncode == 130
    assert "spark-2 can't be reached: what ran there ends by itself, after 60 s at most" in err
    document = json.loads(out)
    assert document["status"] == "cancelled"
    assert sum(document["requests"][0]["chunks"]["n"]) > 3, "what had come is kept"
