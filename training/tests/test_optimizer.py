"""The update of the weights, and the schedule of its rates."""

from __future__ import annotations

import pytest

from training.tests.needs import pytorch

torch = pytorch()

from tea_training.optimizer import SEPARATE, Moments, Rates

RATES = Rates(muon=0.1, adam=0.01, warm_up=10, hold=0.5, decay=0.5)


def test_rates_rise_hold_and_fall() -> None:
    assert [RATES.factor(step, 0.0) for step in (0, 4, 9, 500)] == [0.1, 0.5, 1.0, 1.0]
    assert [RATES.factor(99, done) for done in (0.49, 0.5, 0.75, 0.9, 1.0)] == pytest.approx([1.0, 1.0, 0.5, 0.2, 0.01])


def test_every_matrix_of_a_stack_changes_by_an_orthogonal_one_and_decays() -> None:
    layers, width = 2, 32
    weights = {"qkv": torch.ones(layers, SEPARATE["qkv"] * width, width)}
    moments = Moments.of(weights)
    assert not moments.second
    gradient = torch.randn(weights["qkv"].shape, generator=torch.Generator().manual_seed(1))
    moments.update("qkv", weights["qkv"], gradient, RATES, factor=0.5, step=1)
    kept = 1 - RATES.muon * 0.5 * RATES.decay
    changes = ((kept - weights["qkv"]) / (RATES.muon * 0.5)).view(layers * SEPARATE["qkv"], width, width)
    strengths = torch.linalg.svdvals(changes)
    # Few steps towards an orthogonal matrix: singular values are near 1, where those of the gradient differ a hundredfold.
    assert strengths.median() == pytest.approx(1.0, abs=0.3)
    assert strengths.max() < 1.5
    slices = gradient.view(layers * SEPARATE["qkv"], width, width)
    assert bool(((changes * slices).sum((1, 2)) > 0).all())


def test_the_rest_changes_by_the_rate_in_the_first_step_whatever_the_gradient() -> None:
    weights = {"norm": torch.ones(4)}
    moments = Moments.of(weights)
    moments.update("norm", weights["norm"], torch.tensor([1e-3, -1e-3, 50.0, -50.0]), RATES, factor=1.0, step=1)
    assert weights["norm"].tolist() == pytest.approx([0.99, 1.01, 0.99, 1.01], abs=1e-5)
    moments.update("norm", weights["norm"], torch.zeros(4), RATES, factor=1.0, step=2)
    assert weights["norm"][0] < 0.99, "the mean of the gradients still points there"
