"""A finished GGUF read back: the weights as the training has them, to compare with llama.cpp or to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
import torch

from tea_training.model import Shape, Tensor, Weights
from tea_training.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def read(model: Path) -> tuple[Shape, Weights]:
    """Shape and 32-bit weights of ``model``; undoes what the export did to them, but for what quantizing lost."""
    reader = gguf.GGUFReader(model)

    def number(key: str) -> int:
        return int(reader.fields[f"llama.{key}"].parts[-1][0])

    tensors = {each.name: torch.from_numpy(gguf.quants.dequantize(each.data, each.tensor_type).copy()) for each in reader.tensors}
    embedding = tensors["token_embd.weight"]
    shape = Shape(
        embedding.shape[0],
        width=embedding.shape[1],
        layers=number("block_count"),
        heads=number("attention.head_count"),
        hidden=number("feed_forward_length"),
        context=number("context_length"),
    )

    def stacked(*names: str) -> Tensor:
        layers: list[Tensor] = []
        for layer in range(shape.layers):
            parts = [tensors[f"blk.{layer}.{name}.weight"] for name in names]
            layers.append(
                torch.cat([_halves(part, shape) if name in {"attn_q", "attn_k"} else part for name, part in zip(names, parts, strict=True)])
            )
        return torch.stack(layers)

    return shape, {
        "embedding": embedding,
        "norm": tensors["output_norm.weight"],
        "qkv": stacked("attn_q", "attn_k", "attn_v"),
        "out": stacked("attn_output"),
        "gate_up": stacked("ffn_gate", "ffn_up"),
        "down": stacked("ffn_down"),
    }


def tokenizer(model: Path) -> Tokenizer:
    """The tokenizer of ``model``."""
    merges: Any = gguf.GGUFReader(model).fields["tokenizer.ggml.merges"]
    pairs = (bytes(merges.parts[index]).decode().split(" ") for index in merges.data)
    return Tokenizer([(left, right) for left, right in pairs])


def _halves(rows: Tensor, shape: Shape) -> Tensor:
    """The rotated neighbours of llama.cpp (2i, 2i + 1) as the halves (i, i + head / 2) of the training."""
    return rows.view(shape.heads, shape.head // 2, 2, -1).transpose(1, 2).reshape(rows.shape)
