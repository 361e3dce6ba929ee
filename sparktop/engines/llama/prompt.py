"""From a request to the tokens of its prompt."""

from __future__ import annotations

import random

from sparktop.engines.llama.chat import ChatTemplate, TemplateRefused, opens_reasoning
from sparktop.engines.llama.library import Model
from sparktop.engines.protocol import Generation


class Prompts:
    """Makes prompts for one model; its chat template is parsed when the first question comes."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._template: ChatTemplate | None = None

    def tokens(self, generation: Generation) -> tuple[list[int], bool]:
        """Token ids of a prompt, and whether its end opens the model's reasoning.

        Raises:
            TemplateRefused: The model has no chat template, or it failed.
            LlamaFailed: The text can't be tokenized.
        """
        if generation.random_tokens:
            return self._random(generation.random_tokens, generation.sampling.seed), False
        model = self._model
        rendered = self._chat_template().render(generation.prompt, generation.system)
        bos = model.special_text(model.bos)
        # Many templates print the token that the tokenizer adds too; the model wants it once.
        text = rendered.removeprefix(bos) if bos and model.adds_bos else rendered
        return model.tokenize(text, add_bos=model.adds_bos), opens_reasoning(rendered)

    def _chat_template(self) -> ChatTemplate:
        if self._template is None:
            model = self._model
            source = model.chat_template
            if not source:
                raise TemplateRefused(
                    "the model has no chat template, so it can't be asked a question: use an instruct model,"
                    " or a scenario of random tokens such as prefill-decode"
                )
            self._template = ChatTemplate(source, model.special_text(model.bos), model.special_text(model.eos))
        return self._template

    def _random(self, length: int, seed: int) -> list[int]:
        model = self._model
        chance = random.Random(seed)
        tokens = [model.bos] if model.adds_bos and model.bos >= 0 else []
        while len(tokens) < length:
            token = chance.randrange(model.n_vocab)
            if not model.is_control(token):
                tokens.append(token)
        return tokens[:length]
