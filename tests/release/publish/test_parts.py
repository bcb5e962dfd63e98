"""Cutting and joining: byte for byte, whatever interrupts it, in the room of one part."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.release.publish.conftest import FULL

from release.publish import parts
from release.publish.artifact import Artifact, ArtifactDamaged, describe, description_of, digest, load, save
from release.publish.parts import join, spans, split
from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE, LIMIT, LARGEST = 1_000_003, 400_000, 300_000


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(random.Random(2).randbytes(SIZE))  # noqa: S311 - just bytes
    save(describe(path), tmp_path)
    return path


def described(path: Path) -> Artifact:
    return load(description_of(path))


def cut(path: Path, *, consume: bool = False) -> Artifact:
    return split(described(path), path.parent, limit=LIMIT, largest=LARGEST, consume=consume)


def joined(made: Artifact, folder: Path) -> bytes:
    return b"".join((folder / part.name).read_bytes() for part in made.parts)


@pytest.mark.parametrize("consume", [False, True])
def test_parts_are_the_file(consume: bool, whole: Path) -> None:  # noqa: FBT001 - a parameter of the test
    content = whole.read_bytes()
    made = cut(whole, consume=consume)
    assert [part.name for part in made.parts] == [f"large.bin.part-0{number}-of-04" for number in (1, 2, 3, 4)]
    assert all(part.size <= LARGEST for part in made.parts)
    assert joined(made, whole.parent) == content
    assert whole.exists() != consume
    assert all(digest(whole.parent / part.name) == part.sha256 for part in made.parts)
    assert described(whole) == made
    assert cut(whole, consume=consume) == made
    assert sorted(path.name for path in whole.parent.iterdir() if path != whole) == [
        "large.bin.artifact.json",
        *(part.name for part in made.parts),
    ]


@pytest.mark.parametrize("consume", [False, True])
def test_what_is_joined_is_the_file(consume: bool, whole: Path) -> None:  # noqa: FBT001 - a parameter of the test
    content = whole.read_bytes()
    made = cut(whole, consume=True)
    assert join(made, whole.parent, consume=consume) == whole
    assert whole.read_bytes() == content
    assert any((whole.parent / part.name).exists() for part in made.parts) != consume
    assert join(made, whole.parent, consume=consume) == whole


def test_a_file_below_the_limit_stays(whole: Path) -> None:
    made = split(described(whole), whole.parent, limit=SIZE + 1, largest=LARGEST)
    assert made.parts == ()
    assert split(described(whole), whole.parent, limit=SIZE, largest=LARGEST).parts


@pytest.mark.parametrize("size", [1, 2, 299_999, 300_000, 300_001, 2**31, 4_539_000_000])
def test_parts_lie_side_by_side_and_are_about_as_long(size: int) -> None:
    found = spans(size, 300_000 if size < 2**20 else parts.LARGEST)
    assert found[0].start == 0
    assert found[-1].end == size
    assert all(one.end == after.start for one, after in pairwise(found))
    assert max(one.size for one in found) - min(one.size for one in found) <= 1


def test_parts_are_below_the_limit_of_a_release() -> None:
    assert parts.LIMIT == 2_147_483_648
    assert parts.LARGEST < parts.LIMIT
    with pytest.raises(UsageError, match="not smaller than the limit"):
        split(Artifact(name="x", size=1, sha256="0" * 64), Path(), limit=10, largest=10)
    with pytest.raises(UsageError, match="100 parts"):
        spans(1000, 10)


class Stopped(Exception):
    """The machine went off."""


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Everything ends after so many steps that change files; as for a machine that goes off, no cleaning up runs."""
    left = [10**9]
    real = {name: getattr(os, name) for name in ("fsync", "truncate")}

    def step(name: str) -> object:
        def do(*given: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Stopped
            return real[name](*given)

        return do

    for name in real:
        monkeypatch.setattr(os, name, step(name))
    yield left
    left[0] = 10**9


@pytest.mark.parametrize("after", range(9))
def test_cutting_goes_on_after_an_interruption_anywhere(after: int, whole: Path, stops: list[int]) -> None:
    content = whole.read_bytes()
    stops[0] = after
    try:
        cut(whole, consume=True)
    except Stopped:
        stops[0] = 10**9
        made = cut(whole, consume=True)
    else:
        made = described(whole)
    assert joined(made, whole.parent) == content
    assert not whole.exists()


@pytest.mark.parametrize("after", range(6))
def test_joining_goes_on_after_an_interruption_anywhere(after: int, whole: Path, stops: list[int]) -> None:
    content = whole.read_bytes()
    made = cut(whole, consume=True)
    stops[0] = after
    try:
        join(made, whole.parent, consume=True)
    except Stopped:
        assert not whole.exists()
        stops[0] = 10**9
        join(made, whole.parent, consume=True)
    assert whole.read_bytes() == content
    assert sorted(path.name for path in whole.parent.iterdir()) == ["large.bin", "large.bin.artifact.json"]


@pytest.mark.parametrize("at", [0, SIZE // 2, SIZE - 1])
def test_a_file_that_is_not_the_one_described_is_not_cut(at: int, whole: Path) -> None:
    content = bytearray(whole.read_bytes())
    content[at] ^= 1
    whole.write_bytes(content)
    with pytest.raises(ArtifactDamaged, match="not the file that was described"):
        cut(whole, consume=True)
    assert whole.read_bytes() == content
    assert not list(whole.parent.glob("*.part-*"))


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("consume", [False, True])
def test_a_file_that_changes_while_it_is_cut_is_noticed(consume: bool, number: int, whole: Path) -> None:  # noqa: FBT001 - a parameter of the test
    made = cut(whole)
    part = whole.parent / made.parts[number - 1].name
    part.unlink()
    content = bytearray(whole.read_bytes())
    content[spans(SIZE, LARGEST)[number - 1].start] ^= 1
    whole.write_bytes(content)
    with pytest.raises(ArtifactDamaged):
        cut(whole, consume=consume)
    assert not part.exists()
    assert whole.exists()


def test_right_parts_of_another_file_make_no_file(whole: Path) -> None:
    made = cut(whole, consume=True)
    with pytest.raises(ArtifactDamaged, match="do not make it"):
        join(replace(made, sha256="0" * 64), whole.parent)
    assert not whole.exists()
    join(made, whole.parent)


def test_a_file_that_grew_is_not_cut(whole: Path) -> None:
    with whole.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ArtifactDamaged):
        cut(whole, consume=True)


@pytest.mark.parametrize("change", ["flip", "shorten", "lengthen", "remove", "swap"])
def test_wrong_parts_make_no_file(change: str, whole: Path) -> None:
    made = cut(whole, consume=True)
    first, second = (whole.parent / part.name for part in made.parts[1:3])
    content = second.read_bytes()
    if change == "remove":
        second.unlink()
    elif change == "swap":
        second.write_bytes(first.read_bytes())
    else:
        second.write_bytes({"flip": bytes([content[0] ^ 1]) + content[1:], "shorten": content[:-1], "lengthen": content + b"x"}[change])
    with pytest.raises((ArtifactDamaged, UsageError), match=second.name):
        join(made, whole.parent)
    assert not whole.exists()
    second.write_bytes(content)
    join(made, whole.parent)
    assert digest(whole) == made.sha256


def test_no_room_is_told_and_loses_nothing(whole: Path) -> None:
    """A limit of a file's length stands for a full disk: the kernel refuses the same write."""
    content = whole.read_bytes()
    made = cut(whole)
    whole.unlink()
    code = (
        "import resource, signal, sys; from pathlib import Path; from release.publish import __main__ as cli;"
        f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, ({LARGEST + 50_000}, resource.RLIM_INFINITY));"
        "sys.exit(cli.main(['join', '--consume', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(whole)], capture_output=True, encoding="utf-8", check=False, cwd=Path(parts.__file__).parents[2]
    )
    assert done.returncode == MachineUnable.exit_code, done.stderr
    assert "make room, then call it again" in done.stderr
    assert not whole.exists()
    join(made, whole.parent, consume=True)
    assert whole.read_bytes() == content
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.skipif(not FULL, reason="takes 15 GB and minutes: ./dev release-test, or TEA_RELEASE_FULL=FOLDER")
@pytest.mark.timeout(1800)
def test_a_file_as_long_as_the_largest_image() -> None:
    """4.6 GB with something in it everywhere: cut and joined in the room of one part, at the limit of a release."""
    folder = Path(str(FULL)) / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "large.bin"
    block = random.Random(3).randbytes(1 << 20)  # noqa: S311 - just bytes
    every = hashlib.sha256()
    with whole.open("wb") as file:
        for number in range(4390):
            piece = number.to_bytes(8, "little") + block[8:]
            file.write(piece)
            every.update(piece)
    made = split(describe(whole), folder, consume=True)
    assert made.sha256 == every.hexdigest()
    assert not whole.exists()
    assert [part.size < parts.LIMIT for part in made.parts] == [True] * 3
    join(made, folder, consume=True)
    assert digest(whole) == every.hexdigest()
    whole.unlink()
    description_of(whole).unlink()
