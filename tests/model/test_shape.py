"""Which tensors a token reads, and how far each block looks back."""

from __future__ import annotations

import pytest

from sparktop.engines.gguf import Header, Tensor, Value, read_header
from sparktop.engines.shape import model_shape
from sparktop.model.shape import Cache, Experts, Layer, ModelShape, Weight, footprint
from sparktop.resources import demo_dir


def shape(
    *weights: tuple[str, int], layers: int = 2, experts: int = 0, used: int = 0, prediction: int = 0
) -> ModelShape:
    layer = Layer(kv_heads=2, key_length=4, value_length=3, experts_used=used)
    return ModelShape(
        architecture="x",
        weights=tuple(Weight(name=name, size=size) for name, size in weights),
        layers=(layer,) * layers,
        experts=experts,
        prediction_layers=prediction,
    )


def header(architecture: str, names: tuple[str, ...] = (), **values: Value) -> Header:
    """A header; an underscore pair in a key stands for the dot."""
    keys: dict[str, Value] = {
        "block_count": 4,
        "embedding_length": 64,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
    }
    keys |= {key.replace("__", "."): value for key, value in values.items()}
    return Header(
        files=(),
        size=0,
        values={
            "general.architecture": architecture,
            **{f"{architecture}.{key}": value for key, value in keys.items()},
        },
        lengths={},
        tensors=tuple(Tensor(name, (32,), 8, 34) for name in names),
    )


def test_the_token_table_counts_only_where_it_is_the_output_table_too() -> None:
    untied = shape(("token_embd.weight", 100), ("output.weight", 90), ("output_norm.weight", 1))
    assert footprint(untied).dense == 91
    tied = shape(("token_embd.weight", 100), ("output_norm.weight", 1))
    assert footprint(tied).dense == 101


def test_tables_of_which_a_token_takes_one_row_do_not_count() -> None:
    model = shape(("output.weight", 1), ("per_layer_token_embd.weight", 50), ("position_embd.weight", 60))
    assert footprint(model).dense == 1


def test_prediction_blocks_do_not_count() -> None:
    model = shape(
        ("output.weight", 1),
        ("blk.0.attn_q.weight", 10),
        ("blk.1.attn_q.weight", 100),
        ("blk.1.nextn.eh_proj.weight", 1000),
        ("nextn.pre_projection.weight", 5000),
        prediction=1,
    )
    found = footprint(model)
    assert found.dense == 11
    assert found.caches == (Cache(keys=8, values=6, window=0),)


def test_shared_experts_count_in_full_and_routed_ones_apart() -> None:
    model = shape(
        ("output.weight", 1),
        ("blk.0.ffn_up_exps.weight", 800),
        ("blk.1.ffn_up_exps.weight", 800),
        ("blk.1.ffn_up_exps.bias", 80),
        ("blk.1.ffn_up_shexp.weight", 10),
        ("blk.1.ffn_up_chexps.weight", 20),
        ("blk.1.ffn_gate_inp.weight", 5),
        experts=8,
        used=2,
    )
    found = footprint(model)
    assert found.experts == (Experts(size=1680, count=8, used=2),)
    assert found.dense == 36
    assert found.weights == 1716


def test_experts_of_which_all_are_used_are_plain_weights() -> None:
    model = shape(("output.weight", 1), ("blk.0.ffn_up_exps.weight", 8), experts=4, used=4)
    assert (footprint(model).dense, footprint(model).experts) == (9, ())


def test_a_real_header_counts_every_tensor_once() -> None:
    header = read_header(demo_dir() / "demo-base.gguf")
    found = footprint(model_shape(header))
    sizes = {tensor.name: tensor.size for tensor in header.tensors}
    left_out = sizes["token_embd.weight"] if "output.weight" in sizes else 0
    assert found.weights == sum(sizes.values()) - left_out
    blocks, kv_heads = header.number("block_count"), header.number("attention.head_count_kv")
    head = header.number("embedding_length") // header.number("attention.head_count")
    assert found.caches == (Cache(keys=blocks * kv_heads * head, values=blocks * kv_heads * head, window=0),)
    assert found.approximations == ()


@pytest.mark.parametrize(
    ("architecture", "values", "windows"),
    [
        ("gpt-oss", {"attention__sliding_window": 128}, (128, 0, 128, 0)),
        ("gemma2", {}, (4096, 0, 4096, 0)),
        ("cohere2moe", {"attention__sliding_window": 9}, (0, 9, 9, 9)),
        ("olmo2", {}, (0, 0, 0, 0)),
        ("plamo3", {"attention__sliding_window": 9, "attention__sliding_window_pattern": 2}, (9, 0, 9, 0)),
        ("plamo3", {"attention__sliding_window": 9, "attention__sliding_window_pattern": 0}, (9, 9, 9, 9)),
        (
            "gemma4",
            {"attention__sliding_window": 9, "attention__sliding_window_pattern": (True, False, False, True)},
            (9, 0, 0, 9),
        ),
        # llama.cpp ignores the windows of these: it looks at everything.
        ("llama", {"attention__sliding_window": 4096}, (0, 0, 0, 0)),
        ("phi3", {"attention__sliding_window": 2047}, (0, 0, 0, 0)),
        ("exaone4", {"attention__sliding_window": 4096}, (0, 0, 0, 0)),
        # ... and has its own mind about these.
        ("llama4", {"attention__sliding_window": 5}, (8192, 8192, 8192, 0)),
        ("smallthinker", {"attention__sliding_window": 5}, (0, 4096, 4096, 4096)),
    ],
)
def test_windows(architecture: str, values: dict[str, Value], windows: tuple[int, ...]) -> None:
    found = model_shape(header(architecture, (), **values))
    assert tuple(layer.window for layer in found.layers) == windows


def test_each_block_has_its_own_heads_and_lengths() -> None:
    found = model_shape(
        header(
            "gemma4",
            attention__head_count_kv=(2, 1, 2, 0),
            attention__key_length=32,
            attention__value_length=24,
            attention__key_length_swa=16,
            attention__value_length_swa=8,
            attention__sliding_window=9,
            attention__sliding_window_pattern=(True, False, True, False),
        )
    )
    assert found.layers == (
        Layer(kv_heads=2, key_length=16, value_length=8, window=9),
        Layer(kv_heads=1, key_length=32, value_length=24),
        Layer(kv_heads=2, key_length=16, value_length=8, window=9),
        Layer(kv_heads=0, key_length=32, value_length=24),
    )
    assert footprint(found).caches == (
        Cache(keys=32, values=24, window=0),
        Cache(keys=64, values=32, window=9),
    )


def test_without_lengths_a_head_is_its_part_of_the_width() -> None:
    assert model_shape(header("llama", block_count=1)).layers == (Layer(kv_heads=2, key_length=16, value_length=16),)


def test_latent_attention_keeps_one_vector_and_is_approximate() -> None:
    found = model_shape(
        header(
            "deepseek2",
            attention__head_count_kv=1,
            attention__kv_lora_rank=512,
            attention__key_length=576,
            attention__value_length=512,
            attention__key_length_mla=192,
            attention__value_length_mla=128,
        )
    )
    assert footprint(found).caches == (Cache(keys=4 * 576, values=0, window=0),)
    assert any("latent attention" in reason for reason in footprint(found).approximations)


def test_recurrent_blocks_keep_state_instead_of_keys() -> None:
    names = (
        "output.weight",
        "blk.0.ssm_out.weight",
        "blk.0.attn_qkv.weight",
        "blk.1.attn_k.weight",
        "blk.2.ssm_out.weight",
        "blk.2.attn_k.weight",
        "blk.3.ffn_up.weight",
    )
    found = model_shape(header("qwen35", names, ssm__inner_size=100, ssm__state_size=8))
    assert [(layer.kv_heads, layer.state) for layer in found.layers] == [(0, 3200), (2, 0), (2, 3200), (2, 0)]
    assert footprint(found).state == 6400
    assert any("recurrent" in reason for reason in found.approximations)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (header("llama4"), "chunked"),
        (header("deepseek32", attention__indexer__top_k=2048), "sparse"),
        (header("grovemoe", ("blk.0.ffn_up_chexps.weight",)), "chunk experts"),
    ],
)
def test_what_is_not_exact_says_so(made: Header, says: str) -> None:
    assert any(says in reason for reason in model_shape(made).approximations)


def test_tensors_of_unknown_type_are_named_and_not_guessed() -> None:
    made = header("llama", ("output.weight",))
    strange = Header(made.files, 0, made.values, {}, (*made.tensors, Tensor("blk.0.attn_q.weight", (64,), 999, 0)))
    assert model_shape(strange).approximations == ("1 tensors have a type that is not known here and are not counted",)


def test_a_header_that_says_little_makes_a_shape_all_the_same() -> None:
    bare = Header((), 0, {}, {}, (Tensor("blk.7.ffn_up_exps.weight", (32,), 8, 34),))
    found = footprint(model_shape(bare))
    assert (found.caches, found.weights) == ((), 0)
