"""What one release builds, for a pipeline to read: a job a variant and architecture."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from release.build import variants
from release.build.machine import MACHINES
from the_edge_agent.errors import UsageError
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

GIB = 2**30
_ENGINE = 2 * GIB
"""Packages, engine and image without a big model, with room to spare."""
_COPIES = 2
"""A big model lies on the disk as it was downloaded and in the image."""
_UNKNOWN = 6 * GIB
"""Taken for a model whose size nobody has confirmed."""


def matrix(names: Collection[str] = (), architectures: Collection[str] = ()) -> dict[str, list[dict[str, str]]]:
    """The matrix of a GitHub job; ``names`` and ``architectures`` leave out all others. Every value is text, as there.

    Raises:
        UsageError: there is no such variant.
    """
    wanted = [variants.named(name) for name in names] or list(variants.table().values())
    return {
        "include": [
            {"variant": one.name, "architecture": machine.name, "runner": machine.runner, "model": one.own_model or ""}
            for one in wanted
            for machine in MACHINES.values()
            if not architectures or machine.name in architectures
        ]
    }


def needed(name: str) -> int:
    """Bytes of disk that building the variant ``name`` takes at most."""
    model = variants.named(name).own_model
    if model is None:
        return _ENGINE
    known = catalogue.known(model)
    return _ENGINE + _COPIES * ((known.expected_size if known else None) or _UNKNOWN)


def check(name: str, folder: Path) -> tuple[int, int]:
    """Bytes needed and bytes free for building ``name`` below ``folder``; its model is confirmed.

    Raises:
        UsageError: there is less free than needed, or nobody has read the model's size and SHA-256 at the hub.
    """
    model = variants.named(name).own_model
    known = catalogue.known(model) if model else None
    if model and not (known and known.locked):
        raise UsageError(
            f"{name} brings {model}, which is not locked", hint=f"tea models lock {model}, look at what changed, and commit it"
        )
    need, free = needed(name), shutil.disk_usage(folder).free
    if free < need:
        raise UsageError(
            f"building {name} takes {need / GIB:.1f} GiB, {folder} has {free / GIB:.1f} GiB free", hint="free some, or build elsewhere"
        )
    return need, free


def summary(row: dict[str, Any]) -> str:
    """One row of the matrix for people."""
    return f"{row['variant']} {row['architecture']}" + (f" with {row['model']}" if row["model"] else "")
