"""Engines built from pinned packages: the same bytes whoever builds them where, and whatever else is built beside them.

``TEA_ACCEPT_BUILD`` names the folder of an earlier build, whose packages are used again; without it these tests are skipped, because an
engine is no product of the tests. ``./dev image`` sets it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.image.engine import open_engine
from the_edge_agent.image.squashfs import FILE, LONG_FILE, Squashfs

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [
    pytest.mark.skipif(not os.environ.get("TEA_ACCEPT_BUILD"), reason="builds engines from packages: TEA_ACCEPT_BUILD=build/appimage"),
    pytest.mark.timeout(900),
]

ROOT = Path(__file__).parents[3]
PLAIN, WITH_MODEL = "tea-python", "tea-python-llm"
SOMEBODY = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]


@dataclass(frozen=True)
class Workshop:
    """A place to build in: whose, of which sources, in what surroundings."""

    folder: Path
    source: Path
    umask: int
    environment: dict[str, str]
    prefix: Sequence[str] = ()

    def build(self, variant: str, name: str) -> Path:
        """The image of ``variant``, built into the file ``name``."""
        target = self.folder / name
        words = ["variant", variant, "--level", "1", "--work", str(self.folder), "-o", str(target)]
        words += ["--runtime", str(ROOT / "runtime/build")]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "TZ", "SOURCE_DATE", "PYTHON"))}
        done = subprocess.run(
            [*self.prefix, sys.executable, "-B", "-m", "release.build", *words],
            env={**kept, "PYTHONPATH": str(self.source), **self.environment},
            cwd=self.folder,
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return target


def furnished(folder: Path, *without: str) -> Path:
    """A folder to build in that has the packages of the earlier build, and nothing that was made of them."""
    earlier = Path(os.environ["TEA_ACCEPT_BUILD"])
    for name in ("apt/debs", "wheels"):
        if (earlier / name).is_dir():
            left_out = shutil.ignore_patterns("the_edge_agent-*", *without)
            shutil.copytree(earlier / name, folder / name, ignore=left_out, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The images that are compared, by what is special about them."""
    # For the first there is nothing yet of what only the second has.
    here = Workshop(furnished(tmp_path_factory.mktemp("here"), "xllamacpp-*"), ROOT, 0o022, {})
    found = {PLAIN: here.build(PLAIN, "plain")}
    furnished(here.folder)
    found |= {WITH_MODEL: here.build(WITH_MODEL, "model"), "again": here.build(PLAIN, "again")}
    far = furnished(tmp_path_factory.mktemp("far") / "a m\N{LATIN SMALL LETTER U WITH DIAERESIS}ch longer name, with spaces")
    source = far / "source"
    for name in ("src", "release"):
        shutil.copytree(ROOT / name, source / name, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copyfile(ROOT / name, source / name)
    for path in source.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (far / "home").mkdir()
    surroundings = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": str(far / "home"), "PYTHONHASHSEED": "77", "SOURCE_DATE_EPOCH": "86400"}
    can = subprocess.run([*SOMEBODY, "true"], capture_output=True, check=False).returncode == 0
    there = Workshop(far, source, 0o077, surroundings, SOMEBODY if can else ())
    found |= {f"far {WITH_MODEL}": there.build(WITH_MODEL, "model"), f"far {PLAIN}": there.build(PLAIN, "plain")}
    return found


def contents(path: Path) -> dict[str, object]:
    """What can differ between two images: every part, and every file inside with its mode and time."""
    engine = open_engine(path)
    found: dict[str, object] = {f"part {part.name}": (part.offset, part.size, part.sha256) for part in engine.manifest.parts}
    with path.open("rb") as file:
        squashfs = Squashfs(file, engine.start, path.stat().st_size)
        for member in squashfs.members():
            inode = member.inode
            content = squashfs.content(inode) if inode.kind in {FILE, LONG_FILE} else inode.target
            found[member.path] = (inode.mode, inode.modified, hashlib.sha256(content).hexdigest())
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Where two images differ, by name; nothing when they have the same bytes."""
    if one.read_bytes() == other.read_bytes():
        return []
    before, after = contents(one), contents(other)
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)) or ["their bytes"]


@pytest.mark.parametrize("variant", [PLAIN, WITH_MODEL])
def test_another_place_user_umask_locale_and_time_give_the_same_bytes(built: dict[str, Path], variant: str) -> None:
    assert differences(built[variant], built[f"far {variant}"]) == []


def test_the_image_without_models_is_the_same_whatever_was_built_before_it(built: dict[str, Path]) -> None:
    assert differences(built[PLAIN], built["again"]) == []
