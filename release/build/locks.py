"""Pins the newest packages that images are made of: Debian's and Python's in an engine, and those the runtime is compiled with."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from release.build import ROOT, debs, payload, runtime, wheels
from release.build.machine import MACHINES

if TYPE_CHECKING:
    from pathlib import Path


def update(work: Path) -> tuple[Path, ...]:
    """Write the three lock files anew, for every architecture; returns them.

    Python packages come in the versions that the tests run with (``requirements.lock``), so that what was tested is what is shipped.

    Raises:
        UsageError: something cannot be had.
        MachineUnable: apt is not installed.
    """
    recipe = payload.read_recipe()
    debian = debs.Debian(recipe.suite, work / "apt")
    inside, compiled = (
        [one for machine in MACHINES.values() for one in debian.newest(names, machine.debian)]
        for names in (recipe.packages, runtime.PACKAGES)
    )
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["llm-local"], *document["dependency-groups"]["image"]]
    tested = wheels.read_lock(ROOT / "requirements.lock")
    files = [file for name in MACHINES for file in wheels.newest(requirements, tested, name, recipe.python, work / "wheels")]
    texts = {
        payload.DEBS_LOCK: debs.lock_text(set(inside)),
        payload.WHEELS_LOCK: wheels.lock_text(files),
        runtime.LOCK: debs.lock_text(compiled),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return tuple(texts)
