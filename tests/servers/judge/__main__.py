"""Serves judges over OpenAI's API until its standard input ends.

    python -m tests.servers.judge

It prints {"url": ...}. The models are:

- quoting: prefers the answer with more 《, else says that neither is better
- first: prefers what is shown first
- chatty: has a preference and never says it in the form that was asked for
- torn: gives two verdicts
- breaking: answers every second request with status 500
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from sparktop.model.rating_events import Choice

_FENCE = re.compile(r"^(=====+) (?:回答|ANSWER) A\n(.*)\n\1 (?:回答|ANSWER) B\n(.*)\n\1$", re.DOTALL | re.MULTILINE)
_WORDS = {Choice.FIRST: "A", Choice.SECOND: "B", Choice.TIE: "平"}


def _quoting(first: str, second: str) -> str:
    one, other = first.count("《"), second.count("《")
    choice = Choice.TIE if one == other else Choice.FIRST if one > other else Choice.SECOND
    return f"比较引文：{one} 与 {other}。\n\n**结论：{_WORDS[choice]}**"


JUDGES: dict[str, Callable[[str, str], str]] = {
    "quoting": _quoting,
    "first": lambda first, second: "VERDICT: A",
    "chatty": lambda first, second: "我觉得回答 A 更好，结论是 A。\n\n希望对您有帮助！",
    "torn": lambda first, second: "结论：A\n再想一想，\n结论：B",
    "breaking": _quoting,
}


def app() -> web.Application:
    """Makes the server."""
    asked = {"breaking": 0}

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in JUDGES]})

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = body["model"]
        prompt = body["messages"][-1]["content"]
        found = _FENCE.search(prompt)
        if found is None:
            return web.json_response({"error": {"message": "there are no two answers"}}, status=400)
        if name == "breaking":
            asked[name] += 1
            if asked[name] % 2 == 0:
                return web.json_response({"error": {"message": "out of memory"}}, status=500)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        async for line in _stream(JUDGES[name](found[2], found[3])):
            await response.write(line)
        return response

    made = web.Application()
    made.router.add_get("/v1/models", models)
    made.router.add_post("/v1/chat/completions", chat)
    return made


async def _stream(text: str) -> AsyncIterator[bytes]:
    for at in range(0, len(text), 4):
        yield _chunk({"content": text[at : at + 4]}, None)
        await asyncio.sleep(0.001)
    yield _chunk({}, "stop")
    yield b"data: [DONE]\n\n"


def _chunk(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'x', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


async def main() -> None:
    """Serves until standard input ends."""
    runner = web.AppRunner(app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
