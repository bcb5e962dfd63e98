"""What the engine costs: microseconds a node, beside LangGraph on the same graphs.

Every node adds 1 to a number, so that what is measured is the way from node to node. The compared engines take
turns within one process; a figure is the median of the rounds, and only ``invoke`` is timed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

from table import machine, show

from the_edge_agent import END, START, Agent, StateGraph, load

ROUNDS = 5
SHORT, LONG = 1_000, 10_000
MICROSECONDS = 1e6
TARGET = "Targets: tea at most 20 us a node, at least 10 times less than LangGraph, and the same cost a node for 1,000 and for 10,000 nodes"

Invoke = Callable[[], dict[str, Any]]


class Number(TypedDict):
    """The state of every graph here."""

    n: int


def add(state: Any) -> dict[str, Any]:
    """The node."""
    return {"n": state["n"] + 1}


def tea_chain(nodes: int) -> Invoke:
    """``nodes`` functions, one after another, in the code-built graph."""
    graph = StateGraph()
    names = [f"n{number}" for number in range(nodes)]
    for name in names:
        graph.add_node(name, add)
    for source, target in zip((START, *names), (*names, END), strict=True):
        graph.add_edge(source, target)
    agent = Agent(graph.workflow())
    return lambda: agent.invoke({"n": 0})


def tea_loop(passes: int) -> Invoke:
    """One function that a choice sends back to itself."""
    graph = StateGraph()
    graph.add_node("add", add)
    graph.add_edge(START, "add")
    graph.add_choice("add", lambda state: "add" if state["n"] < passes else END)
    agent = Agent(graph.workflow(max_visits=passes + 1))
    return lambda: agent.invoke({"n": 0})


def yaml_chain(folder: Path, nodes: int) -> Agent:
    """A workflow file with ``nodes`` Python blocks; nodes without edges follow each other in file order."""
    blocks = "".join(f'  - name: n{number}\n    run: \'return {{"n": state["n"] + 1}}\'\n' for number in range(nodes))
    return _agent(folder / f"chain-{nodes}.yaml", f"name: chain\nnodes:\n{blocks}")


def yaml_loop(folder: Path, passes: int) -> Agent:
    """A workflow file with one Python block that a ``goto`` condition sends back to itself."""
    return _agent(
        folder / f"loop-{passes}.yaml",
        f"""name: loop
settings: {{max_iterations: {passes + 1}}}
nodes:
  - name: add
    run: 'return {{"n": state["n"] + 1}}'
    goto:
      - {{if: "state.n < {passes}", to: add}}
      - {{to: __end__}}
""",
    )


def _agent(path: Path, text: str) -> Agent:
    path.write_text(text, encoding="utf-8")
    return load(path)


def of_file(agent: Agent) -> dict[str, Invoke]:
    """The workflow file of ``agent``, run unobserved, and with somebody who gets every event as ``tea run`` does."""
    return {
        "YAML": lambda: agent.invoke({"n": 0}),
        "observed": lambda: agent.invoke({"n": 0}, sink=lambda _: None),
    }


def langgraph_chain(nodes: int) -> Invoke:
    """The graph of :func:`tea_chain` in LangGraph."""
    library = import_module("langgraph.graph")
    graph = library.StateGraph(Number)
    names = [f"n{number}" for number in range(nodes)]
    for name in names:
        graph.add_node(name, add)
    for source, target in zip((library.START, *names), (*names, library.END), strict=True):
        graph.add_edge(source, target)
    return _compiled(graph, nodes)


def langgraph_loop(passes: int) -> Invoke:
    """The graph of :func:`tea_loop` in LangGraph."""
    library = import_module("langgraph.graph")
    graph = library.StateGraph(Number)
    graph.add_node("add", add)
    graph.add_edge(library.START, "add")
    graph.add_conditional_edges("add", lambda state: "add" if state["n"] < passes else library.END, ["add", library.END])
    return _compiled(graph, passes)


def _compiled(graph: Any, steps: int) -> Invoke:
    runnable = graph.compile()

    def invoke() -> dict[str, Any]:
        final: dict[str, Any] = runnable.invoke({"n": 0}, {"recursion_limit": steps + 10})
        return final

    return invoke


def measure(competitors: dict[str, Invoke], steps: int) -> dict[str, float]:
    """Microseconds a node of each competitor: the median of the rounds, in each of which all take their turn.

    Raises:
        RuntimeError: one of them did not take every step.
    """
    taken: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(ROUNDS):
        for name, invoke in competitors.items():
            start = time.perf_counter()
            final = invoke()
            taken[name].append(time.perf_counter() - start)
            if final["n"] != steps:
                message = f"{name} ended at {final['n']} of {steps} steps"
                raise RuntimeError(message)
    return {name: statistics.median(seconds) / steps * MICROSECONDS for name, seconds in taken.items()}


def main() -> None:
    """Measure and print the table."""
    # LangGraph reports runs to a service where this is not off.
    os.environ["LANGSMITH_TRACING"] = "false"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workloads: list[tuple[str, int, dict[str, Invoke]]] = [
            (
                "chain of 1,000 nodes",
                SHORT,
                {"code": tea_chain(SHORT), **of_file(yaml_chain(folder, SHORT)), "LangGraph": langgraph_chain(SHORT)},
            ),
            (
                "loop of 10,000 passes",
                LONG,
                {"code": tea_loop(LONG), **of_file(yaml_loop(folder, LONG)), "LangGraph": langgraph_loop(LONG)},
            ),
            ("chain of 10,000 nodes", LONG, {"code": tea_chain(LONG), **of_file(yaml_chain(folder, LONG))}),
        ]
        rows = [_row(title, measure(competitors, steps)) for title, steps, competitors in workloads]
    print(machine("the-edge-agent", "langgraph"))
    note = f"{ROUNDS} rounds. LangGraph is not run on the long chain, where its cost a node is higher still. {TARGET}."
    head = ["workload", "tea, code", "tea, YAML", "tea, YAML, observed", "LangGraph", "LangGraph / tea, code", "LangGraph / tea, YAML"]
    show("Engine: microseconds a node", head, rows, note)


def _row(title: str, cost: dict[str, float]) -> list[str]:
    own = [f"{cost[name]:.1f}" for name in ("code", "YAML", "observed")]
    other = cost.get("LangGraph")
    if other is None:
        return [title, *own, "", "", ""]
    return [title, *own, f"{other:.0f}", f"{other / cost['code']:.0f}x", f"{other / cost['YAML']:.0f}x"]


if __name__ == "__main__":
    main()
