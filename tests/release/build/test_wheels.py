"""Python's packages of an engine: locked, fetched once, unpacked into their folder only."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from release.build import ROOT, wheels
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_wheel_lock_is_what_pip_reads(tmp_path: Path) -> None:
    for name in ("some_thing-1.0-py3-none-any.whl", "other-2.1-cp311-cp311-manylinux_2_17_x86_64.whl"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "lock").write_text(wheels.lock_text(sorted(tmp_path.glob("*.whl"))), encoding="utf-8")
    assert wheels.read_lock(tmp_path / "lock") == {"some-thing": "1.0", "other": "2.1"}


def test_a_wheel_is_unpacked_into_its_folder_only(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x-1-py3-none-any.whl", "w") as archive:
        for name in ("x/__init__.py", "x-1.data/purelib/y.py", "x-1.data/scripts/run", "../out.py", "/abs.py"):
            archive.writestr(name, "pass")
    wheels.unpack(tmp_path / "x-1-py3-none-any.whl", tmp_path / "site")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")} == {"site/x/__init__.py", "site/y.py"}
    assert not list(tmp_path.rglob("run"))


def test_the_projects_wheel_is_the_same_twice(tmp_path: Path) -> None:
    built = [wheels.own(ROOT, tmp_path / name) for name in ("one", "two")]
    assert built[0].read_bytes() == built[1].read_bytes()


def test_wheels_of_an_earlier_build_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"one": "some_thing-1.0-py3-none-any.whl", "two": "other-2.1-cp311-cp311-manylinux_2_17_x86_64.whl"}
    for content, name in names.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "lock").write_text(wheels.lock_text(sorted(tmp_path.glob("*.whl"))), encoding="utf-8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    def fetched(architecture: str) -> set[str]:
        return {file.name for file in wheels.fetch(tmp_path / "lock", ["some-thing", "other"], architecture, "3.11", tmp_path)}

    assert fetched("x86_64") == set(names.values())
    with pytest.raises(UsageError, match="pip cannot fetch"):
        fetched("aarch64")
    (tmp_path / names["one"]).write_text("changed", encoding="utf-8")
    with pytest.raises(UsageError, match="pip cannot fetch"):
        fetched("x86_64")
