"""What a Prolog block costs: microseconds over the engine's own cost, what several branches at a time take, the first use, memory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from languages.blocks import Subject, report

from the_edge_agent.cancellation import Cancellation
from the_edge_agent.languages import swipl

RULES = "double(X, Y) :- Y is X * 2.\\nstate(n, N), double(N, M), return(x, M)."

FIRST_USE = """
import time
from pathlib import Path
from the_edge_agent.errors import Source, Spot
from the_edge_agent.workflow.model import Code, Workflow
from the_edge_agent.engine.scope import Scope
from the_edge_agent.resources import Resources
from the_edge_agent.languages import python, program

class Host:
    resources = Resources()

start = time.perf_counter()
block = program(Code("prolog", "state(n, N), M is N + 1, return(m, M).", Spot(Source("flow.yaml", ""), 5, 7)))
block.run(Scope(workflow=Workflow("w", {}, {}), host=Host(), state={"n": 1}, node="n"))
print(time.perf_counter() - start)
"""

PROLOG = Subject(
    language="Prolog",
    nodes={
        "Prolog": "{name: measured, language: prolog, run: 'state(n, N), M is N + 1, return(x, M).'}",
        "Prolog, a rule": f'{{name: measured, language: prolog, run: "{RULES}"}}',
    },
    passes=500,
    work="numlist(1, 150000, L), foldl([X, A, B]>>(B is A + X mod 7), L, 0, S), return(sum, S).",
    first_use=FIRST_USE,
    target="Targets: a small Prolog block at most 300 us over the engine's own cost, first use at most 60 ms, "
    "8 branches at least 1.6x on 2 cores",
)


def worker_memory() -> float:
    """Resident MiB of a worker that is at rest."""
    program = swipl.executable() or "swipl"
    with swipl.POOL.worker(program, sandbox=True, most=1, cancellation=Cancellation()) as worker:
        worker.ask('run(1000000,"return(a, 1).",268435456,0,[]).\n', seconds=30, cancellation=Cancellation())
        status = Path("/proc", str(worker.pid), "status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    report(PROLOG, ["the-edge-agent"], {"memory of a worker, MiB": worker_memory})
