"""Files of a release, small enough for every test."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from release.build import variants
from the_edge_agent.image.manifest import Manifest, Part
from the_edge_agent.image.squashfs import SUPERBLOCK

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.2.3"
FULL = os.environ.get("TEA_RELEASE_FULL")
"""A folder with room for 15 GB, where the tests run that take long; they are skipped without."""

needs_minisign = pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed: apt-get install minisign")


def image(
    folder: Path, name: str, machine: str = "x86_64", *, version: str = VERSION, workflow: str | None = None, size: int = 1000
) -> Path:
    """A file that ends like an image, with the models of its variant in its manifest."""
    known = variants.table().get(name)
    models = [one for one in (known.models if known else ()) if one.endswith(".gguf")]
    parts = tuple(Part("model", f"usr/share/models/{model}", 0, 10, f"{number:064x}") for number, model in enumerate(models, 1))
    features = ("python", "llm-local") if known and known.llm else ("python",)
    end = Manifest(
        name=name,
        version=version,
        architecture=machine,
        features=features,
        payload="0" * 64,
        superblock=bytes(SUPERBLOCK.size).hex(),
        workflow=workflow,
        parts=parts,
    )
    path = folder / f"{name}-{version}-{machine}.AppImage"
    path.write_bytes(bytes(range(256)) * (size // 256) + end.encoded())
    return path
