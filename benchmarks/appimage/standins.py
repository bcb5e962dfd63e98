"""Stand-ins for the big models: their architecture, tensors, size and vocabulary's length, with random weights that answer with noise.

    python benchmarks/appimage/standins.py [--small] [--plan] FOLDER [NAME...]

Writes GGUF files of the table of variants into FOLDER, or only those named; one that is there already is kept. Together they take 7.5 GB. There are
none of Qwen3.5 and Gemma 4, whose tensors nobody has written down here.
``--small`` gives files of 2 to 25 MB, of the same architectures and names; ``--plan`` only says how large they are. The same bytes every time,
on every machine.

The tokenizer and chat template are the built-in model's, with its vocabulary filled up to the length that the real one has.
"""

from __future__ import annotations

import argparse
import math
import os
import struct
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from appimage import metadata
from appimage.weights import F16, F32, Q3_K, Q4_K, Q5_K, Q6_K, Q8_0, Form, Tensor, draw

from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from appimage.metadata import Value

ALIGNMENT = 32
NORMAL_TOKEN = 1

PER_LAYER, LAUREL, OWN_CACHES = 256, 64, 20
"""What llama.cpp fixes for gemma3n: the width of a layer's own embedding, the rank of LAuReL, and how many layers have a cache of their own."""
STREAMS = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which form a matrix gets when a model is quantised: ``usual``, or by its name, some of them only ``often``."""

    file_type: int
    usual: Form
    named: Mapping[str, Form] = field(default_factory=dict)
    often: Mapping[str, Form] = field(default_factory=dict)


RECIPES = {
    "Q8_0": Recipe(7, Q8_0),
    "Q3_K_S": Recipe(11, Q3_K, {"token_embd": Q6_K}),
    "Q4_K_M": Recipe(15, Q4_K, {"token_embd": Q6_K, "per_layer_token_embd": Q5_K}, {"attn_v": Q6_K, "ffn_down": Q6_K}),
}
NEVER_QUANTISED = {
    **dict.fromkeys(("altup_correct_coef", "altup_predict_coef", "altup_router"), F32),
    **dict.fromkeys(("altup_proj", "altup_unembd_proj", "per_layer_model_proj", "inp_gate", "laurel_l", "laurel_r"), F16),
}
MIXING = 0.05
"""Standard deviation of the small matrices that mix the streams of gemma3n: more of it grows from layer to layer until it overflows."""

_GEMMA3 = {
    "attn_norm": "width",
    "attn_q": "width queries",
    "attn_k": "width keys",
    "attn_v": "width keys",
    "attn_output": "queries width",
    "attn_q_norm": "head",
    "attn_k_norm": "head",
    "post_attention_norm": "width",
    "ffn_norm": "width",
    "ffn_gate": "width hidden",
    "ffn_up": "width hidden",
    "ffn_down": "hidden width",
    "post_ffw_norm": "width",
}
_GEMMA3N = {
    "inp_gate": "width per_layer",
    "proj": "per_layer width",
    "post_norm": "width",
    "altup_correct_coef": "streams streams",
    "altup_correct_scale": "width",
    "altup_predict_coef": "streams pairs",
    "altup_router": "width streams",
    "altup_router_norm": "width",
    "laurel_l": "width laurel",
    "laurel_r": "laurel width",
    "laurel_post_norm": "width",
}
_PHI3 = {
    "attn_norm": "width",
    "attn_qkv": "width fused",
    "attn_output": "queries width",
    "ffn_norm": "width",
    "ffn_up": "width gated",
    "ffn_down": "hidden width",
}
LAYER = {"gemma3": _GEMMA3, "gemma3n": _GEMMA3 | _GEMMA3N, "phi3": _PHI3}
"""Architecture → the tensors of a layer → their dimensions as ggml counts them: what a row holds comes first."""
WHOLE = {
    "gemma3": {"token_embd": "width vocabulary", "output_norm": "width"},
    "gemma3n": {
        "token_embd": "width vocabulary",
        "output_norm": "width",
        "altup_proj": "width width others",
        "altup_unembd_proj": "width width others",
        "per_layer_token_embd": "per_layers vocabulary",
        "per_layer_model_proj": "width per_layers",
        "per_layer_proj_norm": "per_layer",
    },
    "phi3": {"token_embd": "width vocabulary", "output_norm": "width", "rope_factors_long": "turns", "rope_factors_short": "turns"},
}
"""The same for the tensors that a model has once."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model looks like; ``rotated`` counts the numbers of a head that tell the position."""

    file_name: str
    architecture: str
    recipe: str
    layers: int
    width: int
    hidden: int
    heads: int
    key_heads: int
    head: int
    rotated: int
    vocabulary: int
    context: int

    def dimensions(self) -> dict[str, int]:
        """Every word of the tables of tensors."""
        queries, keys = self.heads * self.head, self.key_heads * self.head
        return {
            "width": self.width,
            "hidden": self.hidden,
            "gated": 2 * self.hidden,
            "head": self.head,
            "queries": queries,
            "keys": keys,
            "fused": queries + 2 * keys,
            "turns": self.rotated // 2,
            "vocabulary": self.vocabulary,
            "per_layer": PER_LAYER,
            "per_layers": PER_LAYER * self.layers,
            "laurel": LAUREL,
            "streams": STREAMS,
            "others": STREAMS - 1,
            "pairs": STREAMS**2,
        }

    def tensors(self) -> Iterator[Tensor]:
        """In the order of the file."""
        for name, words in WHOLE[self.architecture].items():
            yield self._tensor(name, words, None)
        for layer in range(self.layers):
            for name, words in LAYER[self.architecture].items():
                yield self._tensor(name, words, layer)

    def _tensor(self, name: str, words: str, layer: int | None) -> Tensor:
        sizes = self.dimensions()
        dimensions = tuple(sizes[word] for word in words.split())
        full = f"{name}.weight" if layer is None else f"blk.{layer}.{name}.weight"
        if len(dimensions) == 1:
            return Tensor(full, dimensions, F32, 0)
        return Tensor(full, dimensions, self._form(name, layer), MIXING if name.endswith("_coef") else dimensions[0] ** -0.5)

    def _form(self, name: str, layer: int | None) -> Form:
        recipe = RECIPES[self.recipe]
        if name in NEVER_QUANTISED:
            return NEVER_QUANTISED[name]
        if layer is not None and name in recipe.often:
            # llama.cpp's use_more_bits: the first and the last eighth of the layers, and every third one between.
            eighth = self.layers // 8
            if layer < eighth or layer >= 7 * self.layers // 8 or (layer - eighth) % 3 == 2:  # noqa: PLR2004 - the rule as it stands there
                return recipe.often[name]
        return recipe.named.get(name, recipe.usual)

    def metadata(self) -> dict[str, Value]:
        """What the file says about itself, the tokenizer left out."""
        own: dict[str, Value] = {
            "context_length": self.context,
            "embedding_length": self.width,
            "block_count": self.layers,
            "feed_forward_length": self.hidden,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.key_heads,
            "attention.layer_norm_rms_epsilon": 1e-5 if self.architecture == "phi3" else 1e-6,
        }
        if self.architecture == "phi3":
            trained = 4096
            own |= {
                "rope.dimension_count": self.rotated,
                "rope.freq_base": 10_000.0,
                "rope.scaling.original_context_length": trained,
                "rope.scaling.attn_factor": math.sqrt(1 + math.log(self.context / trained) / math.log(trained)),
            }
        else:
            own |= {
                "attention.key_length": self.head,
                "attention.value_length": self.head,
                "attention.sliding_window": 512,
                "rope.freq_base": 1_000_000.0,
            }
        if self.architecture == "gemma3n":
            sparse = 10
            own |= {
                "feed_forward_length": [self.hidden] * self.layers,
                "attention.shared_kv_layers": self.layers - OWN_CACHES,
                "attention.sliding_window_pattern": [layer % 5 != 4 for layer in range(self.layers)],  # noqa: PLR2004 - every fifth sees all
                "embedding_length_per_layer_input": PER_LAYER,
                "altup.active_idx": 0,
                "altup.num_inputs": STREAMS,
                # 95 % of the first layers' hidden numbers are nought: the standard deviations that this quantile lies above the mean.
                "activation_sparsity_scale": [1.6448533535003662] * sparse + [-math.inf] * (self.layers - sparse),
            }
        return {
            "general.architecture": self.architecture,
            "general.type": "model",
            "general.name": f"stand-in for {self.file_name.removesuffix('.gguf')}",
            "general.description": "random weights, to try out what does not depend on the answer",
            "general.file_type": RECIPES[self.recipe].file_type,
            "general.quantization_version": 2,
            **{f"{self.architecture}.{key}": value for key, value in own.items()},
        }


BIG = (
    Shape(
        "gemma-3n-E4B-it-Q4_K_M.gguf",
        "gemma3n",
        "Q4_K_M",
        layers=35,
        width=2048,
        hidden=16384,
        heads=8,
        key_heads=2,
        head=256,
        rotated=256,
        vocabulary=262_144,
        context=32_768,
    ),
    Shape(
        "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf",
        "phi3",
        "Q3_K_S",
        layers=32,
        width=3072,
        hidden=8192,
        heads=24,
        key_heads=8,
        head=128,
        rotated=96,
        vocabulary=200_064,
        context=131_072,
    ),
    Shape(
        "gemma-3-1b-it-Q8_0.gguf",
        "gemma3",
        "Q8_0",
        layers=26,
        width=1152,
        hidden=6912,
        heads=4,
        key_heads=1,
        head=256,
        rotated=256,
        vocabulary=262_144,
        context=32_768,
    ),
)


def small(shape: Shape) -> Shape:
    """A model of the same kind, just large enough for llama.cpp's rules about it."""
    layers = OWN_CACHES + 1 if shape.architecture == "gemma3n" else 6
    return replace(shape, layers=layers, width=256, hidden=512, heads=4, key_heads=2, head=64, rotated=48, vocabulary=2304)


def tokenizer(vocabulary: int) -> dict[str, Value]:
    """The built-in model's, with ``vocabulary`` tokens."""
    found = {key: value for key, value in metadata.read(builtin.path()).items() if key.startswith("tokenizer.")}
    tokens, kinds = found["tokenizer.ggml.tokens"], found["tokenizer.ggml.token_type"]
    assert isinstance(tokens, list)  # noqa: S101 - what every tokenizer is
    assert isinstance(kinds, list)  # noqa: S101 - what every tokenizer is
    missing = vocabulary - len(tokens)
    if missing < 0:
        message = f"the built-in model has {len(tokens)} tokens already, {vocabulary} are wanted"
        raise ValueError(message)
    more: dict[str, Value] = {
        # Ordinary tokens, so that the noise can be seen.
        "tokenizer.ggml.tokens": [*map(str, tokens), *(f"<unused{number}>" for number in range(missing))],
        "tokenizer.ggml.token_type": [*map(int, kinds), *[NORMAL_TOKEN] * missing],
    }
    return found | more


def _padding(size: int) -> int:
    return -size % ALIGNMENT


def head(shape: Shape, tensors: Sequence[Tensor]) -> bytes:
    """All of the file before the weights."""
    described = shape.metadata() | tokenizer(shape.vocabulary)
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(described))]
    parts += [metadata.text(key) + metadata.encoded(value) for key, value in described.items()]
    offset = 0
    for tensor in tensors:
        count = len(tensor.dimensions)
        parts.append(metadata.text(tensor.name) + struct.pack(f"<I{count}QIQ", count, *tensor.dimensions, tensor.form.number, offset))
        offset += tensor.size + _padding(tensor.size)
    written = b"".join(parts)
    return written + bytes(_padding(len(written)))


def size(shape: Shape) -> int:
    """Bytes that the file of ``shape`` has, without writing it."""
    tensors = list(shape.tensors())
    return len(head(shape, tensors)) + sum(tensor.size + _padding(tensor.size) for tensor in tensors)


def write(shape: Shape, folder: Path) -> None:
    """Write the file of ``shape`` into ``folder``, where it has its name only when it is whole."""
    tensors = list(shape.tensors())
    part = folder / f"{shape.file_name}.part"
    try:
        with part.open("wb") as file:
            # A disk without the room says so now.
            os.posix_fallocate(file.fileno(), 0, size(shape))
            file.write(head(shape, tensors))
            for tensor in tensors:
                file.writelines(draw(tensor, f"{shape.file_name}/{tensor.name}"))
                file.write(bytes(_padding(tensor.size)))
        part.replace(folder / shape.file_name)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    """Write what is missing, and say so."""
    names = [shape.file_name for shape in BIG]
    parser = argparse.ArgumentParser(description="Write stand-ins for the big models: their architecture and size, random weights.")
    parser.add_argument("--small", action="store_true", help="of 2 to 25 MB")
    parser.add_argument("--plan", action="store_true", help="say how large they are and write nothing")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(names)}")
    given = parser.parse_args()
    unknown = set(given.names) - set(names)
    if unknown:
        parser.error(f"there is no stand-in for {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    for shape in BIG:
        if not given.names or shape.file_name in given.names:
            wanted = small(shape) if given.small else shape
            path = given.folder / shape.file_name
            print(f"{path}: {size(wanted):,} bytes" if given.plan else _written(wanted, path), flush=True)


def _written(shape: Shape, path: Path) -> str:
    if path.exists():
        return f"{path}: is there"
    start = time.perf_counter()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(shape, path.parent)
    except OSError as problem:
        sys.exit(f"{path} cannot be written: {problem.strerror} ({size(shape):,} bytes are needed)")
    return f"{path}: {path.stat().st_size:,} bytes, {time.perf_counter() - start:.0f} s"


if __name__ == "__main__":
    main()
