"""A split model's run that is left while the link to one of its machines is down."""

from __future__ import annotations

import json
import signal
import time

from sparktop.ui.ending import STOP_S
from tests.nodes.split_head import Head, head, here, three

__all__ = ["head", "three"]


def test_a_run_that_is_left_while_the_link_is_down_ends_as_cancelled_in_the_time_that_the_screen_waits(
    head: Head,
) -> None:
    scenario = head.home / "long.toml"
    lines = ('title = "Long"', 'description = "-"', 'kind = "prefill-decode"', "isl = 32", "osl = 3900")
    scenario.write_text("\n".join((*lines, "warmup = 0", "repetitions = 1")))
    process = head.begin(str(scenario), "-m", f"demo-sutra@{here()}+spark-2")
    head.wait(lambda events: sum(event["event"] == "tokens" for event in events) > 3)
    head.machines[0].link_is("down")
    try:
        head.wait(lambda events: any("is cut off" in event.get("text", "") for event in events))
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - began < STOP_S, err
    finally:
        head.machines[0].link_is("up")
    assert process.returncode == 130
    document = json.loads(out)
    assert document["status"] == "cancelled"
    assert sum(document["requests"][0]["chunks"]["n"]) > 3, "what had come is kept"
