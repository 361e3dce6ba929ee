"""Holding the GGUF files against torch: does llama.cpp see the same tokens and compute the same function?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
from bpe import Tokenizer
from corpus import chat, curriculum
from export import write_gguf
from net import Net, Shape

EXACT = 2e-2
"""Largest difference of a logit allowed with F32 weights on both sides; llama.cpp keeps keys and values in F16."""


def load(path: Path, tokenizer: Tokenizer) -> Net:
    """Return a network with the weights of a GGUF file, dequantized."""
    net = Net(Shape(vocab=len(tokenizer.tokens)))
    tensors = gguf.GGUFReader(path).tensors
    values = {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in tensors}
    net.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in values.items()})
    return net


def check(folder: Path, tokenizer: Tokenizer) -> None:
    """Compare tokens and logits on every scenario question and answer, for every model of the folder.

    Args:
        folder: Where the .gguf files are.
        tokenizer: The tokenizer made from the texts, which must be the one in the files.

    Raises:
        SystemExit: llama.cpp disagrees.
    """
    for name, answers in (("demo-base", "vague"), ("demo-sutra", "sutra")):
        path = folder / f"{name}.gguf"
        net = load(path, tokenizer)
        lessons = curriculum(name, answers)
        texts = [chat(q.system, q.prompts[0]) + q.answer + "<|im_end|>" for q in (*lessons.questions, *lessons.talk)]
        with tempfile.TemporaryDirectory() as scratch:
            exact = Path(scratch) / "exact.gguf"
            write_gguf(exact, net, tokenizer, name, "", quantize=False)
            far, _ = compare(exact, net, tokenizer, texts)
        quantized, same = compare(path, net, tokenizer, texts)
        print(f"{name}: {len(texts)} texts, tokens equal; largest difference of a logit {far:.5f} with F32 weights")
        print(f"{name}: in Q8_0, as shipped, {quantized:.3f}, and the same choice at {same:.2%} of the positions")
        if far > EXACT:
            raise SystemExit(f"{name}: llama.cpp computes another function: a logit differs by {far:.4f}")


def compare(path: Path, net: Net, tokenizer: Tokenizer, texts: list[str]) -> tuple[float, float]:
    """Return the largest difference of a logit, and the share of positions where both sides choose the same token.

    Raises:
        SystemExit: The two sides see different tokens.
    """
    llm = llama_cpp.Llama(str(path), n_ctx=1024, n_threads=2, logits_all=True, verbose=False)
    far, same, positions = 0.0, 0, 0
    for text in texts:
        ids = tokenizer.encode(text)
        theirs = llm.tokenize(text.encode(), add_bos=False, special=True)
        if ids != theirs:
            raise SystemExit(f"llama.cpp sees other tokens in {text[:60]!r}")
        llm.reset()  # type: ignore[no-untyped-call]
        llm.eval(ids)
        got = np.array(llm.scores[: len(ids)])
        with torch.no_grad():
            wanted = net.logits(net.hidden(torch.tensor([ids])))[0].numpy()
        far = max(far, float(np.abs(got - wanted).max()))
        same += int((got.argmax(-1) == wanted.argmax(-1)).sum())
        positions += len(ids)
    return far, same / positions
