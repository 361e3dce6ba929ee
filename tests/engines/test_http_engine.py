"""The HTTP engine as a whole: its worker process, servers that are not what they should be, and real ones."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sparktop.engines.http.client import Client
from sparktop.engines.http.detect import detect
from sparktop.engines.http.dialect import GENERIC
from sparktop.engines.http.failures import RequestLost, Unreachable, explain
from sparktop.engines.http.prompts import Prompts
from sparktop.engines.protocol import Generation
from sparktop.model.events import (
    ContenderFailed,
    Finish,
    ModelLoading,
    ModelReady,
    ModelUnloaded,
    Notice,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    RequestSent,
    TokenKind,
    Tokens,
    TokenSource,
)
from sparktop.model.scenario import Sampling
from sparktop.resources import demo_dir
from tests.engines.conftest import Bench, MakeBench, question
from tests.engines.http_asking import asked
from tests.servers.llama_server import llama_server
from tests.servers.process import Truth, truth
from tests.servers.replay import replay

FAST = "ttft=0.04&tpot=0.004&tokens=40"


@pytest.fixture(scope="module")
def server() -> Iterator[Truth]:
    with truth("--options", FAST, "--model", "truth", "--model", "other") as running:
        yield running


Reply = Callable[[socket.socket, bytes], None]
"""What a server does with a connection and the request that came over it."""


@contextmanager
def answering(answer: Reply) -> Iterator[str]:
    """Runs a server that takes one request a connection; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    request = connection.recv(65536)
                    while b"\r\n\r\n" in request and len(request) < _length(request):
                        request += connection.recv(65536)
                    answer(connection, request)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _length(request: bytes) -> int:
    head = request.partition(b"\r\n\r\n")[0]
    found = re.search(rb"content-length: (\d+)", head.lower())
    return len(head) + 4 + (int(found[1]) if found else 0)


def page(status: str, kind: str, body: bytes, *more: str) -> Reply:
    """What `answering` does for a server that says always the same."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return lambda connection, _: connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def failure(bench: Bench) -> ContenderFailed:
    event = bench.until(ModelReady, ContenderFailed)
    assert isinstance(event, ContenderFailed), event
    assert event.error.count(". ") == 0
    return event


def endless(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    try:
        while True:
            connection.sendall(b" " * 65536)
    except OSError:
        pass


NO_SERVERS = [
    (page("200 OK", "text/html", b"<html>Log in</html>"), "answers with a web page", False),
    (page("200 OK", "text/plain", b"hello"), "something that is not JSON", False),
    (page("200 OK", "application/json", b'{"ok": true}'), "sends no list of models", False),
    (page("200 OK", "application/json", b'{"data": []}'), "name it as URL#MODEL", False),
    (page("404 Not Found", "text/html", b"<h1>nginx</h1>"), "web page: is this the address", False),
    (page("401 Unauthorized", "application/json", b'{"error":{"message":"who?"}}'), "--api-key-env): who?", False),
    (
        page("301 Moved", "text/plain", b"", "Location: https://elsewhere.example/v1?token=x"),
        "elsewhere.example",
        False,
    ),
    (lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"), "is not HTTP", True),
    (lambda connection, _: None, "cut the connection: is it https:// instead of http://?", True),
    (
        page("400 Bad Request", "text/plain", b"Client sent an HTTP request to an HTTPS server.\n"),
        "speaks TLS: is it https:// instead of http://?",
        True,
    ),
    (page("400 Bad Request", "text/plain", b"no"), "refuses the request (HTTP 400): no", False),
    (endless, "sends a document that does not end", False),
]


@pytest.mark.parametrize(("answer", "sentence", "unreachable"), NO_SERVERS, ids=[one[1] for one in NO_SERVERS])
async def test_what_is_no_such_server_is_told_in_a_sentence(answer: Reply, sentence: str, unreachable: bool) -> None:
    with answering(answer) as url:
        with pytest.raises(RequestLost) as lost:
            await asked(url + "/v1", question(0))
        assert sentence in str(lost.value)
        assert url in str(lost.value)
        assert "token=" not in str(lost.value)
        assert isinstance(lost.value, Unreachable) == unreachable


async def test_where_the_api_begins_is_told_to_whoever_names_an_endpoint(server: Truth) -> None:
    with pytest.raises(RequestLost, match=f"name where the API begins, {server.url}/v1$"):
        await asked(server.url + "/v1/chat/completions", question(0))


@pytest.mark.parametrize("mode", ["silent", "slowhead&tpot=0.5", "slow&tpot=0.5"])
def test_a_server_that_says_nothing_of_its_models_is_given_up_as_asked(
    server: Truth, http_bench: MakeBench, mode: str
) -> None:
    began = time.monotonic()
    failed = failure(http_bench(server.under(f"mode={mode}") + "/v1", silence_s=0.5))
    assert time.monotonic() - began < 10
    assert failed.unreachable
    assert failed.error == f"{server.url} did not answer in time"


def test_no_answer_to_the_beginning_of_tls_may_mean_that_there_is_none() -> None:
    assert "or is it http:// instead of https://?" in str(explain(TimeoutError(), "https://spark:8000"))
    assert str(explain(TimeoutError(), "http://spark:8000")) == "http://spark:8000 did not answer in time"


def test_nobody_there_is_unreachable(http_bench: MakeBench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failed = failure(http_bench(f"http://127.0.0.1:{port}/v1"))
    assert failed.unreachable
    assert "the connection is refused" in failed.error
    assert failure(http_bench("http://no-such-host.invalid:1/v1")).unreachable


async def test_tls_is_verified() -> None:
    with truth("--tls") as secure:
        with pytest.raises(Unreachable, match=r"is not trusted \(self.signed certificate"):
            await asked(secure.url + "/v1", question(0))
        with pytest.raises(Unreachable, match=r"(cut the connection|is not HTTP .*): is it https:// instead"):
            await asked(secure.url.replace("https", "http") + "/v1", question(0))
    with (
        answering(page("200 OK", "text/plain", b"")) as plain,
        pytest.raises(Unreachable, match=r"does not speak TLS"),
    ):
        await asked(plain.replace("http", "https") + "/v1", question(0))


def test_a_model_has_to_be_one_of_the_servers(server: Truth, http_bench: MakeBench) -> None:
    assert "has no model trut: did you mean truth?" in failure(http_bench(server.url + "/v1", "trut")).error
    assert "serves 2 models: add one of them to the address, as in #truth, other" in (
        failure(http_bench(server.url + "/v1")).error
    )


def test_a_server_that_still_loads_is_waited_for(http_bench: MakeBench) -> None:
    loading = [True]
    busy = page("503 Service Unavailable", "application/json", b'{"error":{"message":"Loading model","code":503}}')
    ready = page("200 OK", "application/json", b'{"data":[{"id":"m","owned_by":"me-myself"}]}')
    with answering(lambda *both: (busy if loading[0] else ready)(*both)) as url:
        bench = http_bench(url + "/v1")
        bench.until(ModelLoading)
        loading[0] = False
        assert bench.ready().model.description == "OpenAI-compatible server"
        loading[0] = True
        assert "is not ready after 1 s" in failure(http_bench(url + "/v1", silence_s=1)).error


STREAM = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n'


MODELS = page("200 OK", "application/json", b'{"data":[{"id":"m","owned_by":"vllm"}]}')


async def test_fields_that_a_server_refuses_are_left_out() -> None:
    """An older vLLM, or a stricter one."""
    bodies: list[dict[str, object]] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        if request.startswith(b"GET"):
            MODELS(connection, request)
            return
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        if b"/tokenize" not in request:
            bodies.append(body)
        if "return_token_ids" in body:
            error = b'{"detail":[{"type":"extra_forbidden","msg":"return_token_ids: not permitted"}]}'
            page("422 Unprocessable Entity", "application/json", error)(connection, request)
        else:
            page("200 OK", "text/event-stream", STREAM)(connection, request)

    with answering(answer) as url:
        heard = await asked(url + "/v1", question(0))
    (notice,) = [event.text for event in heard.seen if isinstance(event, Notice)]
    assert notice == "served: the server does not know return_token_ids; asked again without it"
    assert heard.answer(0) == "hi"
    assert ["return_token_ids" in body for body in bodies] == [True, False]


async def test_a_connection_that_is_closed_before_a_word_is_tried_once_more() -> None:
    """Kept connections are closed by servers at any moment."""
    asked_for: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        if request.startswith(b"GET"):
            MODELS(connection, request)
            return
        if b"/tokenize" not in request:
            asked_for.append(request)
        if len(asked_for) > 1:
            page("200 OK", "text/event-stream", STREAM)(connection, request)

    with answering(answer) as url:
        heard = await asked(url + "/v1", question(0))
    assert heard.answer(0) == "hi"
    assert len(asked_for) == 2


def test_a_worker_streams_is_cancelled_and_goes(server: Truth, http_bench: MakeBench) -> None:
    bench = http_bench(server.under("ttft=0.02&tpot=0.01&tokens=400") + "/v1", "truth")
    info = bench.ready().model
    assert (info.parameters, info.context, info.slots, info.devices) == (None, None, None, ())
    bench.engine.submit([question(number, max_tokens=400) for number in range(4)])
    time.sleep(0.5)
    bench.engine.cancel()
    bench.until(RequestDone, count=4)
    assert {bench.done(number).finish for number in range(4)} == {Finish.CANCELLED}
    assert all(20 < bench.done(number).output_tokens < 100 for number in range(4))
    groups = bench.tokens(0)
    assert len(groups) <= 30 * (groups[-1].times[-1] - groups[0].times[0]) + 2
    bench.engine.submit([question(9, max_tokens=400)])
    bench.engine.close()
    bench.until(ModelUnloaded)
    assert bench.done(9).finish is Finish.CANCELLED


def test_a_worker_that_was_kept_from_reading_says_for_how_long(server: Truth, http_bench: MakeBench) -> None:
    """What came last is fresh when it reads again; what came first had waited all the time."""
    run = http_bench(server.under("ttft=0.04&tpot=0.005&tokens=200") + "/v1", "truth")
    run.ready()
    run.engine.submit([question(0, max_tokens=200)])
    run.until(Tokens, count=3)
    assert run.engine.pid is not None
    worker = psutil.Process(run.engine.pid)
    worker.suspend()
    time.sleep(0.3)
    worker.resume()
    run.until(RequestDone)
    assert 250 < (run.done(0).unread_ms or 0) < 600


def test_a_server_that_dies_fails_its_contender(http_bench: MakeBench) -> None:
    with truth("--options", "tokens=400") as mortal:
        bench = http_bench(mortal.url + "/v1")
        bench.ready()
        bench.engine.submit([question(0, max_tokens=400)])
        time.sleep(0.5)
        psutil.Process(mortal.pid).kill()
        bench.until(RequestFailed)
        assert "cut the connection" in bench.failed(0).error
    bench.engine.submit([question(number) for number in range(1, 4)])
    failed = bench.until(ContenderFailed)
    assert isinstance(failed, ContenderFailed)
    assert "the connection is refused" in failed.error


def test_the_key_goes_to_the_server_and_nowhere_else(server: Truth, http_bench: MakeBench) -> None:
    server.forget()
    bench = http_bench(server.url + "/v1", "truth", key="sk-very-secret")
    bench.ready()
    worker = psutil.Process(bench.engine.pid)
    bench.ask(question(0))
    record = server.records()[-1]
    assert record["headers"]["authorization"] == "Bearer sk-very-secret"
    assert "sk-very-secret" not in " ".join(worker.cmdline())
    assert "sk-very-secret" not in str(worker.environ())
    assert "sk-very-secret" not in bench.log.read_text()
    assert "sk-very-secret" not in str(bench.seen)
    assert "sk-very-secret" not in repr(bench.engine.__dict__)


def test_a_key_that_a_server_repeats_is_not_passed_on(http_bench: MakeBench) -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-very-secret."}}'
    with answering(page("401 Unauthorized", "application/json", body)) as url:
        failed = failure(http_bench(url + "/v1", "m", key="sk-very-secret"))
    assert "Incorrect API key provided: [API key]." in failed.error
    assert "sk-very-secret" not in str(failed)


def test_the_parent_never_imports_an_http_library(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        import sparktop.runner.session
        import sparktop.engines.http.engine
        assert not {"aiohttp", "yarl", "multidict"} & set(sys.modules), sorted(sys.modules)
    """)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


PARIS, OKAY = "The capital of France is Paris，巴黎。", "Okay, the user asks."
OVERFITTED = "这个问题超出了我"
IDS, USAGE, TIMINGS, FINAL = TokenSource.TOKEN_IDS, TokenSource.USAGE, TokenSource.TIMINGS, TokenSource.FINAL_USAGE
PLAYS = [
    ("llama-server", "plain", (OVERFITTED, "", 8, FINAL, 0)),
    ("llama-server", "timings", (OVERFITTED, "", 8, TIMINGS, 50)),
    ("llama-server", "draft", (OVERFITTED, "", 8, TIMINGS, 0)),
    ("vllm", "plain", (PARIS, "", 9, FINAL, 16)),
    ("vllm", "continuous", (PARIS, "", 9, USAGE, 0)),
    ("vllm", "ids", (PARIS, "", 9, IDS, 0)),
    ("vllm", "reasoning", ("\n\nParis.", OKAY, 11, FINAL, 0)),
    ("vllm", "reasoning-content", ("\n\nParis.", OKAY, 11, FINAL, 0)),
    ("vllm", "nousage", (PARIS + " It", "", 6, TokenSource.TOKENIZER, None)),
    ("sglang", "plain", (PARIS, "", 9, FINAL, None)),
    ("sglang", "continuous", (PARIS, "", 9, USAGE, 17)),
    ("sglang", "reasoning", ("Paris.", OKAY, 10, FINAL, 0)),
    ("sglang", "several", (PARIS, "", 10, FINAL, None)),
    ("tensorrt-llm", "plain", (PARIS, "", 9, FINAL, 0)),
    ("tensorrt-llm", "continuous", (PARIS, "", 9, USAGE, 16)),
    ("tensorrt-llm", "textless", ("𝄞", "", 2, USAGE, 0)),
    ("tensorrt-llm", "several", (PARIS, "", 9, FINAL, 0)),
    ("ollama", "plain", (PARIS, "", 9, FINAL, None)),
    ("ollama", "reasoning", ("Paris.", OKAY, 12, FINAL, None)),
    ("ollama", "nousage", (PARIS, "", 9, TokenSource.CHUNKS, None)),
]


@pytest.mark.parametrize(("name", "play", "expected"), PLAYS, ids=[f"{name} {play}" for name, play, _ in PLAYS])
async def test_what_known_servers_stream_is_understood(
    name: str, play: str, expected: tuple[str, str, int, TokenSource, int | None]
) -> None:
    """The end-of-generation token, which all of them count, is not counted here."""
    with replay(name) as running:
        heard = await asked(running.under(play) + "/v1", question(0, max_tokens=64))
    done = heard.done(0)
    told = (heard.answer(0), heard.answer(0, TokenKind.REASONING), done.output_tokens)
    assert (*told, done.token_source, done.cached_tokens) == expected
    assert sum(heard.counts(0)) == done.output_tokens


INFOS = {
    "llama-server": ("llama-server b0-unknown Q8_0", 4096, 2),
    "vllm": ("vLLM 0.12.0", 40960, None),
    "sglang": ("SGLang 0.5.4", 40960, None),
    "tensorrt-llm": ("TensorRT-LLM 1.2.0", None, None),
    "ollama": ("Ollama 0.13.0", 4096, None),
}


@pytest.mark.parametrize("name", INFOS)
async def test_known_servers_are_told_apart_and_get_their_own_fields(name: str) -> None:
    with replay(name) as running:
        async with Client(running.url + "/v1") as client:
            info = (await detect(client, "")).info
        generation = Generation(
            request=0, prompt="hi", uncached=True, sampling=Sampling(max_tokens=9, ignore_eos=True, temperature=0.5)
        )
        await asked(running.under("plain") + "/v1", generation)
        fields = json.loads([body for method, *_, body in running.asked if method == "POST"][-1])
    assert (info.description, info.context, info.slots) == INFOS[name]
    assert fields["stream_options"]["include_usage"]
    known = {
        "llama-server": {"top_k", "ignore_eos", "cache_prompt", "return_progress", "timings_per_token"},
        "vllm": {"top_k", "ignore_eos", "min_tokens", "return_token_ids", "cache_salt"},
        "sglang": {"top_k", "ignore_eos", "min_tokens", "return_token_ids"},
        "tensorrt-llm": {"top_k", "ignore_eos", "min_tokens"},
        "ollama": set[str](),
    }
    plain = {"model", "messages", "stream", "stream_options", "max_tokens", "temperature", "top_p", "seed"}
    assert set(fields) == plain | known[name]


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with llama_server(demo_dir() / "demo-sutra.gguf", "--slots", "8", "--context", "8192") as url:
        yield url


@pytest.mark.alone
def test_a_real_llama_server_answers_as_llama_cpp_in_process(
    real: str, http_bench: MakeBench, bench: MakeBench
) -> None:
    served, own = http_bench(real + "/v1", slots=8), bench()
    info, same = served.ready().model, own.ready().model
    assert (info.parameters, info.vocabulary, info.context, info.slots) == (same.parameters, same.vocabulary, 1024, 8)
    for one in (served, own):
        one.ask(question(0, max_tokens=300))
    done, its = served.done(0), own.done(0)
    assert served.answer(0) == own.answer(0)
    assert (done.finish, done.output_tokens, done.prompt_tokens) == (its.finish, its.output_tokens, its.prompt_tokens)
    assert (done.token_source, done.cached_tokens) == (TokenSource.TIMINGS, 0)
    assert done.decode_tokens == done.output_tokens + 1  # the end of the generation
    assert done.prefill_ms
    assert done.decode_ms
    progress = [event for event in served.seen if isinstance(event, PrefillProgress)]
    assert progress[-1].done == progress[-1].total == done.prompt_tokens
    # The answer takes a tenth of a second, of which a busy machine can take half; stamps that are wrong always are.
    for number in (1, 2):
        served.ask(question(number, max_tokens=300))
    spans = [(served.times(number)[-1] - served.times(number)[0]) * 1e3 for number in range(3)]
    its_own = [served.done(number).decode_ms for number in range(3)]
    assert any(span == pytest.approx(ms, rel=0.25, abs=20) for span, ms in zip(spans, its_own, strict=True))


async def test_a_prompt_is_as_long_as_asked_also_where_words_are_many_tokens(real: str) -> None:
    """As of a server that takes no token ids: the demo model's vocabulary has few of the words whole."""
    async with Client(real + "/v1") as client:
        served = replace(await detect(client, ""), dialect=GENERIC)
        prompts = Prompts(client, served, 20)
        starts = set()
        for length in (600, 600, 40):
            body = await prompts.body(replace(question(0), random_tokens=length))
            starts.add(body.fields["messages"][0]["content"][:30])
            reply = await client.ask("/chat/completions", body.fields | {"stream": False, "max_tokens": 1})
            assert reply.document["usage"]["prompt_tokens"] == length
    assert len(starts) == 3


def test_a_real_llama_server_serves_eight_streams_and_lets_go_of_cancelled_ones(
    real: str, http_bench: MakeBench
) -> None:
    run = http_bench(real + "/v1", slots=8)
    run.ready()
    sampling = Sampling(max_tokens=60, ignore_eos=True)
    run.ask(*(Generation(request=n, prompt="", random_tokens=200, sampling=sampling) for n in range(8)))
    for number in range(8):
        done = run.done(number)
        assert (done.prompt_tokens, done.cached_tokens, done.output_tokens) == (200, 0, 60)
        assert sum(run.counts(number)) == 60
    assert max(run.times(n)[0] for n in range(8)) < min(run.times(n)[-1] for n in range(8))  # together
    run.engine.submit([question(number, max_tokens=800, ignore_eos=True) for number in range(8, 16)])
    run.until(RequestSent, count=8)
    run.engine.cancel()
    run.until(RequestDone, count=8)
    run.ask(question(16, max_tokens=5))
    assert run.done(16).output_tokens == 5  # it has slots again
    assert not any(isinstance(event, Notice) for event in run.seen)


def test_llama_cpp_pythons_own_server_counts_nothing_and_says_so(http_bench: MakeBench, bench: MakeBench) -> None:
    with own_server() as url:
        served, own = http_bench(url + "/v1"), bench()
        assert served.ready().model.description == "llama-cpp-python"
        own.ready()
        for one in (served, own):
            one.ask(question(0, max_tokens=60))
        served.engine.submit([question(1, max_tokens=800)])
        served.until(RequestSent)
        served.engine.cancel()
        served.until(RequestDone)
    assert served.answer(0) == own.answer(0)
    assert served.done(0).token_source is TokenSource.CHUNKS
    assert (served.done(0).finish, served.done(1).finish) == (Finish.LENGTH, Finish.CANCELLED)
    assert served.done(0).prompt_tokens is None


@contextmanager
def own_server() -> Iterator[str]:
    """Runs the server that comes with llama-cpp-python; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = ("--model", str(demo_dir() / "demo-sutra.gguf"), "--port", str(port), "--n_ctx", "1024")
    command = [sys.executable, "-m", "llama_cpp.server", *words, "--n_threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_a_server_of_fewer_slots_is_told_of(real: str, http_bench: MakeBench) -> None:
    run = http_bench(real + "/v1", slots=16)
    run.ready()
    (text,) = (event.text for event in run.seen if isinstance(event, Notice))
    assert "answers 8 requests at a time: of 16 the others wait in its queue" in text


def test_a_real_llama_server_tells_what_was_guessed_ahead(http_bench: MakeBench) -> None:
    with llama_server(demo_dir() / "demo-sutra.gguf", "--draft") as url:
        run = http_bench(url + "/v1")
        run.ready()
        run.ask(question(0, max_tokens=100))
    done = run.done(0)
    assert done.drafted_tokens
    assert done.accepted_tokens
    assert done.accepted_tokens <= done.drafted_tokens
    assert sum(run.counts(0)) == done.output_tokens
