"""A release on a web server of this machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.release.install.desk import ARCH, Desk, make_release
from tests.release.install.mirror import Mirror, serving

from the_edge_agent.image.elf import MACHINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a release. Tests only read it."""
    if ARCH not in MACHINES:
        pytest.skip(f"no image is made for {ARCH}")
    return make_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def release(published: Path, tmp_path: Path) -> Path:
    """The same, to change it."""
    return shutil.copytree(published, tmp_path / "release")


@pytest.fixture
def mirror(release: Path) -> Iterator[Mirror]:
    """Serves ``release``."""
    with serving(release) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where it is tried if the shell and the program that downloads make no difference."""
    return Desk(tmp_path / "desk", "dash", "curl")
