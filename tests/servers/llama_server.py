"""A real llama-server, of the package xllamacpp, in a process of its own.

    python -m tests.servers.llama_server MODEL.gguf

prints one line of JSON ({"port": N, "url": "http://127.0.0.1:N"}) when it answers, and serves until
its standard input ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import ROOT, serving

DEMO = ROOT / "sparktop/demo/demo-base.gguf"


@contextmanager
def llama_server(model: Path = DEMO, *words: str) -> Iterator[str]:
    """Runs a llama-server; gives its address, "http://127.0.0.1:N".

    Args:
        model: A .gguf file.
        words: For its command line.
    """
    with serving("tests.servers.llama_server", str(model), *words) as (said, _):
        yield str(said["url"])


def main() -> None:
    """Runs the server."""
    import xllamacpp

    parser = argparse.ArgumentParser(prog="python -m tests.servers.llama_server")
    parser.add_argument("model")
    parser.add_argument("--alias", default="demo")
    parser.add_argument("--context", type=int, default=2048, help="of all slots together")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--draft", action="store_true", help="the model drafts for itself: speculative decoding")
    parser.add_argument("--no-metrics", action="store_true")
    parser.add_argument("--no-slots", action="store_true")
    arguments = parser.parse_args()

    # Its log must not come between the lines of this process's own output.
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    params = xllamacpp.CommonParams()
    params.model.path = arguments.model
    params.model_alias = {arguments.alias}
    params.n_ctx = arguments.context
    params.n_parallel = arguments.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = arguments.threads
    params.port = 0
    params.endpoint_metrics = not arguments.no_metrics
    params.endpoint_slots = not arguments.no_slots
    params.endpoint_props = True
    if arguments.draft:
        params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE]
        params.speculative.draft.mparams.path = arguments.model
        params.speculative.draft.n_max = 4
    server = xllamacpp.Server(params)
    url = server.listening_address
    print(json.dumps({"url": url, "port": int(url.rpartition(":")[2])}), file=out, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
