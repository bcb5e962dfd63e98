"""What the machine can give."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import MachineUnable
from the_edge_agent.llm.local import machine

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def test_there_is_a_core_and_some_memory() -> None:
    assert 1 <= machine.cores() <= machine.logical_cpus()
    assert machine.cores() <= len(os.sched_getaffinity(0))
    assert (machine.available_memory() or MIB) > 0


def test_a_model_that_does_not_fit_is_refused_with_the_forecast() -> None:
    with pytest.raises(
        MachineUnable, match=r"about 4564 MiB of memory \(4000 for the weights, 500 for a context of 4096 tokens\), 2000 MiB"
    ):
        machine.check_memory("m", 4000 * MIB, 500 * MIB, tokens=4096, available=2000 * MIB)
    machine.check_memory("m", 4000 * MIB, 500 * MIB, tokens=4096, available=5000 * MIB)


def test_a_large_context_is_named_as_what_to_change() -> None:
    with pytest.raises(MachineUnable) as caught:
        machine.check_memory("m", 100 * MIB, 9000 * MIB, tokens=131072, available=2000 * MIB)
    assert "a smaller n_ctx" in (caught.value.hint or "")


def test_the_limits_of_a_control_group_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(f"{100 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{60 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\nactive_file {10 * MIB}\ninactive_file {5 * MIB}\n")
    monkeypatch.setattr(machine, "_own_groups", lambda: [tmp_path])
    assert machine.cores() == 1
    assert machine.available_memory() == 55 * MIB


def test_a_limit_of_the_address_space_counts() -> None:
    program = (
        "import resource; from the_edge_agent.llm.local import machine; used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20), resource.RLIM_INFINITY)); print(machine.available_memory())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert 0 < int(told) <= 100 * MIB


def test_the_limits_of_control_groups_of_version_1_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each controller has a tree of its own; inside a container the root of each is what counts, whatever the path says."""
    own = tmp_path / "own"
    own.write_text("11:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n3:pids:/\n0::/\n")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUPS", own)
    files = {
        "memory/memory.limit_in_bytes": 100 * MIB,
        "memory/memory.usage_in_bytes": 60 * MIB,
        "memory/memory.stat": f"active_file 0\ntotal_active_file {10 * MIB}\ntotal_inactive_file {5 * MIB}",
        "cpu,cpuacct/docker/a/cpu.cfs_quota_us": 150_000,
        "cpu,cpuacct/docker/a/cpu.cfs_period_us": 100_000,
        "cpu,cpuacct/cpu.cfs_quota_us": -1,
        "cpu,cpuacct/cpu.cfs_period_us": 100_000,
    }
    for name, value in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value}\n")
    assert machine.cores() == 1
    assert machine.available_memory() == 55 * MIB
