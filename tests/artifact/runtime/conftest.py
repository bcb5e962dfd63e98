"""What the tests of `runtime/` share: its build outputs and images around a test program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import ROOT, Image, Rig, compile_probe, need

if TYPE_CHECKING:
    from collections.abc import Iterator


def make(*arguments: str) -> None:
    """Build the runtime into runtime/build."""
    need("gcc", "apt-get", "dpkg-deb")
    words = [sys.executable, "-m", "release.build", "runtime", *arguments]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def built() -> Path:
    """The build outputs of this machine's architecture."""
    name = os.uname().machine
    make("--arch", name)
    return ROOT / "runtime/build" / name


@pytest.fixture(scope="session")
def built_aarch64() -> Path:
    need("aarch64-linux-gnu-gcc")
    make("--arch", "aarch64")
    return ROOT / "runtime/build/aarch64"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    return compile_probe("gcc", tmp_path_factory.mktemp("probe") / "probe")


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A folder that other users may read; pytest's own may not."""
    folder = Path(tempfile.mkdtemp(prefix="tea-runtime-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def rig(built: Path, probe: Path, public: Path) -> Rig:
    need("mksquashfs")
    return Rig(built, probe, public / "a f\N{LATIN SMALL LETTER O WITH DIAERESIS}lder")


@pytest.fixture(scope="session")
def image(rig: Rig) -> Image:
    """One image that no test changes."""
    return rig.image()


@pytest.fixture
def desk(public: Path) -> Iterator[Path]:
    """An empty folder that everybody may read."""
    folder = Path(tempfile.mkdtemp(dir=public))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
