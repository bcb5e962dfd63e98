"""The training loop: one process on an accelerator, else two single-threaded processes that share gradients.

Two processes with one thread each are twice as fast as one with two threads on a machine that others use too:
no barrier inside an operation waits for a thread that was interrupted. Gradients and weights lie in shared memory.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.multiprocessing as processes
import torch.nn.functional as F  # noqa: N812 - as everyone calls it

from tea_training.corpus import mixture
from tea_training.dataset import BUCKETS, Batch, Batches, Chunks
from tea_training.model import MATRICES, Network, Shape, Tensor, Weights, block, initial
from tea_training.optimizer import Moments, Rates

if TYPE_CHECKING:
    from pathlib import Path

RATES = Rates(muon=0.009, adam=1.4e-3, warm_up=60)
"""With batches of 8,192 tokens. At twice these rates the loss stops falling at 0.55 and drops to 0.4 within a minute once they are lowered."""
COPYING_UNTIL = 0.15
PROMPTS_UNTIL = 0.5
COMPILED = 1024
"""Rows up to this length run compiled; longer ones are rare."""
CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train, and for how long: ``minutes`` of wall time, or ``steps`` where given. ``out`` holds checkpoints and the log.

    ``pause_after``: stop in good order after that many minutes of this call, to go on later with ``resume``.
    ``start``: a finished GGUF whose weights are the first ones, instead of random ones.
    """

    out: Path
    tokenizer: Path
    shape: Shape
    seed: int = 1
    minutes: float = 120.0
    steps: int | None = None
    pause_after: float | None = None
    tokens: int = 4096
    device: str = "cpu"
    ranks: int = 2
    workers: int = 0
    compiled: bool = True
    resume: bool = False
    start: Path | None = None
    rate: float = 1.0

    @property
    def checkpoint(self) -> Path:
        """Everything needed to go on."""
        return self.out / "checkpoint.pt"

    @property
    def result(self) -> Path:
        """The weights alone."""
        return self.out / "weights.pt"


@dataclass(slots=True)
class Shared:
    """What the processes have in common. ``clock`` holds: share done, chunks used, seconds trained, steps, whether to save."""

    master: Weights
    working: Weights
    gradients: list[Weights]
    clock: Tensor
    barrier: Any = None


def train(plan: Plan) -> Path:
    """Train by ``plan``; returns the file of the weights.

    Raises:
        RuntimeError: a process failed.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    saved = torch.load(plan.checkpoint, weights_only=True) if plan.resume and plan.checkpoint.exists() else None
    if saved and saved["shape"] != asdict(plan.shape):
        raise RuntimeError(f"{plan.checkpoint} holds a network of another shape: {saved['shape']}")
    first = saved["master"] if saved else _first(plan)
    master = {name: weight.to(plan.device) for name, weight in first.items()}
    working = {name: weight.bfloat16() for name, weight in master.items()}
    gradients = [{name: torch.zeros_like(weight) for name, weight in working.items()} for _ in range(plan.ranks if plan.ranks > 1 else 0)]
    clock = torch.tensor(saved["clock"] if saved else [0.0] * 5, dtype=torch.float64)
    shared = Shared(master, working, gradients, clock)
    print(f"{plan.shape.parameters:,} parameters, {plan.ranks} process(es) on {plan.device}, torch {torch.__version__}", flush=True)
    if plan.ranks == 1:
        _Rank(plan, shared, 0).run()
        return plan.result
    for tensor in [*master.values(), *working.values(), *(each for part in gradients for each in part.values()), clock]:
        tensor.share_memory_()
    shared.barrier = processes.get_context("spawn").Barrier(plan.ranks)
    try:
        processes.spawn(_start, (plan, shared), nprocs=plan.ranks)
    except processes.ProcessException as failure:
        raise RuntimeError(f"a training process failed: {failure}") from failure
    return plan.result


def _first(plan: Plan) -> Weights:
    if plan.start is None:
        return initial(plan.shape, plan.seed)
    from tea_training import finished

    shape, weights = finished.read(plan.start)
    if shape != plan.shape:
        raise RuntimeError(f"{plan.start} holds a network of another shape: {shape}")
    return weights


def _start(rank: int, plan: Plan, shared: Shared) -> None:
    torch.set_num_threads(1)
    _Rank(plan, shared, rank).run()


class _Rank:
    """One process of the training."""

    def __init__(self, plan: Plan, shared: Shared, rank: int) -> None:
        self.plan, self.shared, self.rank = plan, shared, rank
        self.device = plan.device
        self.leaves = {name: weight.detach().requires_grad_() for name, weight in shared.working.items()}
        layer: Any = block
        if plan.compiled:
            torch._dynamo.config.recompile_limit = 64  # noqa: SLF001 - no public name
            fast = torch.compile(block, dynamic=False)

            def layer(x: Tensor, *rest: Any) -> Tensor:
                return fast(x, *rest) if x.shape[1] <= COMPILED else block(x, *rest)

        self.network = Network(plan.shape, plan.device, layer)
        self.moments = self._moments()
        self.begun = self.saved = time.monotonic()
        self.before = 0.0

    # The parts of the weights that this process updates.

    def _mine(self, name: str) -> Any:
        """The slice of weight ``name`` that is this process's, ``None`` for nothing."""
        if name in MATRICES:
            return slice(self.rank, None, self.plan.ranks)
        return slice(None) if self.rank == 0 else None

    def _moments(self) -> Moments:
        parts = {name: weight[self._mine(name)] for name, weight in self.shared.master.items() if self._mine(name) is not None}
        file = self._moments_file()
        if self.plan.resume and file.exists():
            saved = torch.load(file, weights_only=True)
            return Moments(*({name: part.to(self.device) for name, part in saved[key].items()} for key in ("first", "second")))
        return Moments.of(parts)

    def _moments_file(self) -> Path:
        return self.plan.out / f"moments-{self.rank}.pt"

    # The loop.

    def run(self) -> None:
        plan = self.plan
        clock = self.shared.clock
        chunks = Chunks(plan.tokenizer, plan.seed, self._stage, start=int(clock[1]), workers=plan.workers)
        batches = Batches(chunks, plan.tokens, rank=self.rank, world=plan.ranks, seed=plan.seed)
        if plan.compiled:
            self._compile(batches)
        self._meet()
        self.before, self.begun = float(clock[2]), time.monotonic()
        log = _Log(plan.out / "log.jsonl", self.before)
        self.saved = self.begun
        for batch in batches.batches(lambda: float(clock[0]) < PROMPTS_UNTIL):
            done, step = float(clock[0]), int(clock[3])
            if done >= 1 or self._paused():
                break
            loss = self._learn(batch)
            self._meet()
            self._update(plan.rate * RATES.factor(step, done), step + 1)
            if self.rank == 0:
                self._tick(step + 1, chunks.number)
                log.add(step + 1, done, batch.real, loss)
            self._meet()
            if clock[4]:
                self._save()
        self._save()
        chunks.close()

    def _stage(self) -> str:
        return mixture.STAGES[0] if float(self.shared.clock[0]) < COPYING_UNTIL else mixture.STAGES[1]

    def _meet(self) -> None:
        if self.shared.barrier is not None:
            self.shared.barrier.wait(timeout=900)

    def _paused(self) -> bool:
        """The same for all processes: it reads what process 0 wrote before they met."""
        limit = self.plan.pause_after
        return limit is not None and float(self.shared.clock[2]) - self.before >= limit * 60

    def _tick(self, step: int, chunk: int) -> None:
        """Set the clock: while the others wait, so that all processes decide by the same numbers."""
        seconds = self.before + time.monotonic() - self.begun
        share = step / self.plan.steps if self.plan.steps else seconds / (self.plan.minutes * 60)
        saving = time.monotonic() - self.saved > CHECKPOINT_SECONDS
        if saving:
            self.saved = time.monotonic()
        self.shared.clock.copy_(torch.tensor([min(1.0, share), chunk, seconds, step, saving], dtype=torch.float64))

    def _compile(self, batches: Batches) -> None:
        """Compile for every length beforehand; the processes begin at different ends and share what is on disk."""
        lengths = [bucket for bucket in BUCKETS if bucket <= COMPILED]
        for bucket in lengths if self.rank == 0 else lengths[::-1]:
            begun = time.monotonic()
            ids = torch.randint(0, self.plan.shape.vocabulary, batches.shape(bucket), device=self.device)
            self.network.hidden(self.leaves, ids, torch.arange(64, device=self.device)).float().pow(2).mean().backward()
            self._forget()
            print(f"process {self.rank}: compiled for length {bucket} in {time.monotonic() - begun:.0f} s", flush=True)

    def _forget(self) -> None:
        for leaf in self.leaves.values():
            leaf.grad = None

    def _put(self, array: Any) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _learn(self, batch: Batch) -> Tensor:
        """Put the gradient of ``batch`` where the others see it; returns the mean loss of answer tokens."""
        ids, positions, targets, weights = (
            self._put(batch.ids),
            self._put(batch.positions),
            self._put(batch.targets),
            self._put(batch.weights),
        )
        losses = F.cross_entropy(self.network.logits(self.leaves, ids, positions), targets, reduction="none")
        self._forget()
        ((losses * weights).sum() / weights.sum()).backward()
        if self.shared.gradients:
            for name, leaf in self.leaves.items():
                self.shared.gradients[self.rank][name].copy_(leaf.grad)
        answers = self._put(batch.answers)
        return (losses.detach() * answers).sum() / answers.sum()

    # The update.

    def _update(self, factor: float, step: int) -> None:
        for name in self.moments.first:
            mine = self._mine(name)
            master = self.shared.master[name][mine]
            self.moments.update(name, master, self._gradient(name, mine), RATES, factor=factor, step=step)
            self.shared.working[name][mine].copy_(master)

    def _gradient(self, name: str, mine: Any) -> Tensor:
        if not self.shared.gradients:
            return self.leaves[name].grad[mine].float()
        parts = [part[name][mine].float() for part in self.shared.gradients]
        return sum(parts[1:], parts[0]) / len(parts)

    def _save(self) -> None:
        """Write everything needed to go on; a file is complete or the old one."""
        _write(self._moments_file(), {"first": _plain(self.moments.first), "second": _plain(self.moments.second)})
        if self.rank == 0:
            shape = asdict(self.plan.shape)
            master = _plain(self.shared.master)
            _write(self.plan.checkpoint, {"shape": shape, "master": master, "clock": self.shared.clock.tolist()})
            _write(self.plan.result, {"shape": shape, "master": {name: weight.half() for name, weight in master.items()}})


def _plain(weights: Weights) -> Weights:
    return {name: weight.detach().cpu().clone() for name, weight in weights.items()}


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".part")
    torch.save(content, draft)
    draft.replace(path)


class _Log:
    """Progress, printed and written as JSON lines every so often."""

    def __init__(self, path: Path, before: float) -> None:
        self._path = path
        self._begun = time.monotonic()
        self._before = before
        self._next = itertools.chain((1.0, 5.0, 15.0), itertools.count(30.0, 30.0))
        self._due = next(self._next)
        self._real = 0
        self._losses: list[Tensor] = []

    def add(self, step: int, done: float, real: int, loss: Tensor) -> None:
        self._real += real
        self._losses.append(loss)
        seconds = time.monotonic() - self._begun
        if seconds < self._due:
            return
        while self._due <= seconds:
            self._due = next(self._next)
        mean = float(torch.stack(self._losses[-200:]).mean())
        self._losses.clear()
        entry = {"step": step, "done": round(done, 4), "seconds": round(self._before + seconds, 1), "tokens": self._real}
        entry |= {"tokens_per_second": round(self._real / seconds), "loss": round(mean, 4), "load": round(os.getloadavg()[0], 1)}
        print("  ".join(f"{key} {value}" for key, value in entry.items()), flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
