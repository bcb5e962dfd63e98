"""What a Lua block costs: microseconds over the engine's own cost, what several branches at a time take, the first use."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from languages.blocks import Subject, report

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

LUA = Subject(
    language="Lua",
    nodes={"Lua": "{name: measured, language: lua, run: 'return { x = state.n + 1 }'}"},
    passes=2_000,
    work="local sum = 0 for i = 1, 2000000 do sum = sum + i % 7 end return { sum = sum }",
    first_use=FIRST_USE,
    target="Target: a small Lua block at most 60 us over the engine's own cost",
)

if __name__ == "__main__":
    report(LUA, ["the-edge-agent", "lupa"])
