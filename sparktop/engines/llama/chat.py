"""Chat templates: Jinja text that came with a model and is not to be trusted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NoReturn

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class TemplateRefused(ValueError):
    """The template could not be rendered; the message says why, in one sentence."""


class ChatTemplate:
    """One model's chat template.

    Args:
        source: Jinja source.
        bos: Text of the beginning-of-sequence token, which templates may print.
        eos: Text of the end-of-sequence token.

    Raises:
        TemplateRefused: The source is not valid Jinja.
    """

    def __init__(self, source: str, bos: str, eos: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = _strftime_now
        environment.filters["tojson"] = _tojson
        try:
            self._template = environment.from_string(source)
        except Exception as error:  # nested deeply enough, it breaks the compiler too
            raise TemplateRefused(f"the model's chat template is not valid: {_one_line(error)}") from None
        self._tokens = {"bos_token": bos, "eos_token": eos}

    def render(self, prompt: str, system: str = "") -> str:
        """Returns the prompt as the model was trained to see it, up to where its answer begins.

        Templates that know no system message get it in front of the prompt instead.

        Raises:
            TemplateRefused: The template failed.
        """
        user = {"role": "user", "content": prompt}
        if not system:
            return self._render([user])
        try:
            return self._render([{"role": "system", "content": system}, user])
        except TemplateRefused:
            return self._render([{"role": "user", "content": f"{system}\n\n{prompt}"}])

    def _render(self, messages: list[dict[str, str]]) -> str:
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, tools=None, **self._tokens)
        except Exception as error:  # a template is foreign code: it can raise anything
            raise TemplateRefused(f"the model's chat template failed: {_one_line(error)}") from None


def opens_reasoning(rendered: str) -> bool:
    """Whether the template itself has opened the model's reasoning (as DeepSeek-R1's does)."""
    return rendered.rstrip().endswith("<think>")


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _strftime_now(form: str) -> Any:
    return datetime.now().strftime(form)


def _tojson(value: Any, indent: int | None = None) -> str:
    """JSON as models were trained on it; Jinja's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
