# ruff: noqa: E501
"""Scenario files: what is accepted, and that each mistake is named by file, line and key."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from sparktop.model.scenario import Item, Kind, Mode, Sampling, Scenario, Slo
from sparktop.model.toml_lines import key_lines
from sparktop.scenarios.fields import BadScenario
from sparktop.scenarios.loader import load_scenario

SHIPPED = Path(__file__).parents[2] / "scenarios"

QUESTIONS = """\
title = "我的问题"
kind = "questions"

[sampling]
max_tokens = 64

[[items]]
id = "A"
prompt = "甲？"

[[items]]
id = "B"
prompt = \"\"\"
乙 = 1？
[[items]]
\"\"\"
points = [
    ["一", "壹"],  # spellings
    ["二"],
]
ordered = true
source = "杂阿含经"
avoid = ["大般涅槃经"]
source_names = ["杂阿含"]
"""
BATCH = """\
title = "Batch"
kind = "batch"
batches = [1, 4]
mode = "sequential"
system = "请用中文回答。"
[[items]]
id = "A"
prompt = "甲？"
[sampling]
ignore_eos = true
"""
PREFILL = """\
title = "Prefill"
kind = "prefill-decode"
isl = 512
osl = 16
repetitions = 3
warmup = 1
"""


def load(tmp_path: Path, text: str | bytes, name: str = "mine.toml") -> Scenario:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_scenario(path)


def refusal(tmp_path: Path, text: str | bytes, name: str = "mine.toml") -> str:
    """What is said of a bad file, less its folder."""
    with pytest.raises(BadScenario) as caught:
        load(tmp_path, text, name)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/")
    assert "\n" not in message
    return message.removeprefix(f"{tmp_path}/")


def test_questions(tmp_path: Path) -> None:
    assert load(tmp_path, QUESTIONS) == Scenario(
        name="mine",
        title="我的问题",
        description="",
        kind=Kind.QUESTIONS,
        items=(
            Item(id="A", prompt="甲？"),
            Item(
                id="B",
                prompt="乙 = 1？\n[[items]]\n",
                points=(("一", "壹"), ("二",)),
                ordered=True,
                source="杂阿含经",
                source_names=("杂阿含",),
                avoid=("大般涅槃经",),
            ),
        ),
        sampling=Sampling(max_tokens=64),
    )


def test_line_breaks_can_stop_an_answer(tmp_path: Path) -> None:
    scenario = load(tmp_path, QUESTIONS.replace("max_tokens = 64", 'stop = ["\\n\\n", " "]'))
    assert scenario.sampling.stop == ("\n\n", " ")


def test_batch(tmp_path: Path) -> None:
    scenario = load(tmp_path, BATCH)
    assert (scenario.batches, scenario.mode, scenario.sampling.ignore_eos) == ((1, 4), Mode.SEQUENTIAL, True)
    assert scenario.system == "请用中文回答。"


def test_prefill_decode_decodes_exactly_osl_tokens(tmp_path: Path) -> None:
    scenario = load(tmp_path, PREFILL)
    assert (scenario.isl, scenario.osl, scenario.items, scenario.batches) == (512, 16, (), (1,))
    assert (scenario.sampling.max_tokens, scenario.sampling.ignore_eos) == (16, True)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + PREFILL.encode()) == load(tmp_path, PREFILL)


def test_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    assert load(tmp_path, QUESTIONS.replace("\n", "\r\n")) == load(tmp_path, QUESTIONS)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_shipped_is_right(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.description
    assert scenario.kind is Kind.QUESTIONS or scenario.warmup > 0
    assert len({item.prompt for item in scenario.items}) == len(scenario.items)
    if scenario.kind is Kind.BATCH:
        assert len(scenario.items) >= max(scenario.batches), "no two streams of a batch are alike"


def test_what_is_shipped_is_complete() -> None:
    names = {path.stem for path in SHIPPED.glob("*.toml")}
    assert names >= {"sutra-qa", "general", "batch-sweep", "prefill-decode", "smoke", "vision"}


# A table: each case on its line.
# fmt: off
MISTAKES = [
    (QUESTIONS, 'points = [\n    ["一", "壹"],  # spellings\n    ["二"],\n]', "points = 3", "mine.toml:17: items[1].points: expected a list of lists of text, found the number 3"),
    (QUESTIONS, '["二"]', "[]", "mine.toml:17: items[1].points[1]: expected a list of text, none of it empty, found an empty list"),
    (QUESTIONS, '["二"]', '["二", " "]', "mine.toml:17: items[1].points[1]: expected a list of text, none of it empty, found the list ['二', ' ']"),
    (QUESTIONS, '["二"]', '"二"', 'mine.toml:17: items[1].points[1]: expected a list of text, none of it empty, found the text "二"'),
    (QUESTIONS, 'prompt = "甲？"', 'promt = "甲？"', 'mine.toml:9: items[0].promt: unknown key; did you mean "prompt"?'),
    (QUESTIONS, 'prompt = "甲？"', "", "mine.toml:7: items[0].prompt: missing; expected text"),
    (QUESTIONS, 'prompt = "甲？"', 'prompt = " \\t "', "mine.toml:9: items[0].prompt: expected text that is not empty, found empty text"),
    (QUESTIONS, 'prompt = "甲？"', "prompt = 1979-05-27", "mine.toml:9: items[0].prompt: expected text, found the date or time 1979-05-27"),
    (QUESTIONS, 'prompt = "甲？"', 'prompt = "a\\u0000b"', 'mine.toml:9: items[0].prompt: expected text, found the text "a\\u0000b"'),
    (QUESTIONS, 'id = "B"', 'id = "A"', 'mine.toml:12: items[1].id: "A" is also the id of items[0]; expected an id of its own'),
    (QUESTIONS, 'id = "B"', 'id = "\\u001b[2J"', 'mine.toml:12: items[1].id: expected one line of text, found the text "\\u001b[2J"'),
    (QUESTIONS, 'id = "B"', f'id = "{"B" * 33}"', f'mine.toml:12: items[1].id: expected at most 32 characters, found the text "{"B" * 33}"'),
    (QUESTIONS, 'source = "杂阿含经"', 'source = "《杂阿含经》"', 'mine.toml:22: items[1].source: expected the title alone, without 《》, found the text "《杂阿含经》"'),
    (QUESTIONS, 'source_names = ["杂阿含"]', 'source_names = ["《杂阿含》"]', 'mine.toml:24: items[1].source_names: expected the title alone, without 《》, found the list [\'《杂阿含》\']'),
    (QUESTIONS, 'source = "杂阿含经"', '', 'mine.toml:24: items[1].source_names: gives other names of the source, but there is no source'),
    (QUESTIONS, 'avoid = ["大般涅槃经"]', 'avoid = "大般涅槃经"', 'mine.toml:23: items[1].avoid: expected a list of text, none of it empty, found the text "大般涅槃经"'),
    (QUESTIONS, 'prompt = "甲？"', 'prompt = "甲？"\nordered = true', "mine.toml:10: items[0].ordered: says that the points are a chain, but there are no points"),
    (QUESTIONS, "ordered = true", "ordered = 1", "mine.toml:21: items[1].ordered: expected true or false, found the number 1"),
    (QUESTIONS, "max_tokens = 64", "max_tokens = 0", "mine.toml:5: sampling.max_tokens: expected a whole number from 1 to 1000000, found the number 0"),
    (QUESTIONS, "max_tokens = 64", "max_tokens = true", "mine.toml:5: sampling.max_tokens: expected a whole number from 1 to 1000000, found true"),
    (QUESTIONS, "max_tokens = 64", "max_tokens = 64.0", "mine.toml:5: sampling.max_tokens: expected a whole number from 1 to 1000000, found the number 64.0"),
    (QUESTIONS, "max_tokens = 64", f"max_tokens = 0x{'F' * 5000}", "mine.toml:5: sampling.max_tokens: expected a whole number from 1 to 1000000, found a number of more than 38 digits"),
    (QUESTIONS, "max_tokens = 64", "temperature = nan", "mine.toml:5: sampling.temperature: expected a number from 0 to 10, found the number nan"),
    (QUESTIONS, "max_tokens = 64", "top_p = 0", "mine.toml:5: sampling.top_p: expected a number above 0 and up to 1, found the number 0"),
    (QUESTIONS, "max_tokens = 64", "top_k = -1", "mine.toml:5: sampling.top_k: expected a whole number from 0 to 1000000, found the number -1"),
    (QUESTIONS, "max_tokens = 64", "seed = -1", "mine.toml:5: sampling.seed: expected a whole number from 0 to 2147483647, found the number -1"),
    (QUESTIONS, "max_tokens = 64", 'stop = [""]', "mine.toml:5: sampling.stop: expected a list of text, none of it empty, found the list ['']"),
    (QUESTIONS, "max_tokens = 64", "max_token = 64", 'mine.toml:5: sampling.max_token: unknown key; did you mean "max_tokens"?'),
    (QUESTIONS, "max_tokens = 64", "ignore_eos = true", 'mine.toml:5: sampling.ignore_eos: not for kind = "questions": an answer ends where the model ends it'),
    (QUESTIONS, "[sampling]\nmax_tokens = 64", "sampling = 3", "mine.toml:4: sampling: expected a table, [sampling], found the number 3"),
    (QUESTIONS, 'title = "我的问题"', "", "mine.toml: title: missing; expected text"),
    (QUESTIONS, 'title = "我的问题"', 'title = "a\\nb"', 'mine.toml:1: title: expected one line of text, found the text "a\\u000ab"'),
    (QUESTIONS, 'title = "我的问题"', 'title = "x"\nname = "y"', "mine.toml:2: name: unknown key; the scenario's name is the name of its file"),
    (QUESTIONS, 'title = "我的问题"', 'title = "x"\nzzz = 1', "mine.toml:2: zzz: unknown key; known keys are title, description, kind, system, items, sampling, batches, mode, repetitions, warmup, isl, osl, rating, judge, slo"),
    (QUESTIONS, 'kind = "questions"', 'kind = "quiz"', 'mine.toml:2: kind: expected "questions" or "batch" or "prefill-decode", found the text "quiz"'),
    (QUESTIONS, 'kind = "questions"', "", 'mine.toml: kind: missing; expected "questions" or "batch" or "prefill-decode"'),
    (QUESTIONS, 'kind = "questions"', 'kind = "questions"\nbatches = [1]', 'mine.toml:3: batches: only for kind = "batch", and this scenario has kind = "questions"'),
    (QUESTIONS, 'kind = "questions"', 'kind = "questions"\nisl = 9', 'mine.toml:3: isl: only for kind = "prefill-decode", and this scenario has kind = "questions"'),
    (QUESTIONS, 'kind = "questions"', 'kind = "questions"\nrepetitions = 0', "mine.toml:3: repetitions: expected a whole number from 1 to 1000, found the number 0"),
    (BATCH, "batches = [1, 4]", "", "mine.toml: batches: missing; expected a list of whole numbers"),
    (BATCH, "batches = [1, 4]", "batches = []", "mine.toml:3: batches: expected a list of whole numbers, found an empty list"),
    (BATCH, "batches = [1, 4]", "batches = [4, 1]", "mine.toml:3: batches: expected ascending numbers, each once, found the list [4, 1]"),
    (BATCH, "batches = [1, 4]", "batches = [1, 1]", "mine.toml:3: batches: expected ascending numbers, each once, found the list [1, 1]"),
    (BATCH, "batches = [1, 4]", "batches = [0, 4]", "mine.toml:3: batches: expected whole numbers from 1 to 256, found the list [0, 4]"),
    (BATCH, "batches = [1, 4]", "batches = [1, 257]", "mine.toml:3: batches: expected whole numbers from 1 to 256, found the list [1, 257]"),
    (BATCH, "batches = [1, 4]", "batches = [true]", "mine.toml:3: batches: expected a list of whole numbers, found the list [True]"),
    (BATCH, '"sequential"', '"serial"', 'mine.toml:4: mode: expected "concurrent" or "sequential", found the text "serial"'),
    (BATCH, '[[items]]\nid = "A"\nprompt = "甲？"', "", "mine.toml: items: missing; expected at least one question, under [[items]]"),
    (BATCH, '[[items]]\nid = "A"\nprompt = "甲？"', "items = [1]", "mine.toml:6: items: expected tables, each under [[items]], found the list [1]"),
    (BATCH, "ignore_eos = true", 'ignore_eos = true\nstop = ["。"]', "mine.toml:11: sampling.stop: contradicts ignore_eos = true: a request would end early all the same"),
    (PREFILL, "isl = 512", "", "mine.toml: isl: missing; expected a whole number from 1 to 1000000"),
    (PREFILL, "osl = 16", "", "mine.toml: osl: missing; expected a whole number from 2 to 1000000"),
    (PREFILL, "osl = 16", "osl = 1", "mine.toml:4: osl: expected a whole number from 2 to 1000000, found the number 1"),
    (PREFILL, "warmup = 1", "[sampling]\nmax_tokens = 9", 'mine.toml:7: sampling.max_tokens: not for kind = "prefill-decode": osl says how many tokens are decoded'),
    (PREFILL, "warmup = 1", "[sampling]\nignore_eos = false", 'mine.toml:7: sampling.ignore_eos: has to be true for kind = "prefill-decode": exactly osl tokens are decoded'),
    (PREFILL, "warmup = 1", 'system = "x"', 'mine.toml:6: system: only for kind = "questions" or "batch", and this scenario has kind = "prefill-decode"'),
]
# fmt: on


@pytest.mark.parametrize(("base", "old", "new", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(tmp_path: Path, base: str, old: str, new: str, message: str) -> None:
    assert base.count(old) >= 1
    assert refusal(tmp_path, base.replace(old, new, 1)) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "a"\nkind = = 3\n', "mine.toml:2:8: not TOML: Invalid value"),
        ('title = "a"\ntitle = "b"\n', "mine.toml:2:12: not TOML: Cannot overwrite a value"),
        ('title = "a"\nitems = [\n  1,\n', "mine.toml:3: not TOML: "),
        (
            b'title = "a"\n# \xb2\xe2\xca\xd4\n',
            "mine.toml:2: expected UTF-8, found the byte 0xb2; save the file as UTF-8",
        ),
        ("a = " + "[" * 100_000, "mine.toml: not TOML: nested too deeply"),
        (f"a = {'9' * 5000}", "mine.toml: not TOML: Exceeds the limit"),
        ("#" * 1_000_001, "mine.toml: expected at most 1 MB, found more; is this a scenario?"),
        ("", 'mine.toml: kind: missing; expected "questions" or "batch" or "prefill-decode"'),
    ],
    ids=range(8),
)
def test_what_is_not_toml(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize("name", ["My.toml", "a b.toml", "-a.toml", "经.toml", ".toml", "a.txt", "a"])
def test_the_name_of_the_file_is_the_name_that_is_typed(tmp_path: Path, name: str) -> None:
    expected = 'expected lower-case letters, digits and dashes, then ".toml"'
    assert refusal(tmp_path, PREFILL, name) == f"{name}: the file's name is the scenario's name; {expected}"


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    for name, message in (
        ("folder", "expected a file, found a folder"),
        ("pipe", "expected a file, found a pipe"),
        ("none", "cannot be read: No such file or directory"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
    ):
        with pytest.raises(BadScenario) as caught:
            load_scenario(tmp_path / f"{name}.toml")
        assert str(caught.value) == f"{tmp_path}/{name}.toml: {message}"


def test_lines_of_keys_written_in_every_way() -> None:
    text = '''\
# comment = 1
a.b = 1
"quoted key" = """
x = 1
[y]
"""
c = { d = 1, e = [
  2,
] }
'lit' = '[no] = "'
[t."u.v"]
w = [ # ]
  "]", \'\'\'
\'\'\' ]
x = 1
[[l]]
m = 1
[l.n]
o = 1
[[l]]
[[l.p]]
q = 1
'''
    tomllib.loads(text)
    assert key_lines(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("quoted key",): 3,
        ("c",): 7,
        ("lit",): 10,
        ("t", "u.v"): 11,
        ("t", "u.v", "w"): 12,
        ("t", "u.v", "x"): 15,
        ("l",): 16,
        ("l", 0): 16,
        ("l", 0, "m"): 17,
        ("l", 0, "n"): 18,
        ("l", 0, "n", "o"): 19,
        ("l", 1): 20,
        ("l", 1, "p"): 21,
        ("l", 1, "p", 0): 21,
        ("l", 1, "p", 0, "q"): 22,
    }


RATED = QUESTIONS.replace(
    "[sampling]",
    """\
[rating]
dimensions = [
    { id = "depth", en = "depth", zh = "教理深度" },
    { id = "quoting", en = "quoting the source" },
    { id = "tone" },
]
[judge]
rubric = \"\"\"
一、出处。
\"\"\"
max_tokens = 300
[sampling]""",
)


def test_dimensions_and_rubric(tmp_path: Path) -> None:
    scenario = load(tmp_path, RATED)
    assert [(d.id, d.en, d.zh) for d in scenario.rating.dimensions] == [
        ("depth", "depth", "教理深度"),
        ("quoting", "quoting the source", "quoting the source"),
        ("tone", "tone", "tone"),
    ]
    assert (scenario.judge.rubric, scenario.judge.max_tokens) == ("一、出处。\n", 300)
    plain = load(tmp_path, QUESTIONS)
    assert [d.id for d in plain.rating.dimensions] == ["overall"]
    assert plain.judge.rubric


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[rating]\ndimensions", "[rating]\ndimension", '5: rating.dimension: unknown key; did you mean "dimensions"?'),
        ('id = "quoting"', 'id = "depth"', '5: rating.dimensions[1].id: "depth" is also the id of dimensions[0]'),
        ('id = "tone"', 'id = "Tone!"', "5: rating.dimensions[2].id: expected at most 32 lower-case letters"),
        ('id = "tone"', 'id = "tone", fr = "ton"', "5: rating.dimensions[2].fr: unknown key"),
        ("一、出处。\n", "", "11: judge.rubric: expected text that is not empty"),
        ("max_tokens = 300", "max_tokens = 0", "14: judge.max_tokens: expected a whole number"),
        ('kind = "questions"', 'kind = "batch"\nbatches = [1]', '5: rating: only for kind = "questions"'),
    ],
)
def test_mistakes_in_dimensions_and_rubric(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in RATED
    assert message in refusal(tmp_path, RATED.replace(old, new, 1))


def test_what_is_shipped_says_how_it_is_rated() -> None:
    for name in ("sutra-qa", "general"):
        scenario = load_scenario(SHIPPED / f"{name}.toml")
        assert len(scenario.rating.dimensions) >= 3
        assert all(d.zh != d.en for d in scenario.rating.dimensions)
        assert "出处" in scenario.judge.rubric or "事实" in scenario.judge.rubric


def test_objectives(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BATCH + "[slo]\nttft_ms = 500\nresponse_ms = 2e3\n")
    assert load_scenario(path).slo == Slo(ttft_ms=500.0, response_ms=2000.0)
    for line, message in (
        ("ttft = 1", 'slo.ttft: unknown key; did you mean "ttft_ms"?'),
        ("tpot_ms = 0", "slo.tpot_ms: expected a number above 0 and up to 8.64e+07, found the number 0"),
        ("tpot_ms = nan", "slo.tpot_ms: expected a number from 0 to 8.64e+07, found the number nan"),
    ):
        assert refusal(tmp_path, f"{BATCH}[slo]\n{line}\n").endswith(message)
