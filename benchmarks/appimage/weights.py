"""Random weights: drawn as the bytes that a GGUF file holds, without computing a single weight.

Layout of a block: ``ggml-common.h`` of llama.cpp.
"""

from __future__ import annotations

import math
import random
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from the_edge_agent.models.header import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PIECE = 8 * 2**20
"""Bytes drawn at a time."""


@dataclass(frozen=True, slots=True)
class Form:
    """How weights are stored, by the number of a type of ggml.

    Random bytes are random weights as soon as each block has sane scales. ``scales`` says where these F16 numbers lie, and what they are
    for weights of a standard deviation of 1. With ``minima`` a block also has 6-bit scales and minima, in twelve bytes after the two F16.
    """

    number: int
    scales: Mapping[int, float] = field(default_factory=dict)
    minima: bool = False

    @property
    def weights(self) -> int:
        """How many of them a block holds."""
        return BLOCKS[self.number][0]

    @property
    def size(self) -> int:
        """Bytes of a block."""
        return BLOCKS[self.number][1]


F32, F16 = Form(0), Form(1)
Q8_0 = Form(8, {0: 1 / 74})
Q3_K = Form(11, {108: 1 / 42})
Q4_K = Form(12, {0: 1 / 168, 2: 7.5 / 168}, minima=True)
Q5_K = Form(13, {0: 1 / 338, 2: 15.5 / 338}, minima=True)
Q6_K = Form(14, {208: 1 / 1366})


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; ``spread`` is the standard deviation of its weights, and those of a spread of 0 are all 1."""

    name: str
    dimensions: tuple[int, ...]
    form: Form
    spread: float

    @property
    def size(self) -> int:
        """In bytes."""
        return math.prod(self.dimensions) // self.form.weights * self.form.size


def draw(tensor: Tensor, seed: str) -> Iterator[bytes | bytearray]:
    """The bytes of a tensor, in pieces."""
    form, blocks = tensor.form, tensor.size // tensor.form.size
    if not tensor.spread:
        yield struct.pack("<f", 1) * blocks
        return
    source = random.Random(seed)  # noqa: S311 - weights, no secrets
    while blocks:
        count = min(blocks, PIECE // form.size)
        raw = bytearray(source.randbytes(count * form.size))
        if form.weights == 1:
            _set_exponents(raw, form, tensor.spread)
        else:
            _set_scales(raw, form, tensor.spread)
        yield raw
        blocks -= count


def _set_exponents(raw: bytearray, form: Form, spread: float) -> None:
    """Make random bytes floating-point numbers of either sign, from the power of two below ``spread`` up to the next one."""
    layout, free = {4: ("<f", (0x7F, 0x80)), 2: ("<e", (0xFF, 0x83))}[form.size]
    fixed = struct.pack(layout, 2.0 ** math.floor(math.log2(spread)))
    for offset, mask in zip((form.size - 2, form.size - 1), free, strict=True):
        raw[offset :: form.size] = raw[offset :: form.size].translate(bytes(fixed[offset] | byte & mask for byte in range(256)))


def _set_scales(raw: bytearray, form: Form, spread: float) -> None:
    """Give every block its scales, and minima by which its weights lie around 0."""
    blocks = len(raw) // form.size
    for offset, share in form.scales.items():
        for place, byte in enumerate(struct.pack("<e", spread * share), start=offset):
            raw[place :: form.size] = bytes([byte]) * blocks
    if not form.minima:
        return
    # Each of the eight minima becomes equal to its scale. In bytes 4 to 11 lie four scales, then four minima; 12 to 15 hold the low halves of the others.
    for place in range(4, 8):
        raw[place + 4 :: form.size] = raw[place :: form.size]
    twice = bytes(byte & 15 | (byte & 15) << 4 for byte in range(256))
    for place in range(12, 16):
        raw[place :: form.size] = raw[place :: form.size].translate(twice)
