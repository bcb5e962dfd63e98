"""A few steps of the embedding model's real line: train, export, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.tests.needs import pytorch

torch = pytorch()

from tea_training import embedding, retrieval
from tea_training.corpus import pairs
from tea_training.corpus.draw import Draw
from tea_training.corpus.pairs import Pair
from tea_training.tokenizer import train as learn

if TYPE_CHECKING:
    from pathlib import Path


def test_a_few_steps_of_the_real_line(tmp_path: Path) -> None:
    texts = [text for pair in pairs.batch(Draw(9), 1500) for text in (pair.first, pair.second)]
    tokenizer = learn(texts)
    tokenizer.save(tmp_path / "tokenizer.json")
    plan = embedding.Plan(tmp_path, tmp_path / "tokenizer.json", steps=6, pairs=32)
    files = embedding.export(embedding.train(plan), tmp_path / "tokenizer.json", tmp_path)
    assert retrieval.agreement(files["F16"], plan.result, tmp_path / "tokenizer.json", 40) > 0.999
    assert retrieval.agreement(files["Q8_0"], plan.result, tmp_path / "tokenizer.json", 40) > 0.99
    log = (tmp_path / "embedding.jsonl").read_text(encoding="utf-8")
    assert '"step": 6' in log

    batch = pairs.batch(Draw(2), 8)
    same = [Pair(pair.first, pair.second, frozenset({"k"}), frozenset({"k"}), "x") for pair in batch]
    first, second = torch.nn.functional.normalize(torch.randn(2, 8, 4), dim=-1)
    assert float(embedding.loss_of(same, first, second)) == pytest.approx(0, abs=1e-6)
    assert float(embedding.loss_of(batch, first, first)) < float(embedding.loss_of(batch, first, second))
