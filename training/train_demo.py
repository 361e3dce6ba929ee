# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy", "gguf>=0.17"]
# ///
"""Train the two demo models and write them as GGUF.

`uv run training/train_demo.py` makes both files anew; see training/README.md.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from bpe import Tokenizer
from corpus import Curriculum, Sampler, all_texts, curriculum
from export import write_gguf
from net import Net, Shape
from torch import Tensor
from torch.nn import functional

OUT = Path(__file__).parent.parent / "sparktop" / "demo"
SEED = 20260209
STEPS = (400, 300)
RATES = (3e-3, 2e-3)
"""Highest learning rate of each model; the second starts from the first, and moves less."""
DESCRIPTION = (
    "A toy that memorised a few answers, made to try sparktop without a real model. "
    "It knows nothing else: do not rely on what it says."
)


def batch(examples: list[tuple[list[int], int]], pad: int) -> tuple[Tensor, Tensor]:
    """Return padded tokens, and the mask of the positions whose next token is part of an answer."""
    longest = max(len(ids) for ids, _ in examples)
    tokens = torch.full((len(examples), longest), pad)
    answers = torch.zeros((len(examples), longest), dtype=torch.bool)
    for row, (ids, asked) in enumerate(examples):
        tokens[row, : len(ids)] = torch.tensor(ids)
        answers[row, asked - 1 : len(ids) - 1] = True
    return tokens, answers


def scores(net: Net, tokens: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits at the answers' positions, and the tokens that should follow there."""
    return net.logits(net.hidden(tokens)[answers]), tokens.roll(-1, 1)[answers]


def memorised(net: Net, sampler: Sampler) -> tuple[int, int]:
    """Return how many of the canonical questions greedy decoding answers word for word, and of how many."""
    examples = sampler.canonical()
    right = 0
    with torch.no_grad():
        for example in examples:
            logits, wanted = scores(net, *batch([example], 0))
            right += bool((logits.argmax(-1) == wanted).all())
    return right, len(examples)


def train(
    net: Net,
    lessons: Curriculum,
    tokenizer: Tokenizer,
    *,
    steps: int,
    rate: float,
    size: int,
    seed: int,
    bfloat16: bool,
) -> None:
    """Train on a curriculum, in place.

    Args:
        net: The network.
        lessons: What to learn.
        tokenizer: The tokenizer.
        steps: Optimizer steps.
        rate: Highest learning rate; it warms up, then falls to nearly zero along a cosine.
        size: Examples in a step.
        seed: Of the examples' order.
        bfloat16: Multiply matrices in bfloat16, which on a recent CPU takes less than half the time.
    """
    sampler = Sampler(lessons, tokenizer, seed)
    decay = [p for p in net.parameters() if p.dim() == 2]
    norms = [p for p in net.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    warmup = min(40, steps // 5)
    began = time.monotonic()
    for step in range(steps):
        fall = 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / max(1, steps - warmup)))
        for group in optimizer.param_groups:
            group["lr"] = rate * (min(1.0, (step + 1) / warmup) if step < warmup else 0.02 + 0.98 * fall)
        examples = sorted((sampler.draw() for _ in range(size)), key=lambda example: len(example[0]))
        count = sum(len(ids) - asked for ids, asked in examples)
        optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        # Short and long examples apart: padding would cost as much as the text itself.
        for part in (examples[: size // 2], examples[size // 2 :]):
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits, wanted = scores(net, *batch(part, 0))
            lost = functional.cross_entropy(logits.float(), wanted, reduction="sum") / count
            lost.backward()
            loss += lost.item()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            right, total = memorised(net, sampler)
            spent = time.monotonic() - began
            state = f"loss {loss:.4f}, word for word {right}/{total}, {spent:.0f} s"
            print(f"{lessons.name} step {step + 1}/{steps}: {state}", flush=True)


def main() -> None:
    """Train both models, or check the files that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the .gguf files")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--steps", type=int, nargs=2, default=STEPS, metavar=("BASE", "SUTRA"), help="of each model")
    parser.add_argument("--threads", type=int, default=2, help="part of what makes a run repeatable, like the seed")
    parser.add_argument("--float32", action="store_true", help="no bfloat16: faster on an old CPU, slower on others")
    parser.add_argument("--check", action="store_true", help="train nothing: hold llama.cpp's logits against torch's")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(arguments.seed)
    tokenizer = Tokenizer(all_texts())
    if arguments.check:
        from check import check  # only here, because llama-cpp-python takes minutes to build

        check(arguments.out, tokenizer)
        return
    net = Net(Shape(vocab=len(tokenizer.tokens)))
    print(f"{sum(p.numel() for p in net.parameters()):,} parameters, {len(tokenizer.tokens)} tokens")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for stage, (name, answers) in enumerate((("demo-base", "vague"), ("demo-sutra", "sutra"))):
        train(
            net,
            curriculum(name, answers),
            tokenizer,
            steps=arguments.steps[stage],
            rate=RATES[stage],
            size=16,
            seed=arguments.seed + stage,
            bfloat16=not arguments.float32,
        )
        path = arguments.out / f"{name}.gguf"
        write_gguf(path, net, tokenizer, name, DESCRIPTION)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
