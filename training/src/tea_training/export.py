"""From weights and tokenizer to GGUF files that llama.cpp runs: F16 to compare, Q8_0 to ship."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch

from tea_training import VERSION
from tea_training.model import EPSILON, Shape, Tensor
from tea_training.tokenizer import CONTROL, MARKUP, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).with_name("template.jinja")
FORMATS = {"F16": 1, "Q8_0": 7}
"""Format → ``general.file_type``."""


def export(weights: Path, tokenizer: Path, out: Path, *, seed: int) -> dict[str, Path]:
    """Write ``tiny-chat-F16.gguf`` and ``tiny-chat-Q8_0.gguf`` into ``out``; returns their paths by format."""
    saved = torch.load(weights, weights_only=True, map_location="cpu")
    shape, learned = Shape(**saved["shape"]), Tokenizer.load(tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    paths = {kind: out / f"tiny-chat-{kind}.gguf" for kind in FORMATS}
    for kind, path in paths.items():
        _write(path, kind, shape, saved["master"], learned, seed)
        print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
    return paths


def _write(path: Path, kind: str, shape: Shape, weights: dict[str, Tensor], tokenizer: Tokenizer, seed: int) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    about = "A tiny demo chat model, trained from scratch on a generated corpus"
    describe(writer, "The Edge Agent tiny chat", about, kind=kind, shape=shape, seed=seed)
    add_tokenizer(writer, tokenizer)
    writer.add_chat_template(TEMPLATE.read_text(encoding="utf-8").strip())
    finish(writer, kind, shape, weights)


def finish(writer: Any, kind: str, shape: Shape, weights: dict[str, Tensor]) -> None:
    """Add every tensor in the format ``kind`` (vectors stay as they are) and write the file."""
    for name, tensor in _tensors(shape, weights):
        array = tensor.float().numpy()
        if array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        elif kind == "F16":
            writer.add_tensor(name, array.astype(np.float16))
        else:
            form = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(array), form), raw_dtype=form)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(writer: Any, name: str, description: str, *, kind: str, shape: Shape, seed: int) -> None:
    """Say what the file is, where it comes from and what its network looks like."""
    writer.add_name(name)
    writer.add_description(description)
    writer.add_license("MIT")
    writer.add_version(VERSION)
    writer.add_languages(["en"])
    writer.add_string("tea.recipe", f"training {VERSION}, seed {seed}")
    writer.add_string("tea.corpus", f"generated, version {VERSION}")
    writer.add_file_type(FORMATS[kind])
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_dimension_count(shape.head)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_vocab_size(shape.vocabulary)


def add_tokenizer(writer: Any, tokenizer: Tokenizer) -> None:
    """Add the vocabulary and how texts become tokens of it."""
    special = {**dict.fromkeys(CONTROL, gguf.TokenType.CONTROL), **dict.fromkeys(MARKUP, gguf.TokenType.USER_DEFINED)}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types([int(special.get(token, gguf.TokenType.NORMAL)) for token in tokenizer.tokens])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.ids["<|im_start|>"])
    writer.add_eos_token_id(tokenizer.ids["<|im_end|>"])
    writer.add_eot_token_id(tokenizer.ids["<|im_end|>"])
    writer.add_pad_token_id(tokenizer.ids["<|endoftext|>"])
    writer.add_add_bos_token(False)  # noqa: FBT003 - the library's way
    writer.add_add_eos_token(False)  # noqa: FBT003 - the library's way


def _tensors(shape: Shape, weights: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor by llama.cpp's name."""
    yield "token_embd.weight", weights["embedding"]
    yield "output_norm.weight", weights["norm"]
    for layer in range(shape.layers):
        q, k, v = weights["qkv"][layer].chunk(3)
        gate, up = weights["gate_up"][layer].chunk(2)
        named = {
            "attn_norm": torch.ones(shape.width),
            "ffn_norm": torch.ones(shape.width),
            "attn_q": _interleaved(q, shape),
            "attn_k": _interleaved(k, shape),
            "attn_v": v,
            "attn_output": weights["out"][layer],
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": weights["down"][layer],
        }
        yield from ((f"blk.{layer}.{name}.weight", tensor) for name, tensor in named.items())


def _interleaved(rows: Tensor, shape: Shape) -> Tensor:
    """llama.cpp rotates neighbours (2i, 2i+1) where the training rotates halves (i, i + head / 2)."""
    return rows.view(shape.heads, 2, shape.head // 2, -1).transpose(1, 2).reshape(rows.shape)
