"""``python -m tea_training``: the whole recipe, or one stage of it."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tea_training.corpus import mixture
from tea_training.corpus.chat import render
from tea_training.corpus.draw import Draw

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = ("all", "corpus", "tokenizer", "train", "export", "evaluate", "embedding")
SMALL = {"width": 256, "layers": 6, "heads": 4, "hidden": 768}
"""For processors: 5.6 million parameters."""
LARGE = {"width": 256, "layers": 8, "heads": 4, "hidden": 1024}
"""For accelerators: 8.9 million parameters, 9.6 MB as Q8_0."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tea_training", description="Make the built-in models of The Edge Agent from nothing.")
    add = parser.add_argument
    add("stage", nargs="?", choices=STAGES, default="all", help="one stage alone; all of them when left out")
    add("--out", type=Path, default=Path("build/training"), help="folder of everything that is made")
    add("--seed", type=int, default=1, help="of corpus and weights")
    add("--minutes", type=float, default=120.0, help="length of the training in wall time")
    add("--steps", type=int, help="length of the training in steps instead: the same result in every run on the same machine")
    add("--pause-after", type=float, metavar="MINUTES", help="stop this call in good order; go on with --resume")
    add("--resume", action="store_true", help="go on from the last checkpoint")
    add("--start", type=Path, metavar="GGUF", help="begin with the weights and the tokenizer of a finished file")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--size", choices=("auto", "small", "large"), default="auto", help="small on a processor, large on an accelerator")
    add("--layers", type=int, help="another number of layers")
    add("--hidden", type=int, help="another width of the gated network, a multiple of 32")
    add("--batch", type=int, help="tokens a step and process (4,096; 131,072 on an accelerator)")
    add("--workers", type=int, help="processes that make chats (on a processor none: the training does it itself)")
    add("--rate", type=float, default=1.0, help="factor on the learning rates")
    add("--no-compile", action="store_true", help="start at once, run at a third of the speed")
    add("--tokenizer-chats", type=int, default=20_000, help="chats the tokenizer learns from")
    add("--chats", type=int, default=200, help="corpus: chats to show; evaluate: chats a skill")
    add("--gguf", type=Path, help="evaluate: the file to ask (OUT/tiny-chat-Q8_0.gguf)")
    add("--split", choices=("test", "train"), default="test", help="evaluate: which half of the world")
    add("--embedding-steps", type=int, default=1500, help="length of the embedding model's training")
    add("--embedding-minutes", type=float, help="its length in wall time instead")
    return parser.parse_args()


def show_corpus(options: argparse.Namespace) -> None:
    """Write a sample of the corpus, one chat a line, to look at; training makes its own."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "sample.jsonl"
    draw = Draw(options.seed)
    begun = time.monotonic()
    with path.open("w", encoding="utf-8") as file:
        for _ in range(options.chats):
            chat = mixture.chat(draw)
            line = {"skill": chat.skill, "kind": chat.kind, "text": "".join(text for text, _ in render(chat))}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{path}: {options.chats} chats, {options.chats / (time.monotonic() - begun):,.0f} a second")


def make_tokenizer(options: argparse.Namespace) -> None:
    """Learn the tokenizer from chats that the training does not see; with ``--start``, take that of the file."""
    from tea_training import tokenizer

    options.out.mkdir(parents=True, exist_ok=True)
    if options.start:
        from tea_training import finished

        finished.tokenizer(options.start).save(options.out / "tokenizer.json")
        return

    def texts() -> Iterator[str]:
        draw = Draw(options.seed * 1_000_003 - 1)
        for _ in range(options.tokenizer_chats):
            yield "".join(text for text, _ in render(mixture.chat(draw)))

    begun = time.monotonic()
    learned = tokenizer.train(texts())
    learned.save(options.out / "tokenizer.json")
    sample = list(itertools.islice(texts(), 500))
    length = sum(len(learned.encode(text)) for text in sample)
    print(f"tokenizer: {len(learned.tokens)} tokens in {time.monotonic() - begun:.0f} s, ", end="")
    print(f"{length / len(sample):.0f} tokens a chat, {sum(map(len, sample)) / length:.2f} characters a token", flush=True)


def train_model(options: argparse.Namespace) -> None:
    """Train by the options; weights and checkpoints end in OUT."""
    import torch

    from tea_training.model import Shape
    from tea_training.tokenizer import Tokenizer
    from tea_training.trainer import Plan, train

    device = ("cuda" if torch.cuda.is_available() else "cpu") if options.device == "auto" else options.device
    accelerated = device != "cpu"
    sizes: dict[str, Any] = dict(LARGE if options.size == "large" or (options.size == "auto" and accelerated) else SMALL)
    sizes |= {name: value for name in ("layers", "hidden") if (value := getattr(options, name)) is not None}
    cores = len(os.sched_getaffinity(0))
    workers = max(1, cores - 2) if accelerated else 0
    tokenizer = options.out / "tokenizer.json"
    plan = Plan(
        out=options.out,
        tokenizer=tokenizer,
        shape=Shape(len(Tokenizer.load(tokenizer).tokens), **sizes),
        seed=options.seed,
        minutes=options.minutes,
        steps=options.steps,
        pause_after=options.pause_after,
        tokens=options.batch or (131_072 if accelerated else 4096),
        device=device,
        ranks=1 if accelerated or cores < 2 else 2,
        workers=workers if options.workers is None else options.workers,
        compiled=not options.no_compile,
        resume=options.resume,
        start=options.start,
        rate=options.rate,
    )
    train(plan)


def export_model(options: argparse.Namespace) -> None:
    """Write the GGUF files."""
    from tea_training.export import export

    export(options.out / "weights.pt", options.out / "tokenizer.json", options.out, seed=options.seed)


def evaluate_model(options: argparse.Namespace) -> None:
    """Ask the finished file and write the report."""
    from tea_training import evaluate

    model = options.gguf or options.out / "tiny-chat-Q8_0.gguf"
    begun = time.monotonic()
    results = evaluate.ask(model, count=options.chats, seed=options.seed, split=options.split)
    print(evaluate.report(results, options.out, f"{model.name}, {options.split} half, {options.chats} chats a skill, seed {options.seed}"))
    print(f"{len(results)} answers in {time.monotonic() - begun:.0f} s")


def make_embedding(options: argparse.Namespace) -> None:
    """The embedding model from training to report, with the tokenizer that the chat model has."""
    import torch

    from tea_training import embedding, retrieval

    device = ("cuda" if torch.cuda.is_available() else "cpu") if options.device == "auto" else options.device
    tokenizer = options.out / "tokenizer.json"
    plan = embedding.Plan(options.out, tokenizer, options.seed, options.embedding_steps, options.embedding_minutes, device=device)
    files = embedding.export(embedding.train(plan), tokenizer, options.out)
    nearest = retrieval.agreement(files["F16"], plan.result, tokenizer)
    print(f"PyTorch and llama.cpp agree: least cosine {nearest:.6f}")
    rows = retrieval.ask(files["Q8_0"], seed=options.seed)
    print(retrieval.report(rows, options.out, f"{files['Q8_0'].name}, test half, seed {options.seed}"))


def main() -> None:
    """Run the stage that the command line names."""
    options = _options()
    stages = {"corpus": show_corpus, "tokenizer": make_tokenizer, "train": train_model, "export": export_model, "evaluate": evaluate_model}
    stages["embedding"] = make_embedding
    if options.stage != "all":
        stages[options.stage](options)
        return
    for name, stage in stages.items():
        if not (options.resume and name in {"corpus", "tokenizer"}):
            stage(options)


if __name__ == "__main__":
    main()
