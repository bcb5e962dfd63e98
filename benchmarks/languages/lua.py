"""What a Lua block costs: microseconds over the engine's own cost, and what several branches at a time take.

The blocks take turns within one process; a figure is the median of the rounds, and only ``invoke`` is timed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from table import machine, show

from the_edge_agent import Agent, load

ROUNDS = 7
PASSES = 2_000
BRANCHES = 8
MICROSECONDS, MILLISECONDS = 1e6, 1e3
TARGET = "Target: a small Lua block at most 60 us over the engine's own cost"

SMALL: dict[str, Any] = {"n": 0}
ROWS: dict[str, Any] = {"n": 0, "rows": [{"id": i, "name": f"row {i}", "score": i / 7} for i in range(1000)]}
WORK = "local sum = 0 for i = 1, 2000000 do sum = sum + i % 7 end return { sum = sum }"

FIRST_USE = """
import time
from pathlib import Path
from the_edge_agent.errors import Source, Spot
from the_edge_agent.workflow.model import Code
from the_edge_agent.languages import python, program
start = time.perf_counter()
program(Code("lua", "return { n = 1 }", Spot(Source("flow.yaml", ""), 5, 7)))
print(time.perf_counter() - start)
"""


def looping(folder: Path, name: str, node: str) -> Agent:
    """A workflow that runs ``node`` until ``state.n`` is the number of passes."""
    # The counter is no part of what is measured: it is a Python block in each of the compared loops.
    path = folder / f"{name}.yaml"
    path.write_text(
        f"""name: loop
settings: {{max_iterations: {PASSES + 1}}}
nodes:
  - name: count
    run: 'return {{"n": state["n"] + 1}}'
  - {node}
edges:
  - {{from: count, to: measured}}
  - {{from: measured, to: count, when: "state.n < {PASSES}"}}
  - {{from: measured, to: __end__}}
""",
        encoding="utf-8",
    )
    return load(path)


def branching(folder: Path, name: str, workers: int) -> Agent:
    """A workflow with branches of Lua work, ``workers`` of them at the same time."""
    path = folder / f"{name}.yaml"
    path.write_text(
        f"""name: branches
nodes:
  - name: each
    parallel_each: {list(range(BRANCHES))}
    max_workers: {workers}
    language: lua
    run: {WORK}
""",
        encoding="utf-8",
    )
    return load(path)


def measure(agents: dict[str, Agent], state: dict[str, Any]) -> dict[str, float]:
    """Median seconds of a run of each agent, all of which take their turn in each round."""
    taken: dict[str, list[float]] = {name: [] for name in agents}
    for _ in range(ROUNDS):
        for name, agent in agents.items():
            start = time.perf_counter()
            agent.invoke(state)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def first_use() -> float:
    """Median seconds until the first Lua block of a process is compiled."""
    taken = [
        float(subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS)
    ]
    return statistics.median(taken)


def main() -> None:
    """Measure and print the tables."""
    nodes = {
        "nothing": "{name: measured}",
        "Python": '{name: measured, run: \'return {"x": state["n"] + 1}\'}',
        "Lua": "{name: measured, language: lua, run: 'return { x = state.n + 1 }'}",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loops = {kind: looping(folder, kind, node) for kind, node in nodes.items()}
        rows = []
        for title, state in (("a number in the state", SMALL), ("1,000 rows of 3 values in the state", ROWS)):
            found = {kind: seconds / PASSES * MICROSECONDS for kind, seconds in measure(loops, state).items()}
            rows.append([title, *(f"{found[kind] - found['nothing']:.1f}" for kind in ("Python", "Lua"))])
        branches = measure({"one": branching(folder, "one", 1), "all": branching(folder, "all", BRANCHES)}, {})
    print(machine("the-edge-agent", "lupa"))
    show("Blocks: microseconds over a node that does nothing", ["block", "Python", "Lua"], rows, f"{ROUNDS} rounds. {TARGET}.")
    ratio = branches["one"] / branches["all"]
    show(
        "Lua in general",
        ["what", "median"],
        [
            [f"{BRANCHES} branches one after another, ms", f"{branches['one'] * MILLISECONDS:.0f}"],
            [f"{BRANCHES} branches at the same time, ms", f"{branches['all'] * MILLISECONDS:.0f}"],
            ["ratio", f"{ratio:.2f}x"],
            ["first block of a process, ms", f"{first_use() * MILLISECONDS:.1f}"],
        ],
    )


if __name__ == "__main__":
    main()
