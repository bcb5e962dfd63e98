"""The whole way, by the commands that a workflow calls."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.release.publish.conftest import VERSION, image, needs_minisign

from release.build.machine import MACHINES
from release.publish.__main__ import main
from release.publish.artifact import description_of, digest
from release.publish.signature import SECRET

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = "https://example.org/owner/tea/releases"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the jobs that build leave: one image in one piece, one in parts, each with its description."""
    made = tmp_path / "release"
    made.mkdir()
    for machine in MACHINES:
        for name, size in (("tea-python", 1000), ("tea-python-llm-phi4", 90_000)):
            path = str(image(made, name, machine, size=size))
            assert main(["describe", path]) == 0
            assert main(["split", "--limit", "50000", "--largest", "40000", "--consume", path]) == 0
    return made


def index(folder: Path, *more: str) -> int:
    return main(["index", str(folder), "--version", VERSION, "--releases", RELEASES, *more])


def test_large_files_come_in_parts_and_small_ones_do_not(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir() if not path.name.endswith(".artifact.json"))
    assert [name for name in names if "phi4" in name] == [
        f"tea-python-llm-phi4-{VERSION}-{machine}.AppImage.part-0{number}-of-03" for machine in sorted(MACHINES) for number in (1, 2, 3)
    ]
    assert f"tea-python-{VERSION}-x86_64.AppImage" in names


@needs_minisign
def test_every_step_can_be_called_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(tmp_path / "key/minisign.pub")
    assert main(["key", str(tmp_path / "key")]) == 0
    monkeypatch.setenv(SECRET, (tmp_path / "key/minisign.key").read_text(encoding="utf-8"))
    seen = []
    for _ in range(2):
        assert index(folder, "--public-key", key) == 0
        assert main(["sign", str(folder), "--version", VERSION, "--public-key", key]) == 0
        notes = ["notes", str(folder), "--version", VERSION, "--releases", RELEASES, "--public-key", key, "-o", str(folder / "notes.md")]
        assert main(notes) == 0
        assert main(["verify", str(folder), "--public-key", key]) == 0
        seen.append({path.name: digest(path) for path in folder.iterdir()})
    assert seen[0] == seen[1]
    assert f"signed: tea {VERSION}" in capsys.readouterr().err


def test_the_publishing_job_needs_no_large_file(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "publishing"
    there.mkdir()
    for path in folder.glob("*.artifact.json"):
        shutil.copy(path, there)
    assert index(there) == 0
    assert index(folder) == 0
    assert (there / "SHA256SUMS").read_bytes() == (folder / "SHA256SUMS").read_bytes()


def test_what_is_missing_or_other_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert index(folder) == 0
    part = next(folder.glob("*.part-02-of-03"))
    plain = folder / f"tea-python-{VERSION}-x86_64.AppImage"
    part.unlink()
    plain.write_bytes(plain.read_bytes() + b"x")
    (folder / "install.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    assert main(["verify", str(folder)]) == 8
    told = capsys.readouterr().err
    for line in (f"{part.name}: missing", f"{plain.name}: other bytes", "install.sh: SHA256SUMS says something else"):
        assert line in told


@pytest.mark.parametrize("change", ["nothing", "missing", "other", "unfinished"])
def test_what_github_says_it_has_is_compared(change: str, folder: Path, tmp_path: Path) -> None:
    assert index(folder) == 0
    names = [path.name for path in folder.iterdir() if not path.name.endswith(".artifact.json")]
    rows = [{"name": name, "digest": f"sha256:{digest(folder / name)}", "state": "uploaded"} for name in names]
    row = next(row for row in rows if "part" in row["name"])
    if change == "missing":
        rows.remove(row)
    elif change == "other":
        row["digest"] = f"sha256:{'0' * 64}"
    elif change == "unfinished":
        row["state"] = "starter"
    assets = tmp_path / "assets.json"
    assets.write_text(json.dumps(rows), encoding="utf-8")
    assert main(["verify", str(folder), "--assets", str(assets)]) == (0 if change == "nothing" else 8)


def test_the_installer_knows_where_it_belongs(folder: Path) -> None:
    assert index(folder) == 0
    script = (folder / "install.sh").read_text(encoding="utf-8")
    assert f"releases='{RELEASES}'\nreleased='{VERSION}'\npublic_key=''\n" in script
    assert (folder / "install.sh").stat().st_mode & 0o111


@pytest.mark.parametrize("url", ["x", "https://example.org/a'b", "https://example.org/$(x)", "file:///etc"])
def test_an_address_cannot_bring_anything_into_the_installer(url: str, folder: Path) -> None:
    assert main(["index", str(folder), "--version", VERSION, "--releases", url]) == 2
    assert not (folder / "install.sh").exists()


def test_what_cannot_be_meant_is_exit_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["describe", str(tmp_path / "none")]) == 2
    assert main(["split", str(tmp_path / "none")]) == 2
    assert main(["notes", str(tmp_path), "--releases", RELEASES]) == 2
    assert main(["upload", str(tmp_path / "none"), "--bucket", "b", "--public-url", "https://example.org/b"]) == 2
    assert "error [USAGE]" in capsys.readouterr().err


def test_joining_gives_the_file_back(folder: Path) -> None:
    path = folder / f"tea-python-llm-phi4-{VERSION}-x86_64.AppImage"
    assert main(["join", "--consume", str(path)]) == 0
    assert digest(path) == json.loads(description_of(path).read_text(encoding="utf-8"))["sha256"]
    assert not list(folder.glob(f"{path.name}.part-*"))
