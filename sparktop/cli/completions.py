"""`sparktop completions`: what Tab offers in bash, zsh and fish.

The shells' scripts are a few lines that ask the program itself, with the words typed so far: so the
options are those of this version, and the scenarios those that are there now.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sparktop.cli.arguments.completions import SHELLS
from sparktop.cli.arguments.history import WORDS
from sparktop.cli.console import Console, Exit, Refused
from sparktop.cli.library import library, places
from sparktop.cli.parser import ABOUT, COMMANDS, command_parser, top_parser
from sparktop.model.text import one_line
from sparktop.runner.contenders import DEMOS

Candidate = tuple[str, str]
"""A word, and what it means."""

_SCRIPTS: Final = {
    # Files, where the program has nothing to offer: -o default.
    "bash": """\
_sparktop() {
    local IFS=$'\\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=($(sparktop completions "${words[@]/#/--word=+}" 2>/dev/null | cut -f1))
}
complete -o default -F _sparktop sparktop
""",
    "zsh": """\
_sparktop() {
    local -a found
    found=("${(@f)$(sparktop completions "${(@)words[2,CURRENT]/#/--word=+}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then
        found=("${(@)found//:/\\\\:}")
        found=("${(@)found/$'\\t'/:}")
        _describe sparktop found
    else
        _files
    fi
}
compdef _sparktop sparktop
""",
    "fish": """\
function __sparktop_candidates
    set -l words (commandline -opc)[2..] (commandline -ct)
    set -l found (sparktop completions --word=+$words 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c sparktop -f -a '(__sparktop_candidates)'
""",
}


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Prints a shell's script, or for such a script the candidates for the last word.

    Raises:
        Refused: No shell was named.
    """
    if arguments.words is not None:
        # A plus before each word, because argparse takes the word "--" away.
        words = [word.removeprefix("+") for word in arguments.words]
        found = candidates(words, lambda: _scenarios(console), lambda: _runs(console))
        if found:
            console.say("\n".join(f"{word}\t{meaning}" for word, meaning in found))
    elif arguments.shell is not None:
        console.say(_SCRIPTS[arguments.shell].rstrip("\n"))
    else:
        raise Refused(f"name a shell: {', '.join(SHELLS)}")
    return Exit.OK


def _scenarios(console: Console) -> list[Candidate]:
    return [
        (entry.name, one_line(entry.scenario.title)) for entry in library(console).list() if entry.scenario is not None
    ]


def _runs(console: Console) -> list[Candidate]:
    from sparktop.store.runs import list_runs

    try:
        entries = list_runs(places(console).runs)
    except OSError:
        return []
    return [("last", "the newest run"), *((one_line(entry.id), one_line(entry.title)) for entry in entries)]


def candidates(
    words: Sequence[str],
    scenarios: Callable[[], Iterable[Candidate]],
    runs: Callable[[], Iterable[Candidate]] = tuple,
) -> list[Candidate]:
    """Returns what the last word may become; nothing where it is a file or the person's own choice.

    Args:
        words: What stands after the program's name; the last one is being typed and may be empty.
        scenarios: Looks for the scenarios, where one may stand.
        runs: Looks for the runs, where one may stand.
    """
    *before, current = words or [""]
    offers = _offers(before, current, scenarios, runs)
    return [(word, meaning) for word, meaning in offers if word.startswith(current)]


def _offers(
    before: Sequence[str],
    current: str,
    scenarios: Callable[[], Iterable[Candidate]],
    runs: Callable[[], Iterable[Candidate]],
) -> Iterable[Candidate]:
    command = next((word for word in before if word in COMMANDS), None)
    parser = command_parser(command) if command else top_parser()
    if before and (action := parser._option_string_actions.get(before[-1])) and action.nargs != 0:
        return _values(action, scenarios, runs)
    options = list(_options(parser))
    if current.startswith("-"):
        return options
    if command is None:
        return list(ABOUT.items())
    given = _positional(parser, before[before.index(command) + 1 :])
    match command, given:
        case ("run", []) | ("scenarios", ["show"]):
            return scenarios()
        case "scenarios", []:
            return [("show", "show one scenario")]
        case "completions", []:
            return [(shell, "") for shell in SHELLS]
        case ("replay" | "rate" | "judge", []) | ("compare", [] | [_]) | ("report", _) | ("history", ["delete", *_]):
            return runs()
        case "history", []:
            return [(word, "") for word in WORDS]
        case "models", _:
            return []
    return options


def _values(
    action: argparse.Action,
    scenarios: Callable[[], Iterable[Candidate]],
    runs: Callable[[], Iterable[Candidate]],
) -> Iterable[Candidate]:
    """What may stand after an option; nothing where it is a file, a number, or the person's own choice."""
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    match action.option_strings[-1]:
        case "--model" | "--with" | "--contender":
            return [(name, "toy model") for name in DEMOS]
        case "--beside":
            return runs()
        case "--scenario":
            return scenarios()
    return []


def _positional(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    takes_value = False
    found = []
    for word in words:
        action = parser._option_string_actions.get(word)
        if action is None and not takes_value and not word.startswith("-"):
            found.append(word)
        takes_value = action is not None and action.nargs != 0
    return found


def _options(parser: argparse.ArgumentParser) -> Iterator[Candidate]:
    for action in parser._actions:
        if action.option_strings and action.help is not argparse.SUPPRESS:
            yield action.option_strings[-1], action.help or ""
