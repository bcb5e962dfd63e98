"""Whether llama.cpp computes what PyTorch computes: the same file, read by each, continues the same prompts greedily.

PyTorch gets the weights out of the finished GGUF, quantized as they are shipped, so nothing but the arithmetic may
differ. Its answers are kept beside the recipe, so that llama.cpp can be checked against them where PyTorch is not installed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tea_training.pages import REPORTS
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tea_training.model import Weights
    from tea_training.tokenizer import Tokenizer

KEPT = REPORTS / "agreement.json"
"""PyTorch's answers for the file in the package."""

LONGEST = 40
"""Tokens of an answer."""

CLEAR = 0.5
"""Margin from which both have to choose the same token; below it rounding decides."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A conversation, what PyTorch answers, and by how much its least certain token was better than the next one."""

    messages: tuple[tuple[str, str], ...]
    answer: str
    margin: float


def conversations(count: int, seed: int) -> list[tuple[tuple[str, str], ...]]:
    """``count`` held-out conversations up to their first answer, of all skills in turn, as (role, text)."""
    from tea_training.corpus import mixture
    from tea_training.corpus.draw import Draw
    from tea_training.evaluate import messages

    makers = list(mixture.skills().values())
    draw = Draw(seed, "test")
    found = []
    for number in range(count):
        chat = makers[number % len(makers)](draw)
        end = next(at for at, turn in enumerate(chat.turns) if turn.role == "assistant")
        found.append(tuple((message.role, message.content) for message in messages(chat, end)))
    return found


def by_pytorch(model: Path, asked: Sequence[tuple[tuple[str, str], ...]]) -> list[Exchange]:
    """Each conversation with the answer that PyTorch gives with the weights in ``model``."""
    from tea_training import finished
    from tea_training.model import Network

    learned = finished.tokenizer(model)
    shape, weights = finished.read(model)
    network = Network(shape)
    return [Exchange(messages, *_continued(network, weights, learned, messages)) for messages in asked]


def by_llama(model: Path, exchanges: Sequence[Exchange]) -> list[str]:
    """What llama.cpp answers, through ``tea``, without the line break at which the longest answers end."""
    backend = LocalBackend(model, LoadParameters())
    try:
        requests = (
            Request(
                tuple(Message(role, text) for role, text in exchange.messages),
                max_tokens=LONGEST,
                sampling=Sampling(temperature=0.0),
            )
            for exchange in exchanges
        )
        return [backend.chat(request).content.strip() for request in requests]
    finally:
        backend.close()


def save(exchanges: Sequence[Exchange], path: Path = KEPT) -> None:
    """Keep ``exchanges``."""
    data = [{"messages": [list(message) for message in each.messages], "answer": each.answer, "margin": each.margin} for each in exchanges]
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def load(path: Path = KEPT) -> list[Exchange]:
    """What was kept."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return [Exchange(tuple((role, text) for role, text in each["messages"]), each["answer"], each["margin"]) for each in data]


def _continued(network: Any, weights: Weights, tokenizer: Tokenizer, messages: tuple[tuple[str, str], ...]) -> tuple[str, float]:
    import torch

    prompt = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in messages)
    ids = tokenizer.encode(f"{prompt}<|im_start|>assistant\n")
    first, end, margin = len(ids), tokenizer.ids["<|im_end|>"], float("inf")
    with torch.no_grad():
        while len(ids) - first < LONGEST:
            scores, best = network.logits(weights, torch.tensor([ids]))[0, -1].topk(2)
            token, margin = int(best[0]), min(margin, float(scores[0] - scores[1]))
            if token == end:
                break
            ids.append(token)
    return tokenizer.decode(ids[first:]).strip(), round(margin, 3)
