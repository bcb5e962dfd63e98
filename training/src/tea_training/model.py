"""The network: llama's architecture as pure functions on stacked weights.

A norm has no gain of its own (except the last): it would only repeat the scale of the matrix behind it. The export
writes ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it

Tensor = Any
"""``torch.Tensor``; PyTorch is no dependency of the type checks."""

Weights = dict[str, Tensor]
MATRICES = ("qkv", "out", "gate_up", "down")
"""Weights that hold one matrix a layer, stacked along their first dimension."""

EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network; ``width`` = ``heads`` x 64."""

    vocabulary: int
    width: int = 256
    layers: int = 6
    heads: int = 4
    hidden: int = 768
    context: int = 2048
    rope_base: float = 10_000.0

    @property
    def head(self) -> int:
        """Size of one head."""
        return self.width // self.heads

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight."""
        d, f, n = self.width, self.hidden, self.layers
        return {
            "embedding": (self.vocabulary, d),
            "norm": (d,),
            "qkv": (n, 3 * d, d),
            "out": (n, d, d),
            "gate_up": (n, 2 * f, d),
            "down": (n, d, f),
        }

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(map(math.prod, self.sizes().values()))


def initial(shape: Shape, seed: int) -> Weights:
    """Random weights in 32-bit floats on the processor."""
    generator = torch.Generator().manual_seed(seed)
    scale = {"embedding": 0.05, "qkv": shape.width**-0.5, "gate_up": shape.width**-0.5}
    scale["out"] = shape.width**-0.5 / math.sqrt(2 * shape.layers)
    scale["down"] = shape.hidden**-0.5 / math.sqrt(2 * shape.layers)
    return {
        name: torch.ones(size) if name == "norm" else torch.randn(size, generator=generator) * scale[name]
        for name, size in shape.sizes().items()
    }


def rms_norm(x: Tensor) -> Tensor:
    """``x`` with its last dimension scaled to a mean square of one."""
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)).to(x.dtype)


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    left, right = x.float().chunk(2, -1)
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), -1).to(x.dtype).transpose(1, 2)


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    # On a processor the backward pass of plain products is several times faster than the fused one's.
    batch, heads, length, head = q.shape
    q, k, v = (each.reshape(batch * heads, length, head) for each in (q, k, v))
    scores = torch.bmm(q, k.transpose(1, 2)).float() * head**-0.5 + mask
    return torch.bmm(torch.softmax(scores, -1).to(v.dtype), v).view(batch, heads, length, head)


def block(  # noqa: PLR0917 - compiled, so everything it needs comes as an argument
    x: Tensor, qkv: Tensor, out: Tensor, gate_up: Tensor, down: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor, heads: int
) -> Tensor:
    """One layer: attention, then the gated network, each added to ``x``."""
    batch, length, width = x.shape
    q, k, v = F.linear(rms_norm(x), qkv).view(batch, length, 3, heads, width // heads).unbind(2)
    mixed = _attention(_rotated(q, cosine, sine), _rotated(k, cosine, sine), v.transpose(1, 2), mask)
    x = x + F.linear(mixed.transpose(1, 2).reshape(batch, length, width), out)
    gate, up = F.linear(rms_norm(x), gate_up).chunk(2, -1)
    return x + F.linear(F.silu(gate.float()).to(x.dtype) * up, down)


def rotations(shape: Shape, device: str) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angles (RoPE) by which the heads turn: 1 x context x 1 x half a head, for every position."""
    speed = shape.rope_base ** (-torch.arange(0, shape.head, 2).float() / shape.head)
    angles = torch.outer(torch.arange(shape.context).float(), speed)
    return angles.cos()[None, :, None].to(device), angles.sin()[None, :, None].to(device)


class Network:
    """The forward pass for one shape; ``layer`` is :func:`block`, compiled or not."""

    def __init__(self, shape: Shape, device: str = "cpu", layer: Any = block) -> None:
        self.shape = shape
        self._layer = layer
        self._device = device
        self._cosine, self._sine = rotations(shape, device)
        self._tables: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def hidden(self, weights: Weights, ids: Tensor, chosen: Tensor | None = None) -> Tensor:
        """What the last norm gives for ``ids`` (batch x length), for all positions or the flat ones in ``chosen``."""
        length = ids.shape[1]
        if length not in self._tables:
            mask = torch.full((length, length), float("-inf"), device=self._device).triu(1)
            self._tables[length] = self._cosine[:, :length].contiguous(), self._sine[:, :length].contiguous(), mask
        x = F.embedding(ids, weights["embedding"])
        for matrices in zip(*(weights[name].unbind(0) for name in MATRICES), strict=True):
            x = self._layer(x, *matrices, *self._tables[length], self.shape.heads)
        if chosen is not None:
            x = x.reshape(-1, self.shape.width)[chosen]
        return rms_norm(x) * weights["norm"]

    def logits(self, weights: Weights, ids: Tensor, chosen: Tensor | None = None) -> Tensor:
        """Scores of the next token, in 32-bit floats."""
        return F.linear(self.hidden(weights, ids, chosen), weights["embedding"]).float()
