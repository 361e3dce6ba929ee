"""Chat templates of the kinds that models really bring, and hostile ones."""

from __future__ import annotations

import pytest

from sparktop.engines.llama.chat import ChatTemplate, TemplateRefused, opens_reasoning

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for message in messages %}<start_of_turn>{{ message['role'] }}\n{{ message['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def render(source: str, prompt: str = "问", system: str = "") -> str:
    return ChatTemplate(source, "<s>", "</s>").render(prompt, system)


def test_chatml() -> None:
    assert render(CHATML, system="简短") == (
        "<|im_start|>system\n简短<|im_end|>\n<|im_start|>user\n问<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_template_without_a_system_role_gets_the_system_message_in_front_of_the_question() -> None:
    assert render(NO_SYSTEM, system="简短") == (
        "<s><start_of_turn>user\n简短\n\n问<end_of_turn>\n<start_of_turn>model\n"
    )


def test_what_templates_use_beyond_plain_jinja() -> None:
    source = (
        "{%- set ns = namespace(n=0) %}{%- for m in messages %}{%- set ns.n = ns.n + 1 %}{%- if ns.n > 3 %}{% break %}"
        "{%- endif %}{%- endfor %}{{ ns.n }} {{ strftime_now('%Y') | length }} {{ {'a': '<中>'} | tojson }}"
        " {{ tools is none }}"
    )
    assert render(source) == '1 4 {"a": "<中>"} True'


def test_a_template_may_open_the_reasoning() -> None:
    assert opens_reasoning(render(CHATML + "<think>\n"))
    assert not opens_reasoning(render(CHATML))


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{{ raise_exception('no') }}",
        "{{ messages[9]['role'] }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{{ 1 / 0 }}",
        "{{ messages.append(1) }}",
    ],
)
def test_broken_and_hostile_templates_are_refused_in_one_sentence(source: str) -> None:
    with pytest.raises(TemplateRefused, match="the model's chat template") as error:
        render(source, system="简短")
    assert "\n" not in str(error.value)


def test_a_template_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(TemplateRefused, match="is not valid"):
        ChatTemplate("{{ " + "(" * 3000, "<s>", "</s>")
