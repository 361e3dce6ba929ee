"""Writing the network and its tokenizer as a GGUF file."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from bpe import SPECIALS, Tokenizer
from net import Net

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML, in Jinja."""


def write_gguf(
    path: Path, net: Net, tokenizer: Tokenizer, name: str, description: str, *, quantize: bool = True
) -> None:
    """Write one model.

    Args:
        path: Where to; replaced if it is there.
        net: The trained network.
        tokenizer: Its tokenizer.
        name: For general.name.
        description: For general.description.
        quantize: Q8_0 matrices (norms stay F32); else everything F32, to compare numbers exactly.
    """
    shape = net.shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_description(description)
    writer.add_license("mit")
    writer.add_languages(["zh"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if quantize else gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocab)
    tokens = tokenizer.gguf_tokens()
    ordinary, control = int(gguf.TokenType.NORMAL), int(gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if i < len(SPECIALS) else ordinary for i in range(len(tokens))])
    writer.add_token_merges(tokenizer.gguf_merges())
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(tokenizer.eos)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    for tensor, weight in net.named_parameters():
        values = weight.detach().numpy().astype(np.float32)
        if quantize and values.ndim == 2:
            packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(tensor, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
