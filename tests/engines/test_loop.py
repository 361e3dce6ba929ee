"""The batch loop in this process: choosing on the device gives what choosing here gives."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from sparktop.engines.llama.library import Context, Model
from sparktop.engines.llama.loop import BatchLoop
from sparktop.engines.llama.sampling import Chain
from sparktop.engines.protocol import Generation
from sparktop.model.events import Event, RequestDone, Tokens
from sparktop.model.scenario import Sampling
from sparktop.resources import demo_dir


class Counting(Context):
    """Counts the tokens that the device chose."""

    count = 0

    def chosen(self, index: int) -> int:
        self.count += 1
        return super().chosen(index)


def answers(generations: Sequence[Generation], on_device: bool) -> tuple[dict[int, tuple[str, int]], int]:
    """Text and token count by request, and how many tokens the device chose."""
    events: list[Event] = []
    model = Model(str(demo_dir() / "demo-sutra.gguf"), lambda fraction: None)
    context = Counting(model, slots=2, length=512, threads=1)
    loop = BatchLoop(model, context, events.append, time.monotonic, on_device=on_device, overlap=on_device)
    loop.submit(generations)
    while loop.busy:
        loop.step()
    context.close()
    model.close()
    found = {
        done.request: (
            "".join(e.text for e in events if isinstance(e, Tokens) and e.request == done.request),
            done.output_tokens,
        )
        for done in events
        if isinstance(done, RequestDone)
    }
    return found, context.count


def test_choosing_on_the_device_gives_the_same_tokens_in_every_mixture() -> None:
    """ggml's processor backend stands for the GPU here: the same graph, the same calls."""
    kinds = (
        Sampling(max_tokens=24),
        Sampling(max_tokens=300, ignore_eos=True),
        Sampling(max_tokens=24, temperature=0.8, seed=3),
    )
    generations = [
        Generation(request=number, prompt="你好", sampling=kinds[kind])
        for number, kind in enumerate((0, 0, 1, 1, 2, 0, 1, 2, 2, 0))
    ]
    there, chosen_there = answers(generations, on_device=True)
    here, chosen_here = answers(generations, on_device=False)
    assert there == here
    assert chosen_here == 0
    greedy = sum(count for request, (_, count) in there.items() if not generations[request].sampling.temperature)
    assert chosen_there >= greedy > 0
    assert there[2][1] == 300


def test_what_is_told_and_what_is_counted_agree_when_a_stop_string_comes_while_computing() -> None:
    for on_device in (False, True):
        found, _ = answers(
            [Generation(request=n, prompt="你好", sampling=Sampling(max_tokens=30, stop=("。",))) for n in range(3)],
            on_device,
        )
        assert len(set(found.values())) == 1
        assert "。" not in found[0][0]


def test_a_chain_lives_until_the_batch_that_it_samples_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Used after it is freed, it takes the whole process with it, or not, as it happens."""
    closed: set[int] = set()
    late: list[int] = []
    close, sample = Chain.close, Chain.sample

    def watched_close(self: Chain) -> None:
        closed.add(id(self))
        held.append(self)
        close(self)

    def watched_sample(self: Chain, context: Context, index: int) -> int:
        if id(self) in closed:
            late.append(index)
            return 0
        return sample(self, context, index)

    held: list[Chain] = []
    monkeypatch.setattr(Chain, "close", watched_close)
    monkeypatch.setattr(Chain, "sample", watched_sample)
    random = Sampling(max_tokens=30, temperature=0.8, seed=3, stop=("。", "，"))
    answers([Generation(request=n, prompt="什么是过拟合？", sampling=random) for n in range(4)], on_device=True)
    assert closed
    assert not late
