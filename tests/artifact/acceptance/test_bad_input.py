"""What is damaged, too large or not what it should be: a clear message, its exit code, what to do next, and no half file left."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.artifact.acceptance.rooms import Place, foreign

from the_edge_agent.image.engine import open_engine
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from the_edge_agent.image.manifest import Manifest

pytestmark = pytest.mark.here

PLAIN = "name: plain\nnodes: [{name: a, uses: json.parse, with: {text: '{}'}, output: said}]\n"
ASKING = "name: asking\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 2}, output: said}]\n"


@pytest.fixture
def flow(place: Place, manifest: Manifest) -> str:
    """A workflow that asks a model, where the image can run one."""
    return place.write("flow.yaml", ASKING if manifest.models else PLAIN)


@pytest.fixture
def copy(place: Place) -> Iterator[Path]:
    """The image, to be damaged."""
    target = place.work / "damaged.AppImage"
    shutil.copy(place.image, target)
    yield target
    target.unlink()


def refused(done: subprocess.CompletedProcess[str], code: int, name: str, *said: str) -> None:
    """It ended with ``code``, and with a message that has the error's name, these words and a hint, and no trace of our code."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    for words in (f"error [{name}]: ", "hint: ", *said):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_an_image_cut_short(place: Place, copy: Path, flow: str, share: float) -> None:
    """Behind its head: of a program that is cut short itself the kernel starts nothing that could say so."""
    head = open_engine(copy).start
    with copy.open("r+b") as file:
        file.truncate(head + int((copy.stat().st_size - head) * share))
    before = left(place.work)
    refused(place.run("--version", image=copy), 8, "IMAGE_DAMAGED", f"{copy} is damaged: it is cut short", "get the file again")
    refused(place.run("tea", "verify", str(copy)), 8, "IMAGE_DAMAGED", "its end is missing")
    refused(place.run("tea", "bundle", flow, "--engine", str(copy), "-o", "new.AppImage"), 8, "IMAGE_DAMAGED", "its end is missing")
    assert left(place.work) == before


def test_an_image_cut_short_by_a_byte(place: Place, copy: Path) -> None:
    """Nothing that a start reads is missing."""
    with copy.open("r+b") as file:
        file.truncate(copy.stat().st_size - 1)
    refused(place.run("--version", image=copy), 8, "IMAGE_DAMAGED", f"{copy} is damaged: it is cut short", "get the file again")


def test_a_squashfs_with_wrong_bytes(place: Place, copy: Path, flow: str) -> None:
    """All of its compressed blocks are overwritten: nothing of it can be started, unpacked or built on."""
    part = open_engine(copy).manifest.part("engine")
    with copy.open("r+b") as file:
        file.seek(part.offset)
        file.write(bytes(part.size // 2))
    place.environment |= {"APPIMAGE_EXTRACT_AND_RUN": "1", "TEA_APPIMAGE_CACHE": str(place.work / "cache")}
    refused(place.run("--version", image=copy), 8, "IMAGE_DAMAGED", f"{copy} is damaged: ", "get the file again")
    assert [path.name for path in (place.work / "cache").rglob("*") if path.is_file()] == ["unpacking.lock"]
    place.environment["APPIMAGE_EXTRACT_AND_RUN"] = ""
    place.environment["TEA_APPIMAGE_CACHE"] = str(place.cache)
    refused(place.run("tea", "verify", str(copy)), 8, "IMAGE_DAMAGED", f"engine (bytes {part.offset} to {part.end}) is damaged")
    refused(place.run("tea", "bundle", flow, "--engine", str(copy), "-o", "new.AppImage"), 8, "IMAGE_DAMAGED", "not intact")
    assert left(place.work) == {"flow.yaml", "damaged.AppImage", "cache"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("text", "it is not a GGUF file"), ("header", "it is truncated: "), ("weights", "it is truncated: its weights need")],
)
def test_a_model_that_is_none(place: Place, manifest: Manifest, flow: str, name: str, reason: str) -> None:
    if not manifest.models:
        pytest.skip("this image runs no models")
    whole = builtin.path().read_bytes()
    contents = {"text": b"Dear model, ", "header": whole[:1000], "weights": whole[:-1000]}
    (place.work / "m.gguf").write_bytes(contents[name])
    before = left(place.work)
    refused(place.run("tea", "bundle", flow, "--model", "m.gguf", "-o", "new.AppImage"), 8, "MODEL_UNAVAILABLE", "m.gguf", reason)
    refused(place.run("tea", "run", flow, "--gguf", "m.gguf"), 8, "MODEL_UNAVAILABLE", "m.gguf", reason)
    assert left(place.work) == before


def test_a_model_larger_than_memory(place: Place, manifest: Manifest, flow: str) -> None:
    if not manifest.models:
        pytest.skip("this image runs no models")
    huge = place.work / "huge.gguf"
    shutil.copyfile(builtin.path(), huge)
    with huge.open("r+b") as file:
        file.truncate(4 << 40)
    refused(
        place.run("tea", "run", flow, "--gguf", "huge.gguf"),
        9,
        "MACHINE_UNABLE",
        "huge.gguf needs about",
        "MiB are available",
        "smaller model",
    )
    huge.unlink()


def on_a_disk_of(size: int, place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    """The image started in the folder ``disk``, which has that many bytes; what is on it is listed behind the answer."""
    (place.work / "disk").mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o "size=$0" tmpfs disk && cd disk && { "$@"; code=$?; ls -A; exit $code; }'
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(size), *place.command(*words)]
    if subprocess.run([*argv[:6], "mount -t tmpfs tmpfs ."], cwd=place.work, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow a disk of the test's own")
    return place.run(argv=argv)


def test_a_disk_that_is_full(place: Place, flow: str) -> None:
    """Too small from the start; and large enough for engine and models, but not for what comes behind them."""
    if foreign(place.image):
        pytest.skip("one user namespace is enough")
    words = ["tea", "bundle", f"../{flow}", "-o", "new.AppImage"]
    small = on_a_disk_of(1 << 20, place, *words)
    refused(small, 2, "USAGE", "there is no room for new.AppImage: it needs ", "free some")
    needed = re.search(r"it needs ([\d,]+) bytes", small.stderr)
    assert needed
    middle = on_a_disk_of(int(needed[1].replace(",", "")) + 65536, place, *words)
    refused(middle, 2, "USAGE", "there is no room for new.AppImage: the disk is full", "free some")


def test_a_file_system_without_such_large_files(place: Place, flow: str) -> None:
    """As FAT is with four gigabytes."""
    argv = ["sh", "-c", 'ulimit -f 20000; exec "$@"', "sh", *place.command("tea", "bundle", flow, "-o", "new.AppImage")]
    refused(place.run(argv=argv), 2, "USAGE", "cannot write new.AppImage: the file system", "another file system")
    assert left(place.work) == {"flow.yaml"}
