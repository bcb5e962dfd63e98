"""What this machine can give a local model: processor cores and memory, as limited by affinity and control groups."""

from __future__ import annotations

import os
from pathlib import Path

from the_edge_agent.errors import MachineUnable

_CPUS = Path("/sys/devices/system/cpu")
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_ROOM = 96 * 1024 * 1024
"""Bytes of address space that llama.cpp takes before any model: its code, and what its threads need."""


def cores() -> int:
    """Physical cores this process may use, at least 1: hyper-threads counted once, the control group's quota rounded down."""
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
        physical = len({_siblings(cpu) for cpu in allowed})
    else:
        physical = os.cpu_count() or 1
    quota = _quota()
    return max(1, min(physical, int(quota))) if quota is not None else max(1, physical)


def logical_cpus() -> int:
    """Processors of the machine, at least 1; more threads than this can only wait for each other."""
    return os.cpu_count() or 1


def _siblings(cpu: int) -> str:
    return _read(_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list") or str(cpu)


def _quota() -> float | None:
    """Processors' worth of time the innermost limiting control group allows, ``None`` without a limit."""
    limits = []
    for group in _own_groups():
        first = f"{_read(group / 'cpu.cfs_quota_us')} {_read(group / 'cpu.cfs_period_us')}"
        quota, _, period = (_read(group / "cpu.max") or first).partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def available_memory() -> int | None:
    """Bytes that can be had without swapping, file pages that can be dropped included; ``None`` where the system does not tell."""
    limits = (_system_memory(), _address_space(), *(_group_memory(group) for group in _own_groups()))
    return min((bytes_ for bytes_ in limits if bytes_ is not None), default=None)


def _system_memory() -> int | None:
    for line in (_read(Path("/proc/meminfo")) or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _address_space() -> int | None:
    """What ``ulimit -v`` leaves: a mapped model counts."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = (_read(Path("/proc/self/statm")) or "").split()
    if limit == resource.RLIM_INFINITY or not used:
        return None
    return max(0, limit - int(used[0]) * resource.getpagesize())


def _group_memory(group: Path) -> int | None:
    limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
    used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes")
    if not (limit and used and limit.isdigit() and used.isdigit()):
        return None
    statistics = dict(line.split() for line in (_read(group / "memory.stat") or "").splitlines())
    # In version 1 the counts without "total_" leave out the groups below.
    droppable = sum(int(statistics.get(f"total_{kind}", statistics.get(kind, 0))) for kind in ("inactive_file", "active_file"))
    return max(0, int(limit) - int(used) + droppable)


def _own_groups() -> list[Path]:
    """The control groups of this process and those above them, of both versions, as far as they are visible here."""
    groups = []
    for line in (_read(_OWN_GROUPS) or "0::/").splitlines():
        number, controllers, own = line.split(":", 2)
        names = set(controllers.split(","))
        if number == "0":
            roots = {_GROUPS, _GROUPS / "unified"}
        elif names & {"cpu", "memory"}:
            roots = {_GROUPS / name for name in (controllers, *names)}
        else:
            continue
        groups += [place for root in sorted(roots) for place in _up(root, root / own.lstrip("/"))]
    return groups


def _up(root: Path, own: Path) -> list[Path]:
    """``own`` and the folders above it, up to ``root``."""
    return [place for place in (own, *own.parents) if place == root or root in place.parents]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def check_memory(what: str, weights: int, cache: int, *, tokens: int, available: int | None = None) -> None:
    """Raise :class:`MachineUnable` when the model cannot fit: ``weights`` and ``cache`` are bytes, the cache being for ``tokens`` tokens.

    The message names the forecast and what there is, in MiB.
    """
    available = available_memory() if available is None else available
    # Compute buffers and the program itself: small beside any model this matters for.
    needed = weights + cache + 64 * 1024 * 1024
    if available is None or needed <= available:
        return
    smaller = " or a smaller n_ctx" if cache > weights // 4 else ""
    raise MachineUnable(
        f"{what} needs about {_mib(needed)} MiB of memory ({_mib(weights)} for the weights, {_mib(cache)} for a context of"
        f" {tokens} tokens), {_mib(available)} MiB are available",
        hint=f"choose a smaller model{smaller}, or free memory",
    )


def check_room() -> None:
    """Raise :class:`MachineUnable` when ``ulimit -v`` leaves too little to open llama.cpp, which ends the process where it gets none."""
    left = _address_space()
    if left is not None and left < _ROOM:
        raise MachineUnable(
            f"llama.cpp needs about {_mib(_ROOM)} MiB of address space, {_mib(left)} MiB are left", hint="raise the limit: ulimit -v"
        )


def _mib(size: int) -> int:
    return size // (1024 * 1024)
