"""What a person types becomes a contender, or a sentence."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from sparktop.model.records import Contender
from sparktop.nodes.protocol import ModelFile
from sparktop.resources import demo_dir
from sparktop.runner.contenders import BadContender, resolve_contenders


def one(spec: str, **more: str) -> Contender:
    (contender,) = resolve_contenders([spec], **more)  # type: ignore[arg-type]
    return contender


@pytest.mark.parametrize(
    ("spec", "url", "model", "name"),
    [
        ("http://spark:8000", "http://spark:8000/v1", "", "spark:8000"),
        ("http://spark:8000/", "http://spark:8000/v1", "", "spark:8000"),
        ("http://spark:8000/v1#Qwen/Qwen3-8B", "http://spark:8000/v1", "Qwen/Qwen3-8B", "Qwen3-8B"),
        ("https://api.example/openai/v1/#a%20b", "https://api.example/openai/v1", "a b", "a b"),
        ("http://[fd00::2]:8000#m.gguf", "http://[fd00::2]:8000/v1", "m.gguf", "m"),
        ("http://spark#qwen3:8b", "http://spark/v1", "qwen3:8b", "qwen3:8b"),
    ],
)
def test_an_address_is_a_contender(spec: str, url: str, model: str, name: str) -> None:
    found = one(spec)
    assert (found.url, found.model, found.name, found.engine, found.size) == (url, model, name, "http", 0)
    assert found.node not in ("", platform.node())


def test_a_server_here_runs_on_this_machine() -> None:
    assert {one(f"http://{host}:1").node for host in ("localhost", "127.0.0.1", "[::1]")} == {platform.node()}


def test_models_of_one_name_are_told_apart_by_their_servers() -> None:
    found = resolve_contenders(["http://a:1#q", "http://b:2#q", "http://b:2#r", "demo-base"])
    assert [contender.name for contender in found] == ["a:1/q", "b:2/q", "r", "demo-base"]


def test_a_model_here_keeps_its_name_beside_the_same_one_elsewhere(tmp_path: Path) -> None:
    there = {"spark-2": [ModelFile(name="demo-base", size=1, toy=True)]}
    specs = ["demo-base@spark-2", "demo-base", f"demo-base@{platform.node()}+spark-2"]
    names = [contender.name for contender in resolve_contenders(specs, elsewhere=there)]
    assert names == ["demo-base@spark-2", "demo-base", f"demo-base@{platform.node()}+spark-2"]
    mine = tmp_path / "demo-base.gguf"
    mine.write_bytes((demo_dir() / "demo-base.gguf").read_bytes())
    names = [contender.name for contender in resolve_contenders([*specs[:2], str(mine)], elsewhere=there)]
    assert names == ["demo-base@spark-2", "demo/demo-base", f"{tmp_path.name}/demo-base"]


def test_who_names_the_machines_of_a_split_in_the_wrong_order_is_told_the_right_one(tmp_path: Path) -> None:
    there = {"spark-2": [ModelFile(name="large", size=1, toy=False)], "spark-3": []}
    here = platform.node()
    with pytest.raises(BadContender) as refusal:
        resolve_contenders([f"large@{here}+spark-3+spark-2"], elsewhere=there)
    assert str(refusal.value).endswith(f"the first machine must: large@spark-2+{here}+spark-3")
    mine = tmp_path / "mine.gguf"
    mine.touch()
    with pytest.raises(BadContender) as refusal:
        resolve_contenders([f"{mine}@spark-2+{here}"], elsewhere=there)
    assert str(refusal.value).endswith(f"the first machine must: {mine}@{here}+spark-2")
    with pytest.raises(BadContender, match='no contender "nothing"'):
        resolve_contenders([f"nothing@{here}+spark-2"], elsewhere=there)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("ftp://spark:8000", "it goes like http://HOST:PORT/v1#MODEL"),
        ("http://", "it goes like http://HOST:PORT/v1#MODEL"),
        ("http://spark:port", "is no address of a server"),
        ("http://spark:8000/\x1b[31m", "is no address of a server"),
        ("http://me:secret@spark:8000", "must not hold a user or password"),
        ("http://spark:8000/v1?key=secret", "must not hold a query"),
        ("spark:8000", "did you mean http://spark:8000?"),
        ("demo-bas", "did you mean demo-base?"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_secret(spec: str, sentence: str) -> None:
    with pytest.raises(BadContender) as refused:
        one(spec)
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_a_key_is_named_by_its_variable_alone() -> None:
    found = resolve_contenders(["http://spark", "demo-base"], "MY_KEY", {"MY_KEY": "sk-secret"})
    assert [contender.key_env for contender in found] == ["MY_KEY", ""]
    assert "sk-secret" not in repr(found)
    for name, environ, sentence in (
        ("MY_KEY", {}, "MY_KEY, which is to hold the API key, is not set"),
        ("sk-secret", {}, "named by the environment variable that holds it"),
        ("MY_KEY", {"MY_KEY": "sk-secret\n"}, "can't be an API key"),
    ):
        with pytest.raises(BadContender) as refused:
            resolve_contenders(["http://spark"], name, environ)
        assert sentence in str(refused.value)
        assert "sk-secret" not in str(refused.value)


CONFIG = f"""
[contenders.big]
url = "http://spark:8000/v1"
model = "Qwen/Qwen3-8B"
api_key_env = "BIG_KEY"

[contenders.small]
path = "{demo_dir()}/demo-base.gguf"

[contenders.near]
path = "models/x.gguf"

[nodes.spark-2]
ssh = "spark-2"
"""


def test_config_toml_names_contenders(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    big, small = resolve_contenders(["big", "small"], environ={"BIG_KEY": "k"}, config=config)
    assert (big.name, big.url, big.model, big.key_env) == ("big", "http://spark:8000/v1", "Qwen/Qwen3-8B", "BIG_KEY")
    assert (small.name, small.engine) == ("small", "llama.cpp")
    with pytest.raises(BadContender, match="BIG_KEY, which is to hold the API key, is not set"):
        resolve_contenders(["big"], environ={}, config=config)
    with pytest.raises(BadContender, match=f"{tmp_path}/models/x.gguf"):
        resolve_contenders(["near"], config=config)
    with pytest.raises(BadContender, match="did you mean small"):
        resolve_contenders(["smal"], config=config)
    assert resolve_contenders(["demo-base"], config=tmp_path / "no.toml")[0].toy


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[contenders.a]", "contenders.a: give either path"),
        ('[contenders.a]\npath = "x.gguf"\nurl = "http://x"', "contenders.a: give either path"),
        ('[contenders.a]\nurl = "spark:8000"', "contenders.a: url is no address"),
        ('[contenders.a]\nurl = "http://x#m"\nmodel = "m"', "contenders.a: the model stands in url and in model"),
        ('[contenders.a]\npath = "x.gguf"\nmodel = "m"', "contenders.a: model and api_key_env are for a url"),
        ('[contenders.a]\nurl = "http://x"\napi_key = "sk-secret"', "contenders.a.api_key: there is no such key"),
        ('[contenders."a b"]\nurl = "http://x"', "a name has letters, digits"),
        ("contenders = 3", "contenders are tables"),
        ("[contenders", "is no TOML"),
    ],
)
def test_a_configuration_that_is_not_understood_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    with pytest.raises(BadContender) as refused:
        resolve_contenders(["a"], config=config)
    assert sentence in str(refused.value)
    assert str(config) in str(refused.value)
    assert "sk-secret" not in str(refused.value)
