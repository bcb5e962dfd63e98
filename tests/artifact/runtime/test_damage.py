"""Images that are not whole: a clear message, exit code 8, and nothing half done under a final name."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import MODEL, ROOT, need, run, sections

if TYPE_CHECKING:
    from pathlib import Path

    from tests.artifact.runtime.rig import Image, Rig

UNPACKED = {"TEA_APPIMAGE_MOUNT": "none"}
DIGEST = "0123456789abcdef" * 4
FIRST = f"tea-table 1\npayload {DIGEST}\napplication tea\n"
AGENT = f"agent 12 {DIGEST} my-agent\n"
GOOD = [
    FIRST,
    f"{FIRST}length 1000000\n",
    f"{FIRST}length 7\n{AGENT}file 4096 12 m\n",
    FIRST + AGENT,
    f"{FIRST}file 4096 12 a b/ü c.gguf\n",
    FIRST + "".join(f"file {i} 1 m{i}\n" for i in range(16)),
]
BAD = {
    "tea-table 2\n": "its version",
    "tea-tables 1\n": "its first line",
    "x": "its first line",
    FIRST.replace(DIGEST, DIGEST[:-1]): "the payload's digest",
    FIRST.replace(DIGEST, DIGEST.upper()): "the payload's digest",
    f"tea-table 1\npayload {DIGEST}\n": "the application's name",
    FIRST.replace("application tea", "application ../tea"): "the application's name",
    FIRST.replace("application tea", "application -tea"): "the application's name",
    FIRST.replace("application tea", "application " + "a" * 65): "the application's name",
    f"{FIRST}length x\n": "the length of the image",
    f"{FIRST}length 12 \n": "the length of the image",
    f"{FIRST}length \n": "the length of the image",
    f"{FIRST}{AGENT}length 12\n": "an unknown line",
    f"{FIRST}agent {DIGEST} my-agent\n": "the agent",
    f"{FIRST}agent 12 {DIGEST}\n": "the agent",
    f"{FIRST}agent 12 {DIGEST[:-1]} my-agent\n": "the agent",
    f"{FIRST}agent 12 {DIGEST} ../x\n": "the agent",
    f"{FIRST}model 1 2 m\n": "an unknown line",
    f"{FIRST}file 1 2 m": "an unknown line",
    f"{FIRST}file 1 2\n": "offset and length of a file",
    f"{FIRST}file -1 2 m\n": "offset and length of a file",
    f"{FIRST}file 01 2 m\n": "offset and length of a file",
    f"{FIRST}file 1 0 m\n": "offset and length of a file",
    f"{FIRST}file 99999999999999999999 2 m\n": "offset and length of a file",
    f"{FIRST}file 1 99999999 m\n": "a file that ends behind the end of the image",
    f"{FIRST}file 18446744073709551615 2 m\n": "a file that ends behind the end of the image",
    f"{FIRST}file 1 2 /m\n": "the path of a file",
    f"{FIRST}file 1 2 ../m\n": "the path of a file",
    f"{FIRST}file 1 2 a//m\n": "the path of a file",
    f"{FIRST}file 1 2 a/./m\n": "the path of a file",
    f"{FIRST}file 1 2 a/\n": "the path of a file",
    f"{FIRST}" + "file 1 2 m\n" * 17: "more files than it can hold",
    f"{FIRST}\0x": "something behind its last line",
}

HARNESS = """
#include <stdio.h>
#include <string.h>
#include "table.h"
static char content[TABLE_SIZE + 1];
int main(void) {
    struct table table;
    size_t size = fread(content, 1, sizeof content, stdin);
    const char *wrong = table_parse(content, size, 1000000, &table);
    if (wrong) return puts(wrong) < 0;
    printf("%s %s\\n", table.engine.digest, table.engine.application);
    for (size_t i = 0; i < table.count; i++) {
        printf("%llu %llu %s\\n", (unsigned long long)table.files[i].offset, (unsigned long long)table.files[i].length, table.files[i].path);
    }
    return 0;
}
"""


@pytest.fixture(scope="session")
def parser(public: Path) -> Path:
    """The head's own reader of the table, with the compiler's checks for memory and arithmetic."""
    need("gcc")
    source, target = public / "harness.c", public / "harness"
    source.write_text(HARNESS, encoding="utf-8")
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{ROOT / 'runtime'}"]
    done = subprocess.run(
        ["/usr/bin/env", "gcc", *flags, "-o", str(target), str(source), str(ROOT / "runtime/table.c")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot find" in done.stderr:
        pytest.skip("this compiler has no sanitizers")
    assert done.returncode == 0, done.stderr
    return target


def parse(parser: Path, content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(parser)], input=content, capture_output=True, check=False, timeout=30)


@pytest.mark.parametrize("table", GOOD)
def test_a_good_table_is_read(parser: Path, table: str) -> None:
    done = parse(parser, table.encode().ljust(8192, b"\0"))
    wanted = [f"{DIGEST} tea", *(line.removeprefix("file ") for line in table.splitlines() if line.startswith("file "))]
    assert done.stdout.decode().splitlines() == wanted


@pytest.mark.parametrize(("table", "wrong"), BAD.items())
def test_a_bad_table_is_refused_with_its_reason(parser: Path, table: str, wrong: str) -> None:
    done = parse(parser, table.encode().ljust(8192, b"\0"))
    assert (done.stdout.decode(), done.stderr) == (f"{wrong}\n", b"")


def test_a_table_without_an_end_is_refused(parser: Path) -> None:
    assert parse(parser, (FIRST + "file 1 2 ").encode().ljust(8192, b"m")).stdout == b"its end\n"
    assert parse(parser, b"").stdout == b"its end\n"


def test_no_table_makes_the_reader_leave_its_bounds(parser: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - the same tables every time
    pieces = [*(text.encode() for text in [*GOOD, *BAD]), b"file ", b"\n", b"\0", b" ", b"/", b"..", b"9" * 30]
    for _ in range(60):
        content = bytearray(b"".join(chance.choices(pieces, k=chance.randrange(1, 5))))
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        done = parse(parser, bytes(content)[: chance.randrange(1, 8192)])
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("option", [[], ["--appimage-extract"], ["--appimage-mount"]])
def test_a_damaged_table_stops_the_image(rig: Rig, desk: Path, option: list[str]) -> None:
    made = rig.image("table.AppImage", table=f"{FIRST}file 1 2 ../../etc/passwd\n")
    done = made.run(*option, cwd=desk, TEA_APPIMAGE_CACHE=desk / "c")
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith(
        f"error [IMAGE_DAMAGED]: {made.path} is damaged: its table is not readable (the path of a file)\n    hint: get the file again"
    )
    assert not list(desk.iterdir())


def cut(image: Image, desk: Path, size: int) -> Path:
    path = desk / "cut.AppImage"
    path.write_bytes(image.path.read_bytes()[:size])
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("way", ["any", "none"])
def test_an_image_cut_short(image: Image, desk: Path, way: str) -> None:
    whole = image.path.stat().st_size
    for size in (image.payload + 10, image.payload + 5000, (image.payload + whole) // 2, whole - 4096):
        path = cut(image, desk, size)
        done = run([str(path), "exit", "0"], TEA_APPIMAGE_CACHE=desk / "c", TEA_APPIMAGE_MOUNT=way, TMPDIR=desk)
        assert (done.returncode, done.stdout) == (8, "")
        assert done.stderr.startswith(f"error [IMAGE_DAMAGED]: {path} is damaged: it is cut short")
    assert [path.name for path in desk.iterdir()] == ["cut.AppImage"]


def test_an_image_cut_short_behind_its_payload(rig: Rig, desk: Path) -> None:
    """By a byte: nothing that is read at a start is missing."""
    made = rig.image("tail.AppImage")
    size = made.path.stat().st_size
    table = f"{FIRST}length {size + 100}\nfile {made.offset} {len(made.model)} {MODEL}\n"
    made = rig.image("tail.AppImage", table=table)
    with made.path.open("ab") as file:
        file.write(bytes(100))
    assert made.run("exit", "3", TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).returncode == 3
    with made.path.open("r+b") as file:
        file.truncate(size + 99)
    done = made.run("exit", "3", TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert done.returncode == 8
    assert f"it is cut short: {size + 99} of {size + 100} bytes" in done.stderr


def test_an_image_cut_short_in_its_head(image: Image, desk: Path) -> None:
    other = cut(image, desk, image.payload - 100)
    done = image.run(TARGET_APPIMAGE=other)
    assert done.returncode == 8
    assert "it is cut short in its head" in done.stderr


def test_a_head_without_payload(built: Path) -> None:
    done = run([str(built / "head"), "word"])
    assert (done.returncode, done.stdout) == (8, "")
    assert "is a head without payload" in done.stderr
    assert run([str(built / "head"), "--appimage-offset"]).returncode == 0


def test_something_that_is_no_appimage(image: Image, desk: Path) -> None:
    (desk / "text").write_text("#!/bin/sh\n" * 100)
    done = image.run("--appimage-offset", TARGET_APPIMAGE=desk / "text")
    assert done.returncode == 8
    assert "is not an AppImage" in done.stderr


def test_no_squashfs_behind_the_head(image: Image, desk: Path) -> None:
    path = cut(image, desk, image.payload)
    with path.open("ab") as file:
        file.write(b"PK\3\4" * 5000)
    done = run([str(path)])
    assert done.returncode == 8
    assert "there is no squashfs where its payload should start" in done.stderr


def test_wrong_bytes_in_a_file_stop_the_extraction(image: Image, desk: Path) -> None:
    content = bytearray(image.path.read_bytes())
    # The program's own blocks come behind the model here; all of what is compressed is overwritten.
    for start in (image.payload + 96, image.offset + len(image.model)):
        for at in range(start, min(start + 200_000, len(content) - 20_000), 7):
            if not image.offset <= at < image.offset + len(image.model):
                content[at] ^= 0x55
    path = desk / "wrong.AppImage"
    path.write_bytes(content)
    path.chmod(0o755)
    done = run([str(path)], TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith(f"error [IMAGE_DAMAGED]: {path} is damaged: ")
    assert [left.name for left in (desk / "c/tea.test").iterdir()] == ["unpacking.lock"]


def test_whatever_bit_is_wrong_no_crash_and_no_hang(rig: Rig, desk: Path) -> None:
    """With the file system's tables stored raw, as a bundle has them, a wrong bit reaches the reader's arithmetic."""
    raw = type(rig)(rig.built, rig.probe, desk / "images", [*rig.compression, "-noI", "-noId", "-noF"])
    made = raw.image("raw.AppImage")
    content = made.path.read_bytes()
    tables = content.rindex(b"salt.txt") - 600
    chance = random.Random(7)  # noqa: S311 - the same bits every time
    codes = set()
    for _ in range(60):
        wrong = bytearray(content)
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.choice([made.payload + chance.randrange(96), chance.randrange(tables, len(content))])
            wrong[at] ^= 1 << chance.randrange(8)
        path = desk / "wrong.AppImage"
        path.unlink(missing_ok=True)
        path.write_bytes(wrong)
        path.chmod(0o755)
        done = run([str(path), "--appimage-extract"], cwd=desk, timeout=20)
        codes.add(done.returncode)
        assert done.returncode == 0 or done.stderr.startswith("error [")
    assert codes <= {0, 8, 9}
    assert 8 in codes


def test_a_model_behind_four_gigabytes_is_told_as_such(rig: Rig, desk: Path) -> None:
    far = 5 << 30
    made = rig.image("far.AppImage", table=f"{FIRST}file {far} 4096 {MODEL}\n")
    with made.path.open("r+b") as file:
        file.truncate(far + 4096)
    told = made.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert told.environment["TEA_IMAGE_FILES"] == f"{far} 4096 {MODEL}\n"
    made.path.unlink()


def test_the_slots_can_be_found_by_name_in_every_image(image: Image) -> None:
    content = image.path.read_bytes()
    section = sections(content)[".tea_table"]
    assert content[section.offset :].startswith(b"tea-table 1\npayload ")
