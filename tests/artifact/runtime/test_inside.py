"""libtea-inside.so: files read in place by their path, and variables that only libraries see."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import ROOT, need, run

if TYPE_CHECKING:
    from pathlib import Path

READER = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
extern char **environ;
int main(int count, char **words) {
    struct stat status;
    char bytes[6] = "";
    if (!strcmp(words[1], "get")) return puts(getenv(words[2]) ? getenv(words[2]) : "-") < 0;
    if (!strcmp(words[1], "secure")) return puts(secure_getenv(words[2]) ? secure_getenv(words[2]) : "-") < 0;
    if (!strcmp(words[1], "env")) {
        for (char **at = environ; *at; at++) puts(*at);
        return 0;
    }
    FILE *file = fopen(words[1], words[2]);
    if (!file) return perror("fopen"), 1;
    size_t size = fread(bytes, 1, 5, file);
    if (stat(words[1], &status)) return perror("stat"), 1;
    printf("%s %ld %ld %d %zu\n", bytes, ftell(file), (long)status.st_size, access(words[1], R_OK), size);
    return 0;
}
"""
FAR = 5 << 30


@pytest.fixture(scope="session")
def reader(public: Path) -> Path:
    need("gcc")
    source, target = public / "reader.c", public / "reader"
    source.write_text(READER, encoding="utf-8")
    subprocess.run(["/usr/bin/env", "gcc", "-O1", "-o", str(target), str(source)], check=True, timeout=60)
    return target


@pytest.fixture
def environment(built: Path, desk: Path) -> dict[str, str]:
    """An image with one file at its start and one behind five gigabytes, and the library as the bundled loader would load it."""
    image = desk / "an image"
    with image.open("wb") as file:
        file.write(b"....near....")
        file.seek(FAR)
        file.write(b"far away, and more")
    files = f"4 4 usr/share/models/n 1.gguf\n{FAR} 8 usr/share/models/far.gguf\n"
    return {"LD_PRELOAD": str(built / "libtea-inside.so"), "APPDIR": "/no/app", "TEA_IMAGE": str(image), "TEA_IMAGE_FILES": files}


def test_a_path_in_the_payload_is_the_image_at_its_offset(reader: Path, environment: dict[str, str]) -> None:
    near = run([str(reader), "/no/app/usr/share/models/n 1.gguf", "rb"], **environment)
    assert (near.stderr, near.stdout) == ("", "near. 9 4 0 5\n")
    far = run([str(reader), "/no/app/usr/share/models/far.gguf", "r"], **environment)
    assert (far.stderr, far.stdout) == ("", f"far a {FAR + 5} 8 0 5\n")


def test_other_paths_are_what_they_are(reader: Path, environment: dict[str, str], desk: Path) -> None:
    (desk / "plain").write_text("plain text")
    assert run([str(reader), str(desk / "plain"), "r"], **environment).stdout == "plain 5 10 0 5\n"
    for path in ("/no/app/usr/share/models/other.gguf", "/no/app/usr/share/models/n 1.ggu", "usr/share/models/n 1.gguf"):
        assert run([str(reader), path, "r"], **environment).stderr == "fopen: No such file or directory\n"


def test_nothing_is_written_to_the_image(reader: Path, environment: dict[str, str], desk: Path) -> None:
    before = (desk / "an image").stat().st_mtime_ns
    for mode in ("r+", "w", "a"):
        assert run([str(reader), "/no/app/usr/share/models/n 1.gguf", mode], **environment).returncode == 1
    assert (desk / "an image").stat().st_mtime_ns == before


@pytest.mark.parametrize("lines", ["", "x", "1 2", "1 2 ", "a b c\n", "9999999999999999999999 1 m\n", "1 2 m\nrubbish"])
def test_lines_that_are_none_change_nothing(reader: Path, environment: dict[str, str], desk: Path, lines: str) -> None:
    (desk / "plain").write_text("plain text")
    done = run([str(reader), str(desk / "plain"), "r"], **{**environment, "TEA_IMAGE_FILES": lines})
    assert (done.stderr, done.stdout) == ("", "plain 5 10 0 5\n")


def test_private_variables_are_answered_and_not_inherited(reader: Path, built: Path) -> None:
    given = {"LD_PRELOAD": built / "libtea-inside.so", "TEA_PRIVATE_SSL_CERT_FILE": "/own.pem", "TEA_PRIVATE_PROCESS": "tea", "OTHER": "1"}
    assert run([str(reader), "get", "SSL_CERT_FILE"], **given).stdout == "/own.pem\n"
    assert run([str(reader), "secure", "SSL_CERT_FILE"], **given).stdout == "/own.pem\n"
    assert run([str(reader), "get", "SSL_CERT"], **given).stdout == "-\n"
    assert run([str(reader), "get", "SSL_CERT_FILE"], **given, SSL_CERT_FILE="/my.pem").stdout == "/my.pem\n"
    names = {line.split("=")[0] for line in run([str(reader), "env", ""], **given).stdout.splitlines()}
    assert names == {"PATH", "LD_PRELOAD", "OTHER"}


@pytest.mark.llm
def test_llama_cpp_loads_a_model_in_place_by_its_path(built: Path, desk: Path) -> None:
    """What takes only a path: the library's own loader, given a path that does not exist."""
    pytest.importorskip("xllamacpp")
    model = next((ROOT / "src/the_edge_agent/models/builtin").glob("*.gguf")).read_bytes()
    image = desk / "an image"
    image.write_bytes(bytes(8192) + model + b"more")
    program = """
import sys, xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 128
parameters.n_parallel = 1
print("loaded", bool(xllamacpp.Server(parameters).handle_completions({"prompt": "Hello", "n_predict": 2})["choices"]))
"""
    environment = {"APPDIR": "/no/app", "TEA_IMAGE": str(image), "TEA_IMAGE_FILES": f"8192 {len(model)} usr/share/models/m.gguf\n"}
    words = [sys.executable, "-c", program, "/no/app/usr/share/models/m.gguf"]
    done = run(words, timeout=110, LD_PRELOAD=built / "libtea-inside.so", **environment)
    assert "loaded True" in done.stdout, done.stderr[-2000:]


MAPPER = """
import ctypes, re, sys
from pathlib import Path
path, offset, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
library = ctypes.CDLL(None)
library.fopen.restype = library.mmap.restype = ctypes.c_void_p
library.fileno.argtypes = [ctypes.c_void_p]
library.fseeko.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
stream = library.fopen(path.encode(), b"rb")
if offset:
    library.fseeko(stream, offset, 0)
shared_and_populated = 0x8001
start = library.mmap(None, size, 1, shared_and_populated, library.fileno(stream), 0)
lines = Path("/proc/self/smaps").read_text().partition(f"{start:08x}-")[2]
print(re.search(r"Rss: +(\\d+) kB", lines)[1])
"""
BIG = 4 << 20


@pytest.fixture
def three(built: Path, desk: Path) -> dict[str, str]:
    """An image of three models of 4 MiB, all of it in memory, and the library as the bundled loader would load it."""
    (desk / "an image").write_bytes(b"\1" * 3 * BIG)
    files = "".join(f"{number * BIG} {BIG} usr/share/models/{number}.gguf\n" for number in range(3))
    return {
        "LD_PRELOAD": str(built / "libtea-inside.so"),
        "APPDIR": "/no/app",
        "TEA_IMAGE": str(desk / "an image"),
        "TEA_IMAGE_FILES": files,
    }


def resident(environment: dict[str, str], path: str, offset: int = 0) -> int:
    """Bytes that are read when the whole file is mapped, as llama.cpp does, after the model at ``path`` was opened."""
    done = run([sys.executable, "-c", MAPPER, path, str(offset), str(3 * BIG)], **environment)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


def test_of_several_models_only_the_one_that_is_wanted_is_read(three: dict[str, str]) -> None:
    # The kernel maps a few pages around each one that is used.
    assert BIG <= resident(three, "/no/app/usr/share/models/1.gguf") < BIG + BIG // 4
    assert BIG <= resident(three, three["TEA_IMAGE"], 2 * BIG) < BIG + BIG // 4


def test_other_files_are_mapped_as_they_are(three: dict[str, str], desk: Path) -> None:
    (desk / "another").write_bytes(b"\1" * 3 * BIG)
    assert resident(three, str(desk / "another")) == 3 * BIG
