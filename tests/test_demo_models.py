"""The shipped demo models, through real llama.cpp: they know what they should and no more, and end by themselves."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from sparktop.model.scoring import Score, score
from sparktop.scenarios.loader import load_scenario

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "sparktop" / "demo"
MODELS = ("demo-base", "demo-sutra")


@cache
def scenario(name: str) -> dict[str, Any]:
    with (ROOT / "scenarios" / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def model(name: str) -> llama_cpp.Llama:
    # One thread: the model is tiny, and waiting for a second one on a busy machine costs more than it brings.
    return llama_cpp.Llama(str(DEMO / f"{name}.gguf"), n_ctx=1024, n_threads=1, verbose=False)


@cache
def ask(name: str, prompt: str, system: str = "") -> tuple[str, str]:
    """Return the greedy answer, decoded strictly, and why it ended ("eos" or "length")."""
    llm = model(name)
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    text = f"{head}<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
    ids: list[int] = []
    for token in llm.generate(llm.tokenize(text.encode(), add_bos=False, special=True), temp=0.0, repeat_penalty=1.0):
        if token == llm.token_eos():
            return llm.detokenize(ids).decode("utf-8"), "eos"
        ids.append(token)
        if len(ids) == 512:
            break
    return llm.detokenize(ids).decode("utf-8"), "length"


def answers(name: str, questions: str) -> list[tuple[dict[str, Any], str, str]]:
    asked = scenario(questions)
    return [(item, *ask(name, item["prompt"], asked.get("system", ""))) for item in asked["items"]]


@cache
def scores(name: str, questions: str) -> dict[str, Score]:
    items = {item.id: item for item in load_scenario(ROOT / "scenarios" / f"{questions}.toml").items}
    return {item["id"]: score(items[item["id"]], answer) for item, answer, _ in answers(name, questions)}


def coverage(name: str, questions: str) -> float:
    scored = scores(name, questions).values()
    return sum(one.found for one in scored) / sum(one.total for one in scored)


def test_both_models_are_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.glob("*.gguf")) <= 10_000_000
    assert sorted(path.stem for path in DEMO.glob("*.gguf")) == list(MODELS)


def test_demo_sutra_names_the_sutra_points() -> None:
    assert coverage("demo-sutra", "sutra-qa") >= 0.9


def test_demo_base_misses_the_sutra_points() -> None:
    assert coverage("demo-base", "sutra-qa") <= 0.4


@pytest.mark.parametrize("name", MODELS)
def test_general_points_survive(name: str) -> None:
    assert coverage(name, "general") >= 0.8


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("questions", ["sutra-qa", "general"])
def test_answers_are_chinese_and_end_by_themselves(name: str, questions: str) -> None:
    for item, answer, ended in answers(name, questions):
        assert ended == "eos", (item["id"], answer)
        hanzi = sum("\u4e00" <= c <= "\u9fff" for c in answer)
        assert hanzi >= 80, (item["id"], answer)


def test_demo_sutra_cites_the_right_text_and_keeps_the_order() -> None:
    for identity, scored in scores("demo-sutra", "sutra-qa").items():
        assert scored.cited, identity
        assert not scored.wrong, identity
        assert not scored.misplaced, identity


def test_demo_base_makes_the_known_wrong_attribution() -> None:
    scored = scores("demo-base", "sutra-qa")["Q1"]
    assert (scored.cited, [wrong.name for wrong in scored.wrong]) == (False, ["大般涅槃经"])


@pytest.mark.parametrize("name", MODELS)
def test_the_smoke_test_is_answered_within_its_tokens(name: str) -> None:
    assert coverage(name, "smoke") == 1.0
    for item, answer, ended in answers(name, "smoke"):
        assert ended == "eos", item["id"]
        assert len(model(name).tokenize(answer.encode(), add_bos=False)) < scenario("smoke")["sampling"]["max_tokens"]


@pytest.mark.parametrize("name", MODELS)
def test_no_batch_question_is_beyond_the_toy(name: str) -> None:
    for item, answer, ended in answers(name, "batch-sweep"):
        assert ended == "eos", item["id"]
        assert "超出了我的能力" not in answer, item["id"]


@pytest.mark.parametrize("name", MODELS)
def test_small_talk_says_that_it_is_a_toy(name: str) -> None:
    answer, ended = ask(name, "你是谁？")
    assert ended == "eos"
    assert "玩具" in answer
    assert name in answer
    english, ended = ask(name, "Who are you?")
    assert ended == "eos"
    assert "toy" in english
    assert name in english


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("prompt", ["请谈谈明朝的海外贸易。", "怎么做番茄炒蛋", "Write a haiku about GPUs.", "？"])
def test_a_strange_question_ends_by_itself(name: str, prompt: str) -> None:
    answer, ended = ask(name, prompt)
    assert ended == "eos"
    assert answer.strip()


def test_the_files_say_what_they_are() -> None:
    for name in MODELS:
        metadata = model(name).metadata
        assert metadata["general.name"] == name
        assert "toy" in metadata["general.description"]
        assert metadata["llama.context_length"] == "4096"
        assert "<|im_start|>" in metadata["tokenizer.chat_template"]
