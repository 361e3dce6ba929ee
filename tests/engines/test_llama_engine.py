"""The llama.cpp engine, on real workers and the demo models."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import llama_cpp
import psutil
import pytest

from sparktop.engines.llama.chat import ChatTemplate
from sparktop.engines.protocol import Generation, Room
from sparktop.engines.wire import Command, Load, encode_command
from sparktop.model.events import (
    ContenderFailed,
    Finish,
    ModelLoading,
    ModelUnloaded,
    Notice,
    PrefillProgress,
    RequestDone,
    RequestFailed,
    Tokens,
    TokenSource,
)
from sparktop.model.scenario import Sampling
from sparktop.resources import demo_dir
from tests.engines.conftest import MakeBench, question

MODEL = demo_dir() / "demo-sutra.gguf"


def test_an_answer_streams_with_a_time_for_every_token(bench: MakeBench) -> None:
    run = bench()
    info = run.ready().model
    assert info.chat_template
    assert info.devices == ("CPU",) or info.devices[0].startswith("CUDA")
    assert any(isinstance(event, ModelLoading) for event in run.seen)
    run.ask(question(7, max_tokens=64))
    done = run.done(7)
    times = run.times(7)
    assert times == sorted(times)
    assert len(times) == done.output_tokens == sum(n for e in run.tokens(7) for n in e.counts)
    assert 20 < done.output_tokens <= 64
    assert done.token_source is TokenSource.TOKEN_IDS
    assert done.cached_tokens == 0
    assert done.prefill_ms is not None
    assert done.prefill_ms > 0
    assert len(run.answer(7)) >= 20
    assert "\ufffd" not in run.answer(7)
    progress = [e for e in run.seen if isinstance(e, PrefillProgress)]
    assert progress[-1].done == progress[-1].total == done.prompt_tokens


def test_tokens_come_in_groups_of_at_most_thirty_a_second(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    run.ask(question(0, max_tokens=400, ignore_eos=True))
    groups = run.tokens(0)
    seconds = groups[-1].times[-1] - groups[0].times[0]
    assert len(groups) <= 30 * seconds + 2


def test_the_answer_is_what_llama_cpp_itself_gives(bench: MakeBench) -> None:
    """Greedy, token for token, against the reference loop of the high-level class."""
    prompt = "请简要说明什么是过拟合。"
    run = bench()
    run.ready()
    run.ask(question(0, prompt, max_tokens=80))
    reference = llama_cpp.Llama(str(MODEL), n_ctx=1024, n_threads=1, verbose=False)
    template = reference.metadata["tokenizer.chat_template"]
    text = ChatTemplate(template, "", "<|im_end|>").render(prompt)
    expected = reference.create_completion(text, max_tokens=80, temperature=0.0, stop=["<|im_end|>"])
    reference.close()
    assert isinstance(expected, dict)
    assert run.answer(0) == expected["choices"][0]["text"]


def test_several_streams_at_once_give_what_each_gives_alone(bench: MakeBench) -> None:
    prompts = ["什么是过拟合？", "你好", "请解释四谛。"]
    together = bench(slots=3)
    together.ready()
    together.ask(*(question(n, prompt) for n, prompt in enumerate(prompts)))
    alone = bench(slots=1)
    alone.ready()
    for number, prompt in enumerate(prompts):
        alone.ask(question(number, prompt))
        assert together.answer(number) == alone.answer(number)
    # At once means at once: every stream had begun before any had ended.
    first_end = min(together.times(n)[-1] for n in range(3))
    assert max(together.times(n)[0] for n in range(3)) < first_end


def test_more_requests_than_slots_wait_for_their_turn(bench: MakeBench) -> None:
    run = bench(slots=2)
    run.ready()
    run.ask(*(question(n, max_tokens=12, ignore_eos=True) for n in range(5)))
    assert [run.done(n).output_tokens for n in range(5)] == [12] * 5
    assert len({run.answer(n) for n in range(5)}) == 1


def test_random_prompts_have_exactly_the_length_asked_for_and_outputs_too(bench: MakeBench) -> None:
    run = bench(context=1024)
    run.ready()
    run.ask(
        Generation(request=0, prompt="", random_tokens=700, sampling=Sampling(max_tokens=33, ignore_eos=True, seed=1)),
        Generation(request=1, prompt="", random_tokens=700, sampling=Sampling(max_tokens=33, ignore_eos=True, seed=2)),
    )
    for request in (0, 1):
        assert run.done(request).prompt_tokens == 700
        assert run.done(request).output_tokens == 33
        assert run.done(request).finish is Finish.LENGTH


def test_a_long_prompt_is_read_in_parts_and_its_progress_shown(bench: MakeBench) -> None:
    run = bench(context=1536)
    run.ready()
    run.ask(Generation(request=0, prompt="", random_tokens=1200, sampling=Sampling(max_tokens=2)))
    steps = [(e.done, e.total) for e in run.seen if isinstance(e, PrefillProgress)]
    assert steps == [(512, 1200), (1024, 1200), (1200, 1200)] or steps == [(1200, 1200)]  # the latter on a GPU


def test_a_seed_makes_random_sampling_repeatable(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    for number, seed in enumerate((5, 5, 6)):
        run.ask(question(number, "你好", temperature=1.5, top_k=0, top_p=1.0, seed=seed, ignore_eos=True))
    assert run.answer(0) == run.answer(1)
    assert run.answer(0) != run.answer(2)


def test_the_answer_ends_before_a_stop_string(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    run.ask(question(0, max_tokens=60))
    whole = run.answer(0)
    run.ask(question(1, max_tokens=60, stop=(whole[10:12],)))
    assert run.answer(1) == whole[: whole.index(whole[10:12])]
    assert run.done(1).finish is Finish.STOP


def test_cancelling_keeps_what_was_produced(bench: MakeBench) -> None:
    run = bench(slots=1, context=4096)
    run.ready()
    run.engine.submit([question(n, max_tokens=3000, ignore_eos=True) for n in range(2)])
    run.until(Tokens)
    asked = run.clock()
    run.engine.cancel()
    run.until(RequestDone, count=2)
    assert run.clock() - asked < 1
    assert run.done(0).finish is run.done(1).finish is Finish.CANCELLED
    assert 0 < run.done(0).output_tokens == len(run.times(0)) < 3000
    assert run.done(1).output_tokens == 0
    run.ask(question(2))
    assert run.done(2).output_tokens > 0


def test_closing_frees_the_model_and_ends_the_process(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    pid = run.engine.pid
    assert pid is not None
    run.engine.close()
    event = run.until(ModelUnloaded)
    assert isinstance(event, ModelUnloaded)
    assert event.exit == ""
    assert not psutil.pid_exists(pid)


def test_a_killed_worker_fails_its_requests_and_says_how_it_died(bench: MakeBench) -> None:
    run = bench(context=4096)
    run.ready()
    run.engine.submit([question(n, max_tokens=3000, ignore_eos=True) for n in range(2)])
    run.until(Tokens)
    assert run.engine.pid is not None
    os.kill(run.engine.pid, signal.SIGKILL)
    failure = run.until(ContenderFailed)
    assert isinstance(failure, ContenderFailed)
    assert "SIGKILL" in failure.error
    assert str(run.log) in failure.error
    assert "llama" in failure.log
    assert [e.request for e in run.seen if isinstance(e, RequestFailed)] == [0, 1]
    assert run.times(0), "what had arrived is kept"


def test_an_abort_inside_llama_cpp_is_reported_with_the_end_of_its_log(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    assert run.engine.pid is not None
    os.kill(run.engine.pid, signal.SIGABRT)
    failure = run.until(ContenderFailed)
    assert isinstance(failure, ContenderFailed)
    assert "SIGABRT" in failure.error


def test_a_request_to_a_dead_worker_fails_at_once(bench: MakeBench) -> None:
    run = bench()
    run.ready()
    assert run.engine.pid is not None
    os.kill(run.engine.pid, signal.SIGKILL)
    run.until(ContenderFailed)
    run.engine.submit([question(3)])
    run.until(RequestFailed)
    assert "SIGKILL" in run.failed(3).error


def test_a_prompt_longer_than_the_context_is_refused_by_name_of_its_length(bench: MakeBench) -> None:
    run = bench(context=256)
    run.ready()
    run.ask(question(0, "很长" * 600), question(1))
    assert "256" in run.failed(0).error
    assert "shorten the prompt" in run.failed(0).error
    assert run.done(1).output_tokens > 0


def test_a_full_context_ends_the_answer(bench: MakeBench) -> None:
    run = bench(context=256)
    run.ready()
    run.ask(question(0, max_tokens=2000, ignore_eos=True))
    done = run.done(0)
    assert done.finish is Finish.LENGTH
    assert done.prompt_tokens is not None
    assert done.prompt_tokens + done.output_tokens == 256


def test_a_model_without_a_chat_template_can_be_measured_but_not_asked(bench: MakeBench, tmp_path: Path) -> None:
    model = tmp_path / "plain.gguf"
    model.write_bytes(MODEL.read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_templatX"))
    run = bench(model)
    assert not run.ready().model.chat_template
    run.ask(question(0), Generation(request=1, prompt="", random_tokens=8, sampling=Sampling(max_tokens=4)))
    assert "no chat template" in run.failed(0).error
    assert run.done(1).prompt_tokens == 8


@pytest.mark.parametrize("damage", ["missing", "not a model"])
def test_a_model_that_cannot_be_loaded_is_one_failure(bench: MakeBench, tmp_path: Path, damage: str) -> None:
    model = tmp_path / "broken.gguf"
    if damage != "missing":
        model.write_bytes(b"GGUF" + b"\xff" * 100)
    run = bench(model)
    failure = run.until(ContenderFailed)
    assert isinstance(failure, ContenderFailed)
    assert "broken.gguf" in failure.error
    assert "\n" not in failure.error


def test_the_worker_goes_when_sparktop_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from sparktop.engines.llama.engine import LlamaEngine
        from sparktop.engines.protocol import Generation, Room
        from sparktop.engines.worker_engine import Wiring
        from sparktop.model.events import Tokens
        from sparktop.model.scenario import Sampling
        def emit(event):
            if isinstance(event, Tokens):
                print(engine.pid, flush=True)
        wiring = Wiring(
            contender="demo", log=Path({str(tmp_path / "log")!r}), emit=emit, clock=time.monotonic, origin_ns=0)
        engine = LlamaEngine(wiring, path=Path({str(MODEL)!r}), room=Room(slots=1, context=4096, threads=1))
        engine.open()
        engine.submit([Generation(request=0, prompt="你好", sampling=Sampling(max_tokens=4000, ignore_eos=True))])
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    worker.wait(timeout=5)


def test_an_idle_worker_goes_when_sparktop_is_killed_before_it_has_read_everything(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "sparktop.engines.llama.worker", str(theirs.fileno())]
    with (tmp_path / "log").open("wb") as log, theirs:
        worker = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=log, stderr=log)
    load = Load(contender="demo", path=str(MODEL), room=Room(slots=1, context=512, threads=1), origin_ns=0)
    with ours:
        ours.sendall(encode_command(Command(load=load)))
        seen = b""
        while b"model-ready" not in seen:
            seen = ours.recv(1 << 16, socket.MSG_PEEK)
            time.sleep(0.01)
    try:
        worker.wait(timeout=5)
    finally:
        worker.kill()
        worker.wait()


def test_the_parent_never_imports_llama_cpp() -> None:
    program = "import sys, sparktop.runner.session; print(sorted(m for m in sys.modules if m.startswith('llama_cpp')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_log_that_cannot_be_written_goes_elsewhere(
    bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker-0.log").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))
    run = bench()
    run.ready()
    (log,) = (tmp_path / "elsewhere").iterdir()
    notice = run.seen[0]
    assert isinstance(notice, Notice)
    assert notice.text.endswith(f"Is a directory; it goes to {log}")
    assert b"llama_context" in log.read_bytes()


def test_opening_a_worker_that_cannot_start_says_so(
    bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker-0.log").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    run = bench()
    failure = run.until(ContenderFailed)
    assert isinstance(failure, ContenderFailed)
    assert "can't be started" in failure.error


GIVES_UP = """\
#!{python}
import socket, sys, time
from sparktop.model.codec import encode
from sparktop.model.events import ContenderFailed, ModelLoading
channel = socket.socket(fileno=int(sys.argv[-1]))
lines = channel.makefile("rb")
lines.readline()
channel.sendall(encode(ModelLoading(t=0.0, contender="demo", fraction=1.0)) + b"\\n")
lines.readline()
channel.sendall(encode(ContenderFailed(t=0.0, contender="demo", error="decode failed")) + b"\\n")
time.sleep(30)
sys.exit(1)
"""


def test_a_request_to_a_worker_that_gave_up_but_has_not_gone_yet_fails_at_once(
    bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(GIVES_UP.format(python=sys.executable))
    worker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(worker))
    run = bench()
    run.until(ModelLoading)
    run.ask(question(0))
    run.ask(question(1))
    assert [run.failed(request).error for request in (0, 1)] == ["decode failed"] * 2
    run.engine.kill()
    psutil.wait_procs(psutil.Process().children(), timeout=5)


CUT_OFF = """\
#!{python}
import socket, sys
channel = socket.socket(fileno=int(sys.argv[-1]))
channel.makefile("rb").readline()
channel.sendall(b'{{"event":"tok')
"""


def test_a_line_cut_off_by_the_end_of_the_worker_is_no_news(
    bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(CUT_OFF.format(python=sys.executable))
    worker.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(worker))
    run = bench()
    run.until(ContenderFailed)
    assert not [event for event in run.seen if isinstance(event, Notice)]
