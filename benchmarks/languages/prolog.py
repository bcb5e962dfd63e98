"""What a Prolog block costs: microseconds over the engine's own cost, what several branches at a time take, the first use, memory.

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
from the_edge_agent.languages import swipl

ROUNDS = 7
PASSES = 500
BRANCHES = 8
MICROSECONDS, MILLISECONDS = 1e6, 1e3
TARGET = (
    "Targets: a small Prolog block at most 300 us over the engine's own cost, first use at most 60 ms, 8 branches at least 1.6x on 2 cores"
)

SMALL: dict[str, Any] = {"n": 0}
ROWS: dict[str, Any] = {"n": 0, "rows": [{"id": i, "name": f"row {i}", "score": i / 7} for i in range(1000)]}
RULES = "double(X, Y) :- Y is X * 2.\\nstate(n, N), double(N, M), return(x, M)."
WORK = "numlist(1, 150000, L), foldl([X, A, B]>>(B is A + X mod 7), L, 0, S), return(sum, S)."

FIRST_USE = """
import time
from pathlib import Path
from the_edge_agent.errors import Source, Spot
from the_edge_agent.workflow.model import Code, Workflow
from the_edge_agent.engine.scope import Resources, Scope
from the_edge_agent.languages import python, program

class Host:
    resources = Resources()

start = time.perf_counter()
block = program(Code("prolog", "state(n, N), M is N + 1, return(m, M).", Spot(Source("flow.yaml", ""), 5, 7)))
block.run(Scope(workflow=Workflow("w", {}, {}), host=Host(), state={"n": 1}, node="n"))
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
    """A workflow with branches of Prolog work, ``workers`` of them at the same time."""
    path = folder / f"{name}.yaml"
    path.write_text(
        f"""name: branches
nodes:
  - name: each
    parallel_each: {list(range(BRANCHES))}
    max_workers: {workers}
    language: prolog
    run: |
      {WORK}
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
    """Median seconds until the first Prolog block of a process has run."""
    taken = [
        float(subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=True).stdout) for _ in range(ROUNDS)
    ]
    return statistics.median(taken)


def worker_memory() -> float:
    """Resident MiB of a worker that is at rest."""
    program = swipl.executable() or "swipl"
    with swipl.POOL.worker(program, sandbox=True, most=1, stop=lambda: False) as worker:
        worker.ask('run(1000000,"return(a, 1).",268435456,0,[]).\n', seconds=30, stop=lambda: False)
        status = Path("/proc", str(worker.pid), "status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Measure and print the tables."""
    nodes = {
        "nothing": "{name: measured}",
        "Python": '{name: measured, run: \'return {"x": state["n"] + 1}\'}',
        "Prolog": "{name: measured, language: prolog, run: 'state(n, N), M is N + 1, return(x, M).'}",
        "Prolog, a rule": f'{{name: measured, language: prolog, run: "{RULES}"}}',
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loops = {kind: looping(folder, kind, node) for kind, node in nodes.items()}
        rows = []
        for title, state in (("a number in the state", SMALL), ("1,000 rows of 3 values in the state", ROWS)):
            found = {kind: seconds / PASSES * MICROSECONDS for kind, seconds in measure(loops, state).items()}
            rows.append([title, *(f"{found[kind] - found['nothing']:.1f}" for kind in ("Python", "Prolog", "Prolog, a rule"))])
        branches = measure({"one": branching(folder, "one", 1), "all": branching(folder, "all", BRANCHES)}, {})
    print(machine("the-edge-agent"))
    show(
        "Blocks: microseconds over a node that does nothing",
        ["block", "Python", "Prolog", "Prolog, a rule"],
        rows,
        f"{ROUNDS} rounds. {TARGET}.",
    )
    ratio = branches["one"] / branches["all"]
    show(
        "Prolog in general",
        ["what", "median"],
        [
            [f"{BRANCHES} branches one after another, ms", f"{branches['one'] * MILLISECONDS:.0f}"],
            [f"{BRANCHES} branches at the same time, ms", f"{branches['all'] * MILLISECONDS:.0f}"],
            ["ratio", f"{ratio:.2f}x"],
            ["first block of a process, ms", f"{first_use() * MILLISECONDS:.1f}"],
            ["memory of a worker, MiB", f"{worker_memory():.1f}"],
        ],
    )


if __name__ == "__main__":
    main()
