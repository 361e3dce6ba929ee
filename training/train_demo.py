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
from corpus import Curriculum, Example, Sampler, all_texts, curriculum
from export import write_gguf
from net import Net, Shape
from torch import Tensor
from torch.nn import functional

OUT = Path(__file__).parent.parent / "sparktop" / "demo"
SEED = 20260209
STEPS = (360, 260)
RATES = (3e-3, 2e-3)
"""Highest learning rate of each model; the second starts from the first, and moves less."""
IGNORED = -100
"""Stands for a next token where the padding has none."""
DESCRIPTION = (
    "A toy that memorised a few answers, made to try sparktop without a real model. "
    "It knows nothing else: do not rely on what it says."
)


def round_up(count: int, multiple: int) -> int:
    """Return the next multiple. Tensors of few different sizes keep malloc fast; of all sizes, it comes to dominate."""
    return -(-count // multiple) * multiple


def batch(examples: list[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Return padded tokens, the flat positions whose next token is part of an answer, and those next tokens."""
    longest = round_up(max(len(ids) for ids, _ in examples), 64)
    tokens = torch.zeros((len(examples), longest), dtype=torch.long)
    positions: list[int] = []
    wanted: list[int] = []
    for row, (ids, asked) in enumerate(examples):
        tokens[row, : len(ids)] = torch.tensor(ids)
        positions += range(row * longest + asked - 1, row * longest + len(ids) - 1)
        wanted += ids[asked:]
    missing = round_up(len(wanted), 256) - len(wanted)
    return tokens, torch.tensor(positions + [0] * missing), torch.tensor(wanted + [IGNORED] * missing)


def scores(net: Net, tokens: Tensor, positions: Tensor) -> Tensor:
    """Return the logits at these positions alone: the prompt's, and the padding's, are not worth computing."""
    return net.logits(net.hidden(tokens).flatten(0, 1)[positions])


def memorised(net: Net, sampler: Sampler) -> tuple[int, int]:
    """Return how many of the canonical questions greedy decoding answers word for word, and of how many."""
    examples = sampler.canonical()
    right = 0
    with torch.no_grad():
        for example in examples:
            tokens, positions, wanted = batch([example])
            choice = scores(net, tokens, positions).argmax(-1)
            right += bool(((choice == wanted) | (wanted == IGNORED)).all())
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
            tokens, positions, wanted = batch(part)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = scores(net, tokens, positions)
            lost = functional.cross_entropy(logits.float(), wanted, ignore_index=IGNORED, reduction="sum") / count
            lost.backward()
            loss += lost.item()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 50 == 0 or step + 1 == steps:
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
    torch.utils.deterministic.fill_uninitialized_memory = False
    # Tokens that no answer uses get ever smaller gradients, and a CPU is many times slower with denormal numbers.
    torch.set_flush_denormal(True)
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
