"""The small engine image that bundles are built on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.unit.image.conftest import build_engine

if TYPE_CHECKING:
    from the_edge_agent.image.engine import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """An engine image of this machine's kind. Tests only read it."""
    if shutil.which("mksquashfs") is None:
        pytest.skip("mksquashfs is not installed: apt-get install squashfs-tools")
    return build_engine(tmp_path_factory.mktemp("engine"))
