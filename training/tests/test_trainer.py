"""A few steps of the real line: train, pause, resume, export, ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from training.tests.needs import pytorch

if TYPE_CHECKING:
    from pathlib import Path

torch = pytorch()

from tea_training.corpus import mixture
from tea_training.corpus.chat import render
from tea_training.corpus.draw import Draw
from tea_training.evaluate import messages
from tea_training.export import export
from tea_training.model import Network, Shape
from tea_training.tokenizer import train as learn
from tea_training.trainer import Plan, train
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Request, Sampling


def test_a_trained_file_answers_like_the_network(tmp_path: Path) -> None:
    draw = Draw(3)
    tokenizer = learn("".join(text for text, _ in render(mixture.chat(draw))) for _ in range(800))
    tokenizer.save(tmp_path / "tokenizer.json")
    shape = Shape(len(tokenizer.tokens), width=128, layers=2, heads=2, hidden=128)
    plan = Plan(tmp_path, tmp_path / "tokenizer.json", shape, steps=4, tokens=1024, ranks=1, compiled=False)
    train(replace(plan, pause_after=0.0))
    paused = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert paused["clock"][3] < 4
    train(replace(plan, resume=True))
    done = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert done["clock"][3] == 4
    assert not torch.equal(done["master"]["qkv"], paused["master"]["qkv"])

    files = export(tmp_path / "weights.pt", tmp_path / "tokenizer.json", tmp_path, seed=1)
    train(replace(plan, out=tmp_path / "more", start=files["F16"], steps=1))
    more = torch.load(tmp_path / "more" / "checkpoint.pt", weights_only=True)
    assert torch.allclose(more["master"]["qkv"], done["master"]["qkv"], atol=0.05)

    weights = {name: weight.float() for name, weight in torch.load(tmp_path / "weights.pt", weights_only=True)["master"].items()}
    backend = LocalBackend(files["F16"], LoadParameters())
    network = Network(shape)
    try:
        for _ in range(20):
            chat = mixture.chat(draw)
            asked = messages(chat, next(number for number, turn in enumerate(chat.turns) if turn.role == "assistant"))
            answer = backend.chat(Request(asked, max_tokens=1, sampling=Sampling(temperature=0.0))).content
            prompt = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in asked)
            ids = tokenizer.encode(f"{prompt}<|im_start|>assistant\n")
            with torch.no_grad():
                scores = network.logits(weights, torch.tensor([ids]))[0, -1]
            # After so few steps several tokens are almost equally good, and 16 bits decide between them.
            best = torch.nonzero(scores > scores.max() - 0.02).flatten().tolist()
            assert answer in {"" if token < 3 else tokenizer.decode([token]) for token in best}
    finally:
        backend.close()
