"""The acceptance suite of an image: ``pytest tests/artifact/acceptance --appimage FILE [--rooms here,empty,busybox,FOLDER]``.

Without ``--appimage`` (or ``TEA_ACCEPT``) it is skipped: an image is no product of the tests.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifact.acceptance.rooms import CACHE, HERE, Place, Room, foreign, furnish, rooms

from the_edge_agent.image.engine import open_engine

if TYPE_CHECKING:
    from the_edge_agent.image.manifest import Manifest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--appimage", type=Path, default=None, help="the image to accept")
    parser.addoption(
        "--rooms", default=f"{HERE},empty,busybox", help="where to start it: here, empty, busybox, or folders that hold a root file system"
    )


def _image(config: pytest.Config) -> Path | None:
    named = config.getoption("appimage", None) or os.environ.get("TEA_ACCEPT")
    return Path(named).absolute() if named else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "room" not in metafunc.fixturenames:
        return
    named = str(metafunc.config.getoption("rooms", HERE)).split(",")
    found = rooms(named)
    if metafunc.definition.get_closest_marker("here"):
        found = [room for room in found if not room.clean] or [Room(HERE)]
    metafunc.parametrize("room", found, ids=[room.name for room in found], indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "here: needs this machine around the image, not a clean room")


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Room:
    found: Room = request.param
    return furnish(found, tmp_path_factory.getbasetemp() / "rooms")


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Path:
    """The image to accept."""
    found = _image(request.config)
    if found is None:
        pytest.skip("no image is named: pytest tests/artifact/acceptance --appimage FILE")
    assert found.is_file(), f"there is no {found}"
    return found


@pytest.fixture(scope="session")
def manifest(image: Path) -> Manifest:
    return open_engine(image).manifest


@pytest.fixture
def place(room: Room, image: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The image in a room, and an empty folder to work in."""
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    if room.plain_user:
        for folder in (tmp_path, *list(tmp_path.parents)[:2]):
            folder.chmod(folder.stat().st_mode | 0o055)
    cache = tmp_path_factory.getbasetemp() / "caches" / room.name
    cache.mkdir(parents=True, exist_ok=True)
    return Place(room, image, work, cache, {"TEA_APPIMAGE_CACHE": CACHE if room.clean else str(cache)})


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest) -> None:
    """An emulated processor is slow."""
    found = _image(request.config)
    if found is not None and found.is_file() and foreign(found):
        request.node.add_marker(pytest.mark.timeout(900))


@pytest.fixture
def examples(place: Place) -> str:
    """The examples of the project, where the image sees them; returns the folder's name."""
    shutil.copytree(Path(__file__).parents[3] / "examples", place.work / "examples")
    return "examples"
