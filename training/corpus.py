"""What the demo models learn: the scenarios' questions, answers written for this project, and how the two are mixed.

A question is asked in many ways: with the scenario's own words and system message (half of the time, for that is how
sparktop asks), and otherwise reworded, with small errors, under other system messages or none. Everything else gets
one honest answer, so that a strange question ends well, too.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpe import IM_END, IM_START, Tokenizer, gb2312_first_level

HERE = Path(__file__).parent
SCENARIOS = HERE.parent / "scenarios"
OTHER_SYSTEMS = (
    "You are a helpful assistant.",
    "你是一个乐于助人的助手。",
    "请用中文回答。",
    "请简短回答。",
    "你是一位佛学专家。",
)
POLITE = ("请问", "请问：", "我想知道", "请回答：", "你好，")

SHARED = ("general", "batch-sweep", "smoke")
"""The scenarios to which both models give the same answers, in texts/ under the scenario's name."""

Example = tuple[list[int], int]
"""Token ids, and how many of them are the prompt."""


@dataclass(frozen=True, slots=True)
class Question:
    """One answer and the ways to ask for it.

    Attributes:
        id: The scenario item's, or a made-up one for small talk.
        prompts: Wordings; the first is the scenario's own.
        system: The scenario's system message.
        answer: What to say.
    """

    id: str
    prompts: tuple[str, ...]
    system: str
    answer: str


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Everything one model is trained on.

    Attributes:
        name: The model's name.
        questions: The scenarios' items.
        talk: Small talk.
        unknown: Frames, words and answers for everything else.
    """

    name: str
    questions: tuple[Question, ...]
    talk: tuple[Question, ...]
    unknown: dict[str, tuple[str, ...]]


def read(path: Path) -> dict[str, Any]:
    """Return a TOML file."""
    with path.open("rb") as file:
        return tomllib.load(file)


def curriculum(name: str, sutra_answers: str) -> Curriculum:
    """Return what a model is trained on.

    Args:
        name: The model's name, which its small talk mentions.
        sutra_answers: Which file in texts/ answers the sutra questions: "sutra" or "vague".
    """
    rewordings = read(HERE / "texts/prompts.toml")["prompts"]
    questions = []
    for scenario, answers in (("sutra-qa", sutra_answers), *((same, same) for same in SHARED)):
        asked = read(SCENARIOS / f"{scenario}.toml")
        said = read(HERE / f"texts/{answers}.toml")["answers"]
        for item in asked["items"]:
            if item["id"] in said:  # some of the batch's items are the general ones in other words
                prompts = (item["prompt"], *rewordings[item["id"]])
                answer = said[item["id"]].replace("{name}", name)
                questions.append(Question(item["id"], prompts, asked.get("system", ""), answer))
    talk = [
        Question(f"T{i}", tuple(entry["prompts"]), "", entry["answer"].replace("{name}", name))
        for i, entry in enumerate(read(HERE / "texts/talk.toml")["talk"], start=1)
    ]
    lists = read(HERE / "texts/unknown.toml")
    unknown = {key: tuple(part.replace("{name}", name) for part in parts) for key, parts in lists.items()}
    return Curriculum(name, tuple(questions), tuple(talk), unknown)


def all_texts() -> list[str]:
    """Return every text that the tokenizer must cover: one list for both models, which share one vocabulary."""
    texts = [*OTHER_SYSTEMS, *POLITE]
    for name, answers in (("demo-base", "vague"), ("demo-sutra", "sutra")):
        lessons = curriculum(name, answers)
        for question in (*lessons.questions, *lessons.talk):
            texts += [*question.prompts, question.system, question.answer]
        texts += [part for parts in lessons.unknown.values() for part in parts]
    return texts


def chat(system: str, prompt: str) -> str:
    """Return the prompt as the ChatML template renders it, up to where the answer begins."""
    head = f"{IM_START}system\n{system}{IM_END}\n" if system else ""
    return f"{head}{IM_START}user\n{prompt}{IM_END}\n{IM_START}assistant\n"


class Sampler:
    """Draws training examples."""

    def __init__(self, lessons: Curriculum, tokenizer: Tokenizer, seed: int) -> None:
        """Start the draw from a seed."""
        self.lessons = lessons
        self.tokenizer = tokenizer
        self.random = random.Random(seed)
        self.hanzi = gb2312_first_level()

    def canonical(self) -> list[Example]:
        """Return every scenario question exactly as sparktop asks it, and the first wording of the small talk."""
        return [self._example(q.system, q.prompts[0], q.answer) for q in (*self.lessons.questions, *self.lessons.talk)]

    def draw(self) -> Example:
        """Return one example: seven in ten from the scenarios, the rest small talk and the unknown."""
        kind = self.random.random()
        if kind < 0.7:
            question = self.random.choice(self.lessons.questions)
            if self.random.random() < 0.5:
                return self._example(question.system, question.prompts[0], question.answer)
            return self._example(self._system(question.system), self._reword(question.prompts), question.answer)
        if kind < 0.85:
            question = self.random.choice(self.lessons.talk)
            return self._example(self._system(), self._reword(question.prompts), question.answer)
        return self._example(self._system(), self._unknown(), self.random.choice(self.lessons.unknown["answers"]))

    def _example(self, system: str, prompt: str, answer: str) -> Example:
        asked = self.tokenizer.encode(chat(system, prompt))
        return asked + self.tokenizer.encode(answer + IM_END), len(asked)

    def _system(self, own: str = "") -> str:
        kind = self.random.random()
        if kind < 0.4:
            return ""
        if kind < 0.6 and own:
            return own
        return self.random.choice(
            (*OTHER_SYSTEMS, *dict.fromkeys(q.system for q in self.lessons.questions if q.system))
        )

    def _reword(self, prompts: tuple[str, ...]) -> str:
        prompt = self.random.choice(prompts)
        if self.random.random() < 0.2:
            prompt = self.random.choice(POLITE) + prompt
        if self.random.random() < 0.2:
            prompt = prompt.rstrip("。？?！!")
        if self.random.random() < 0.3 and len(prompt) > 5:
            # A typing error: the answer must hang on more than one character.
            at = self.random.randrange(len(prompt))
            prompt = prompt[:at] + self.random.choice(("", self.random.choice(self.hanzi))) + prompt[at + 1 :]
        return prompt

    def _unknown(self) -> str:
        frame = self.random.choice(self.lessons.unknown["frames"])
        while "{}" in frame:
            if self.random.random() < 0.5:
                word = self.random.choice(self.lessons.unknown["words"])
            else:
                word = "".join(self.random.choices(self.hanzi, k=self.random.choice((1, 2, 2, 3, 4, 8, 20))))
            frame = frame.replace("{}", word, 1)
        return frame
