"""From chats to batches: made on the fly, each chat seen once, the same ones in every run with the same seed.

Chats are made in chunks; a chunk follows from the seed, its number and the stage of the curriculum alone. A chat fills a
row of its own (position 0 is its first token, as when the model is used), among chats of like length.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tea_training.corpus import mixture
from tea_training.corpus.chat import render
from tea_training.corpus.draw import Draw
from tea_training.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tea_training.corpus.chat import Chat

Array = Any
"""``numpy.ndarray``; numpy is no dependency of the type checks."""

CHUNK = 2000
PREDICTED = 256
"""The number of predicted positions is a multiple of this: every new shape costs the processor's library a new kernel, which it keeps."""

BUCKETS = (48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512, 768, 1024, 2048)
"""Lengths that rows are filled up to."""

PROMPT_SHARE = 0.2
PROMPT_WEIGHT = 0.2
"""In the first half of the training, this share of the prompts' tokens is learned too, with this weight of an answer's mean token."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Chats one after the other: tokens, the weight of each as something to predict (0: prompt), and each chat's length."""

    ids: Array
    weights: Array
    lengths: Array


@dataclass(frozen=True, slots=True)
class Batch:
    """``rows`` x length tokens; ``targets``: flat positions to predict the next token at, with its ``weights``. ``answers`` marks answers."""

    ids: Array
    positions: Array
    targets: Array
    weights: Array
    answers: Array
    real: int


def encode(chat: Chat, tokenizer: Tokenizer) -> tuple[list[int], list[float]]:
    """The tokens of ``chat`` and their weights; a turn weighs the square root of its length, so that short answers count."""
    ids: list[int] = []
    weights: list[float] = []
    for text, learned in render(chat):
        piece = tokenizer.encode(text)
        ids += piece
        weights += [len(piece) ** -0.5 if learned else 0.0] * len(piece)
    return ids, weights


@cache
def _tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(Path(path))


def make_chunk(tokenizer: str, seed: int, number: int, stage: str, size: int = CHUNK) -> Chunk:
    """Chunk ``number``; ``tokenizer`` is the path of its file."""
    learned = _tokenizer(tokenizer)
    draw = Draw(seed * 1_000_003 + number)
    ids: list[int] = []
    weights: list[float] = []
    lengths: list[int] = []
    for _ in range(size):
        tokens, worth = encode(mixture.chat(draw, stage), learned)
        if len(tokens) <= BUCKETS[-1]:
            ids += tokens
            weights += worth
            lengths.append(len(tokens))
    return Chunk(np.array(ids, np.uint16), np.array(weights, np.float32), np.array(lengths, np.int32))


class Chunks:
    """An endless stream of chunks, from number ``start`` on; made ahead by ``workers`` processes, or here when there are none."""

    def __init__(self, tokenizer: Path, seed: int, stage: Callable[[], str], *, start: int = 0, workers: int = 0) -> None:
        self.number = start
        self._make = (str(tokenizer), seed)
        self._stage = stage
        self._ahead = 3 * workers
        self._pool = ProcessPoolExecutor(workers, get_context("spawn")) if workers else None

    def __iter__(self) -> Iterator[Chunk]:
        pending: deque[Any] = deque()
        while True:
            while self._pool and len(pending) < self._ahead:
                pending.append(self._pool.submit(make_chunk, *self._make, self.number, self._stage()))
                self.number += 1
            if self._pool:
                yield pending.popleft().result()
            else:
                self.number += 1
                yield make_chunk(*self._make, self.number - 1, self._stage())

    def close(self) -> None:
        """End the workers."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


class Batches:
    """Batches of about ``tokens`` tokens each, every ``world``-th row for ``rank``; all ranks see the same lengths in the same order."""

    def __init__(self, chunks: Chunks, tokens: int, *, rank: int = 0, world: int = 1, seed: int = 0) -> None:
        self._chunks = chunks
        self._rows = {bucket: max(1, tokens // bucket) for bucket in BUCKETS}
        self._rank, self._world = rank, world
        self._random = np.random.default_rng((seed, rank, chunks.number))

    def shape(self, bucket: int) -> tuple[int, int]:
        """Rows and length of a batch of ``bucket``."""
        return self._rows[bucket], bucket

    def batches(self, prompts: Callable[[], bool]) -> Iterator[Batch]:
        """``prompts()`` tells whether to learn some of the prompts' tokens too."""
        waiting: dict[int, list[tuple[Array, Array]]] = {bucket: [] for bucket in BUCKETS}
        for chunk in self._chunks:
            ends = np.cumsum(chunk.lengths)
            for length, end in zip(chunk.lengths, ends, strict=True):
                bucket = BUCKETS[int(np.searchsorted(BUCKETS, length))]
                rows = waiting[bucket]
                rows.append((chunk.ids[end - length : end], chunk.weights[end - length : end]))
                if len(rows) == self._world * self._rows[bucket]:
                    yield self._collate(rows, bucket, learn_prompts=prompts())
                    rows.clear()

    def _collate(self, rows: list[tuple[Array, Array]], bucket: int, *, learn_prompts: bool) -> Batch:
        mine = rows[self._rank :: self._world]
        ids = np.zeros((len(mine), bucket), np.int64)
        worth = np.zeros((len(mine), bucket), np.float32)
        inside = np.zeros((len(mine), bucket), bool)
        for row, (tokens, weights) in enumerate(mine):
            ids[row, : len(tokens)] = tokens
            worth[row, : len(tokens) - 1] = weights[1:]
            inside[row, : len(tokens) - 1] = True
        answers = worth > 0
        if learn_prompts:
            some = inside & ~answers & (self._random.random(worth.shape) < PROMPT_SHARE)
            worth = worth + some * (PROMPT_WEIGHT * float(worth[answers].mean()))
        positions = _padded(np.flatnonzero(worth), bucket - 1)
        targets = np.roll(ids, -1, 1).reshape(-1)[positions]
        real = sum(len(tokens) for tokens, _ in rows)
        return Batch(ids, positions, targets, worth.reshape(-1)[positions], answers.reshape(-1)[positions], real)


def _padded(positions: Array, last: int) -> Array:
    """``positions`` up to a multiple of :data:`PREDICTED`, filled with ``last``, the end of a row, which predicts nothing."""
    return np.append(positions, np.full(-len(positions) % PREDICTED, last, positions.dtype))
