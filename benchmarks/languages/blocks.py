"""What the benchmarks of the languages share: loops and branches of blocks, and the tables of what they cost.

The blocks take turns within one process; a figure is the median of the rounds, and only ``invoke`` is timed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from table import machine, show

from the_edge_agent import Agent, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROUNDS = 7
BRANCHES = 8
MICROSECONDS, MILLISECONDS = 1e6, 1e3

STATES: dict[str, dict[str, Any]] = {
    "a number in the state": {"n": 0},
    "1,000 rows of 3 values in the state": {
        "n": 0,
        "rows": [{"id": i, "name": f"row {i}", "score": i / 7} for i in range(1000)],
    },
}
YARDSTICKS = {
    "nothing": "{name: measured}",
    "Python": '{name: measured, run: \'return {"x": state["n"] + 1}\'}',
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A language and what is measured of it.

    ``nodes`` are YAML mappings by their titles; each is called ``measured`` and runs ``passes`` times a round. ``work`` is the
    block of one branch. ``first_use`` is a Python program that prints the seconds a process takes for its first block.
    """

    language: str
    nodes: Mapping[str, str]
    passes: int
    work: str
    first_use: str
    target: str


def report(subject: Subject, packages: Sequence[str], more: Mapping[str, Callable[[], float]] | None = None) -> None:
    """Measure and print the tables; ``more`` are further rows of the second one, ``packages`` what the first line names."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _blocks(subject, folder)
        one, at_once = _seconds({str(workers): _branching(subject, folder, workers) for workers in (1, BRANCHES)}, {}).values()
    print(machine(*packages))
    titles = [title for title in (*YARDSTICKS, *subject.nodes) if title != "nothing"]
    note = f"{ROUNDS} rounds. {subject.target}."
    show("Blocks: microseconds over a node that does nothing", ["block", *titles], rows, note)
    show(
        f"{subject.language} in general",
        ["what", "median"],
        [
            [f"{BRANCHES} branches one after another, ms", f"{one * MILLISECONDS:.0f}"],
            [f"{BRANCHES} branches at the same time, ms", f"{at_once * MILLISECONDS:.0f}"],
            ["ratio", f"{one / at_once:.2f}x"],
            ["first block of a process, ms", f"{_first_use(subject) * MILLISECONDS:.1f}"],
            *([title, f"{measured():.1f}"] for title, measured in (more or {}).items()),
        ],
    )


def _blocks(subject: Subject, folder: Path) -> list[list[str]]:
    """A row for each state: what a pass of each block takes beyond one of nothing."""
    loops = {title: _looping(subject, folder, title, node) for title, node in {**YARDSTICKS, **subject.nodes}.items()}
    rows = []
    for title, state in STATES.items():
        taken = _seconds(loops, state)
        nothing = taken.pop("nothing")
        rows.append([title, *(f"{(seconds - nothing) / subject.passes * MICROSECONDS:.1f}" for seconds in taken.values())])
    return rows


def _looping(subject: Subject, folder: Path, title: str, node: str) -> Agent:
    """A workflow that runs ``node`` until ``state.n`` is the number of passes."""
    # The counter is no part of what is measured: it is a Python block in each of the compared loops.
    path = folder / f"{title}.yaml"
    path.write_text(
        f"""name: loop
settings: {{max_iterations: {subject.passes + 1}}}
nodes:
  - name: count
    run: 'return {{"n": state["n"] + 1}}'
  - {node}
edges:
  - {{from: count, to: measured}}
  - {{from: measured, to: count, when: "state.n < {subject.passes}"}}
  - {{from: measured, to: __end__}}
""",
        encoding="utf-8",
    )
    return load(path)


def _branching(subject: Subject, folder: Path, workers: int) -> Agent:
    """A workflow with branches of work, ``workers`` of them at the same time."""
    path = folder / f"branches-{workers}.yaml"
    path.write_text(
        f"""name: branches
nodes:
  - name: each
    parallel_each: {list(range(BRANCHES))}
    max_workers: {workers}
    language: {subject.language.lower()}
    run: |
      {subject.work}
""",
        encoding="utf-8",
    )
    return load(path)


def _seconds(agents: Mapping[str, Agent], state: Mapping[str, Any]) -> dict[str, float]:
    """Median seconds of a run of each agent, all of which take their turn in each round."""
    taken: dict[str, list[float]] = {title: [] for title in agents}
    for _ in range(ROUNDS):
        for title, agent in agents.items():
            start = time.perf_counter()
            agent.invoke(state)
            taken[title].append(time.perf_counter() - start)
    return {title: statistics.median(seconds) for title, seconds in taken.items()}


def _first_use(subject: Subject) -> float:
    """Median seconds of the first block of a process."""
    command = [sys.executable, "-c", subject.first_use]
    return statistics.median(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS))
