"""An image is read back: intact ones pass, and a flipped byte is found wherever it is."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.unit.image.conftest import Flip, build_engine, elf_file, needs_mksquashfs, payload

from release.build.engine import pack
from the_edge_agent.errors import UsageError
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.verify import verify
from the_edge_agent.image.writer import Model, SmallFile, write_bundle, write_engine
from the_edge_agent.models.embedded import Region, whole

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.image.engine import Engine


@pytest.fixture(scope="module")
def built(engine: Engine, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("built") / "agent.AppImage"
    files = [SmallFile("usr/share/workflow/bundle.json", b"{}"), SmallFile("usr/share/workflow/a.yaml", b"name: a\n")]
    write_bundle(target, engine, name="agent", models=[Model("m.gguf", whole(tiny))], files=files, workflow=files[1].path)
    return target


def problems(path: Path) -> str:
    try:
        return "\n".join(verify(path).problems)
    except ImageDamaged as problem:
        return problem.message


def test_an_intact_image_passes(built: Path) -> None:
    verdict = verify(built)
    assert verdict.problems == []
    assert verdict.damaged() is None
    assert verdict.elves == 4


def test_a_flipped_bit_is_found_in_every_part(built: Path, flip: Flip) -> None:
    for part in verify(built).manifest.parts:
        for at in {part.offset, part.offset + part.size // 2, part.end - 1}:
            assert problems(flip(built, at)), f"byte {at} of {part.name}"


def test_a_flipped_bit_is_found_anywhere(built: Path, flip: Flip) -> None:
    size = built.stat().st_size
    dice = random.Random(5)  # noqa: S311 - the same places every time
    places = [0, 4, 8, *(dice.randrange(size) for _ in range(40)), *(size - back for back in (1, 20, 40, 60, 64, 65, 300))]
    for at in places:
        assert problems(flip(built, at)), f"byte {at}"


def test_a_flipped_bit_between_the_parts_is_found(built: Path, flip: Flip) -> None:
    end = verify(built).manifest.parts[-1].end
    assert end % 65536, "the manifest begins at a page boundary, the tables in front of it end anywhere"
    assert "zeros only" in problems(flip(built, end))


def test_the_damaged_part_is_named(built: Path, flip: Flip) -> None:
    part = verify(built).manifest.models[0]
    found = problems(flip(built, part.offset + 5000))
    assert "usr/share/models/m.gguf" in found
    assert "damaged" in found


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_a_truncated_image_is_told(built: Path, share: float, tmp_path: Path) -> None:
    data = built.read_bytes()
    (tmp_path / "short").write_bytes(data[: int(len(data) * share)])
    assert "no image built by tea, or its end is missing" in problems(tmp_path / "short")


def test_more_bytes_at_the_end_are_told(built: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(built.read_bytes() + b"x")
    assert problems(tmp_path / "long")


@needs_mksquashfs
@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("usr/lib/wrong.so", elf_file("aarch64", {}, mark=bytes(3), length=1024), "another processor"),
        ("tea.desktop", b"[Desktop Entry]\nType=Application\nName=x\n", "lacks Exec, Icon, Categories"),
        ("tea.desktop", b"nothing", "is no desktop file"),
        ("tea.desktop", b"[Desktop Entry]\nType=Application\nName=x\nExec=x\nIcon=none\nCategories=X;\n", "an icon that is not inside"),
        ("usr/share/metainfo/tea.appdata.xml", b"<component>", "is no XML"),
        ("usr/share/metainfo/tea.appdata.xml", b"<component><id>x</id></component>", "lacks name, summary"),
    ],
)
def test_files_that_cannot_be_are_told(name: str, content: bytes, why: str, tmp_path: Path) -> None:
    from tests.unit.image.conftest import head

    folder = payload(tmp_path / "files")
    (folder / name).write_bytes(content)
    pack(folder, tmp_path / "squashfs", level=1)
    write_engine(tmp_path / "x", head=head(), squashfs=tmp_path / "squashfs", name="x", version="1", features=())
    assert why in problems(tmp_path / "x")


@needs_mksquashfs
def test_a_link_out_of_the_image_is_told(tmp_path: Path) -> None:
    from tests.unit.image.conftest import head

    folder = payload(tmp_path / "files")
    (folder / "usr/bin/out").symlink_to("../../../etc/passwd")
    (folder / "AppRun").unlink()
    pack(folder, tmp_path / "squashfs", level=1)
    write_engine(tmp_path / "x", head=head(), squashfs=tmp_path / "squashfs", name="x", version="1", features=())
    found = problems(tmp_path / "x")
    assert "the link usr/bin/out leads out of the image" in found
    assert "there is no program AppRun inside" in found


@needs_mksquashfs
def test_the_other_architecture_is_checked_as_well(tmp_path: Path, tiny: Path) -> None:
    engine = build_engine(tmp_path, "aarch64")
    write_bundle(tmp_path / "x", engine, name="x", models=[Model("m.gguf", whole(tiny))])
    verdict = verify(tmp_path / "x")
    assert verdict.problems == []
    assert verdict.manifest.architecture == "aarch64"


def test_a_model_that_is_no_gguf_is_told(engine: Engine, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"not a model" * 1000)
    write_bundle(tmp_path / "x", engine, name="x", models=[Model("m.gguf", Region(text, 0, 11_000))])
    assert "it is not a GGUF file" in problems(tmp_path / "x")


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        verify(tmp_path / "none")
    with pytest.raises(UsageError, match="directory"):
        verify(tmp_path)


def test_the_command_says_ok_or_what_is_wrong(built: Path, flip: Flip) -> None:
    def tea(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "the_edge_agent", *words], capture_output=True, text=True, check=False, timeout=60)

    good = tea("verify", str(built))
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith(f"OK: {built} (agent, tea 1.2.3, ")
    bad = tea("verify", str(flip(built, 20_000)))
    assert (bad.returncode, bad.stdout) == (8, "")
    assert "[IMAGE_DAMAGED]" in bad.stderr
    assert "engine (bytes" in bad.stderr
