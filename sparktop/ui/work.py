"""What a scenario amounts to, in words and numbers for the menu."""

from __future__ import annotations

from sparktop.model.records import Options
from sparktop.model.scenario import Kind, Scenario
from sparktop.ui.format import plural


def item_count(scenario: Scenario, options: Options) -> int:
    """Items that are asked after the person's limit."""
    count = len(scenario.items)
    return min(count, options.limit) if options.limit else count


def brief(scenario: Scenario) -> str:
    """What there is to do, in two or three words."""
    if scenario.kind is Kind.QUESTIONS:
        return plural(len(scenario.items), "question")
    if scenario.kind is Kind.BATCH:
        return f"batch {min(scenario.batches)}-{max(scenario.batches)}"
    return f"{scenario.isl:,} + {scenario.osl:,}"


def shape(scenario: Scenario, options: Options) -> str:
    """What is done, in one sentence."""
    tokens = options.max_tokens or scenario.sampling.max_tokens
    if scenario.kind is Kind.QUESTIONS:
        return f"{plural(item_count(scenario, options), 'question')} one at a time, at most {tokens} tokens each."
    bound = "exactly" if scenario.sampling.ignore_eos else "at most"
    sizes = ", ".join(map(str, scenario.batches))
    repeated = f"{plural(scenario.repetitions, 'repetition')}, {plural(scenario.warmup, 'warm-up')}"
    if scenario.kind is Kind.BATCH:
        return f"Batches of {sizes} ({scenario.mode}), {bound} {tokens} tokens each; {repeated}."
    return f"Prompt of {scenario.isl:,} tokens, then {scenario.osl:,} decoded; batches of {sizes}; {repeated}."
