"""What `--version` and `--help` may import: the reason why they are quick."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import sys
before = set(sys.modules)
from the_edge_agent.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
import json
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""

HEAVY = {
    "asyncio",
    "concurrent",
    "ctypes",
    "http",
    "json",
    "logging",
    "multiprocessing",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "urllib",
}


def imported(*words: str) -> set[str]:
    result = subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(result.stdout.splitlines()[-1])) - {"json", "json.decoder", "json.encoder", "json.scanner", "_json"}


def foreign(modules: set[str]) -> set[str]:
    """Packages that are neither ours nor Python's own."""
    roots = {name.partition(".")[0] for name in modules}
    return {root for root in roots if root not in sys.stdlib_module_names} - {"the_edge_agent"}


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "the_edge_agent"}


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version_imports_nothing_but_the_package(word: str) -> None:
    modules = imported(word)
    assert ours(modules) == {"the_edge_agent", "the_edge_agent.cli"}
    assert foreign(modules) == set()
    assert not {name.partition(".")[0] for name in modules} & (HEAVY | {"argparse", "dataclasses", "inspect", "pathlib"})


def test_help_imports_click_and_no_command() -> None:
    modules = imported("--help")
    assert ours(modules) == {"the_edge_agent", "the_edge_agent.cli", "the_edge_agent.cli.root", "the_edge_agent.cli.console"}
    assert foreign(modules) == {"click"}
    assert not {name.partition(".")[0] for name in modules} & HEAVY


def test_help_of_run_imports_only_that_command() -> None:
    modules = imported("run", "--help")
    assert ours(modules) == {
        "the_edge_agent",
        "the_edge_agent.cli",
        "the_edge_agent.cli.root",
        "the_edge_agent.cli.console",
        "the_edge_agent.cli.run",
        "the_edge_agent.cli.names",
    }
    assert foreign(modules) == {"click"}


def test_an_unknown_command_loads_no_engine() -> None:
    assert foreign(imported("frobnicate")) == {"click"}


def test_what_other_implementations_have_is_read_when_it_is_met(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("nodes: [{name: n}]\n", encoding="utf-8")
    assert "tomllib" not in imported("validate", str(flow))
    flow.write_text("nodes: [{name: n}]\nobservability: {}\n", encoding="utf-8")
    assert "tomllib" in imported("validate", str(flow))
