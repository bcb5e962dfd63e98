"""How weights change: Muon for matrices (orthogonalized momentum), Adam for the rest, by a schedule of rates."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tea_training.model import MATRICES, Tensor, Weights

SEPARATE = {"qkv": 3, "gate_up": 2}
"""How many matrices a stacked weight holds in one layer; each is orthogonalized by itself."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast a network learns: ``muon`` for matrices, ``adam`` for the rest, both full after ``warm_up`` steps.

    They stay so for the share ``hold`` of the training, then they fall linearly. ``decay`` is what matrices lose at a rate of 1.
    """

    muon: float
    adam: float
    warm_up: int
    hold: float = 0.4
    decay: float = 0.02

    def factor(self, step: int, done: float) -> float:
        """What the rates are multiplied by in ``step`` (from 0), when the share ``done`` of the training is over."""
        return min(1.0, (step + 1) / self.warm_up) * (1.0 if done < self.hold else max(0.01, (1 - done) / (1 - self.hold)))


@dataclass(slots=True)
class Moments:
    """The memory of the update: a mean of the gradients for every weight, and of their squares where Adam works."""

    first: Weights
    second: Weights

    @classmethod
    def of(cls, weights: Weights) -> Moments:
        """Those of ``weights`` that have not changed yet."""
        return cls(
            {name: torch.zeros_like(weight) for name, weight in weights.items()},
            {name: torch.zeros_like(weight) for name, weight in weights.items() if name not in MATRICES},
        )

    @torch.no_grad()  # type: ignore[untyped-decorator, unused-ignore]
    def update(self, name: str, weight: Tensor, gradient: Tensor, rates: Rates, *, factor: float, step: int) -> None:
        """Change ``weight`` in place, which these moments know as ``name``; both tensors are 32-bit floats, ``step`` counts from 1."""
        first = self.first[name]
        if name in MATRICES:
            first.lerp_(gradient, 0.05)
            change = _orthogonal(gradient.lerp(first, 0.95), SEPARATE.get(name, 1))
            weight.mul_(1 - rates.muon * factor * rates.decay).sub_(change, alpha=rates.muon * factor)
            return
        second = self.second[name]
        first.lerp_(gradient, 0.1)
        second.lerp_(gradient.square(), 0.05)
        weight.sub_(first / (1 - 0.9**step) / ((second / (1 - 0.95**step)).sqrt() + 1e-8), alpha=rates.adam * factor)


def _orthogonal(gradient: Tensor, separate: int) -> Tensor:
    """The nearest semi-orthogonal matrices by Newton-Schulz steps (Jordan et al., Muon, 2024), scaled for their shape."""
    layers, rows, columns = gradient.shape
    x = gradient.bfloat16().view(layers * separate, rows // separate, columns)
    tall = x.size(-2) > x.size(-1)
    x = x.mT.contiguous() if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(4):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    x = x.mT if tall else x
    scale: float = max(1.0, rows / separate / columns) ** 0.5
    return x.reshape(layers, rows, columns).float() * scale
