"""The second model: texts → vectors, so that what belongs together lies close together.

The chat model's network, smaller, seeing both ways, its last layer averaged over the text and brought to length one. It
learns from :mod:`tea_training.corpus.pairs`: in a batch every text has to find its partner among all others (InfoNCE; van den
Oord et al., 2018). Names are mostly invented and never tokens, so the network has to compare spellings.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import gguf
import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it

from tea_training.corpus import pairs
from tea_training.corpus.draw import Draw
from tea_training.export import FORMATS, add_tokenizer, describe, finish
from tea_training.model import MATRICES, Shape, Tensor, Weights, block, initial, rms_norm, rotations
from tea_training.optimizer import Moments, Rates
from tea_training.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "tiny-embed"
SIZES = {"width": 192, "layers": 3, "heads": 3, "hidden": 512, "context": 1024}
"""1.7 million parameters, 1.9 MB as Q8_0."""

STEEPNESS = 20.0
"""Cosines are multiplied by this before the softmax: 0.2 less similar means e^4 times less likely."""

LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
"""Lengths that rows are filled up to."""
RATES = Rates(muon=0.02, adam=3e-3, warm_up=50)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: ``steps`` of ``pairs`` pairs each, or for ``minutes`` of wall time. ``out`` takes weights and log."""

    out: Path
    tokenizer: Path
    seed: int = 1
    steps: int = 1500
    minutes: float | None = None
    pairs: int = 128
    device: str = "cpu"
    rate: float = 1.0

    @property
    def result(self) -> Path:
        """The weights."""
        return self.out / "embedding.pt"


class Encoder:
    """The forward pass for one shape."""

    def __init__(self, shape: Shape, device: str = "cpu") -> None:
        self.shape = shape
        self._device = device
        self._cosine, self._sine = rotations(shape, device)

    def vectors(self, weights: Weights, texts: Sequence[Sequence[int]]) -> Tensor:
        """The unit vectors of ``texts`` (tokens, at least one and at most the context), in their order."""
        rows: dict[int, list[int]] = {}
        for number, tokens in enumerate(texts):
            rows.setdefault(next(length for length in LENGTHS if len(tokens) <= length), []).append(number)
        parts = [self._part(weights, [texts[number] for number in numbers], length) for length, numbers in rows.items()]
        order = torch.tensor([number for numbers in rows.values() for number in numbers], device=self._device)
        return torch.cat(parts)[torch.argsort(order)]

    def _part(self, weights: Weights, texts: list[Sequence[int]], length: int) -> Tensor:
        ids = torch.tensor([[*tokens, *[0] * (length - len(tokens))] for tokens in texts], device=self._device)
        sizes = torch.tensor([len(tokens) for tokens in texts], device=self._device)
        inside = torch.arange(length, device=self._device)[None] < sizes[:, None]
        # Nothing looks at the filling; on a GPU the fused attention would not take a mask, so plain products run there too.
        mask = torch.zeros(inside.shape, device=self._device).masked_fill(~inside, float("-inf"))
        mask = mask[:, None].repeat_interleave(self.shape.heads, 0)
        x = F.embedding(ids, weights["embedding"])
        cosine, sine = self._cosine[:, :length], self._sine[:, :length]
        for qkv, out, gate_up, down in zip(*(weights[name].unbind(0) for name in MATRICES), strict=True):
            x = block(x, qkv, out, gate_up, down, cosine, sine, mask, self.shape.heads)
        x = (rms_norm(x) * weights["norm"]).float() * inside[..., None]
        return F.normalize(x.sum(1), dim=-1)


def loss_of(batch: Sequence[pairs.Pair], first: Tensor, second: Tensor) -> Tensor:
    """How badly texts find their partners, both ways; what fits as well is no wrong answer."""
    wrong = torch.tensor([[i == j or not pairs.fits(one, other) for j, other in enumerate(batch)] for i, one in enumerate(batch)])
    scores = (STEEPNESS * first @ second.T).masked_fill(~wrong.to(first.device), float("-inf"))
    right = torch.arange(len(batch), device=first.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def train(plan: Plan) -> Path:
    """Train by ``plan``; returns the file of the weights. On a processor PyTorch has one thread from then on."""
    if plan.device == "cpu":
        # With more, every operation waits for the slowest of them, a hundred times longer where others use the machine.
        torch.set_num_threads(1)
    tokenizer = Tokenizer.load(plan.tokenizer)
    shape = Shape(len(tokenizer.tokens), **SIZES)
    print(f"{shape.parameters:,} parameters on {plan.device}, torch {torch.__version__}", flush=True)
    learner = _Learner(plan, shape)
    draw, begun, seen = Draw(plan.seed * 1_000_003 + 7), time.monotonic(), 0
    step, done, losses, due = 0, 0.0, [], 10.0
    plan.out.mkdir(parents=True, exist_ok=True)
    with (plan.out / "embedding.jsonl").open("w", encoding="utf-8") as log:
        while done < 1:
            batch = pairs.batch(draw, plan.pairs)
            texts = [tokenizer.encode(text)[: shape.context] for pair in batch for text in (pair.first, pair.second)]
            losses.append(learner.step(batch, texts, step, done))
            step, seen = step + 1, seen + sum(map(len, texts))
            seconds = time.monotonic() - begun
            done = seconds / (plan.minutes * 60) if plan.minutes else step / plan.steps
            if seconds > due or done >= 1:
                entry = {"step": step, "done": round(min(1.0, done), 3), "seconds": round(seconds, 1), "tokens": seen}
                entry |= {"tokens_per_second": round(seen / seconds), "loss": round(float(torch.stack(losses[-50:]).mean()), 4)}
                print("  ".join(f"{key} {value}" for key, value in entry.items()), flush=True)
                log.write(json.dumps(entry) + "\n")
                due = seconds + 20
    torch.save(
        {"shape": asdict(shape), "seed": plan.seed, "master": {key: w.half().cpu() for key, w in learner.master.items()}}, plan.result
    )
    return plan.result


class _Learner:
    """The weights and what changes them, as for the chat model."""

    def __init__(self, plan: Plan, shape: Shape) -> None:
        self.plan = plan
        self.encoder = Encoder(shape, plan.device)
        self.master = {name: weight.to(plan.device) for name, weight in initial(shape, plan.seed).items()}
        self.moments = Moments.of(self.master)

    def step(self, batch: Sequence[pairs.Pair], texts: list[list[int]], step: int, done: float) -> Tensor:
        leaves = {name: weight.bfloat16().requires_grad_() for name, weight in self.master.items()}
        vectors = self.encoder.vectors(leaves, texts)
        loss = loss_of(batch, vectors[0::2], vectors[1::2])
        loss.backward()
        factor = self.plan.rate * RATES.factor(step, done)
        for name, leaf in leaves.items():
            self.moments.update(name, self.master[name], leaf.grad.float(), RATES, factor=factor, step=step + 1)
        return loss.detach()


def export(weights: Path, tokenizer: Path, out: Path) -> dict[str, Path]:
    """Write ``tiny-embed-F16.gguf`` and ``tiny-embed-Q8_0.gguf`` into ``out``; returns their paths by format."""
    saved = torch.load(weights, weights_only=True, map_location="cpu")
    shape, learned = Shape(**saved["shape"]), Tokenizer.load(tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    paths = {kind: out / f"{NAME}-{kind}.gguf" for kind in FORMATS}
    for kind, path in paths.items():
        # llama's tensors, but every token sees all others.
        writer: Any = gguf.GGUFWriter(path, "llama-embed")
        about = "A tiny demo embedding model, trained from scratch on a generated corpus"
        describe(writer, "The Edge Agent tiny embed", about, kind=kind, shape=shape, seed=saved["seed"])
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        writer.add_causal_attention(False)  # noqa: FBT003 - the library's way
        add_tokenizer(writer, learned)
        finish(writer, kind, shape, saved["master"])
        print(f"{path}: {path.stat().st_size:,} bytes", flush=True)
    return paths
