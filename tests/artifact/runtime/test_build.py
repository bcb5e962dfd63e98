"""`release.build runtime`: the same bytes everywhere, for both architectures, and images of the other one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import MODEL, ROOT, Image, Rig, Told, compile_probe, need, run

from release.build import debs, runtime

if TYPE_CHECKING:
    from pathlib import Path

# The system's Python, which has none of the project's packages.
BUILD = ["python3", "-m", "release.build", "runtime"]
OUTPUTS = ["head", "starter", "libtea-inside.so", "SHA256SUMS"]
# An AppImage's magic number stands in bytes that Debian's own rule for this demands to be zero.
EMULATE = (
    "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && printf '%s' "
    r"':a:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"
    '"$0":F >/proc/sys/fs/binfmt_misc/register && exec "$@"'
)


def emulated(words: list[str]) -> list[str]:
    """The command where the kernel runs aarch64 programs by qemu, in a user namespace: nothing of the machine changes."""
    qemu = shutil.which("qemu-aarch64-static") or ""
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", EMULATE, qemu, *words]


def copied(folder: Path) -> Path:
    """The sources of the runtime, and what its build reads beside them, in another folder; returns that folder."""
    shutil.copytree(ROOT / "runtime", folder / "runtime", ignore=shutil.ignore_patterns("build"))
    for name in ("release", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.gguf"))
    shutil.copytree(ROOT / "runtime/build/packages/debs", folder / "runtime/build/packages/debs")
    return folder


def test_the_same_bytes_in_another_folder_for_another_user(built: Path, desk: Path) -> None:
    """The whole source folder elsewhere, with other times, umask, locale and time zone; packages are the downloaded ones."""
    copy = copied(desk / "c\N{LATIN SMALL LETTER O WITH DIAERESIS}py of it")
    words = ["sh", "-c", 'umask 077; exec "$@"', "sh", *BUILD, "--arch", built.name]
    done = run(words, cwd=copy, timeout=110, TZ="Asia/Tokyo", LANG="C", USER="somebody", HOME="/nonexistent")
    assert done.returncode == 0, done.stderr
    for name in OUTPUTS:
        assert (copy / "runtime/build" / built.name / name).read_bytes() == (built / name).read_bytes(), name


def test_a_second_build_has_nothing_to_do_and_a_changed_output_is_made_again(built: Path, desk: Path) -> None:
    del desk
    before = (built / "head").stat().st_mtime_ns
    subprocess.run([*BUILD, "--arch", built.name], cwd=ROOT, check=True, capture_output=True, timeout=110)
    assert (built / "head").stat().st_mtime_ns == before


OTHER_APT = """#!/bin/sh
case "$*" in
*indextargets*) echo 'Debian|bookworm|file:/none|main' ;;
*download*) echo 'another file' >libfuse3-dev.deb ;;
esac
"""


def test_a_package_that_is_not_the_pinned_one_is_refused(built: Path, desk: Path) -> None:
    copy = copied(desk / "copy")
    debian = {"x86_64": "amd64", "aarch64": "arm64"}[built.name]
    (pinned,) = (one for one in debs.read_lock(copy / "runtime/packages.lock") if (one.name, one.architecture) == ("libfuse3-dev", debian))
    (copy / f"runtime/build/packages/debs/{pinned.sha256}.deb").write_text("another file", encoding="utf-8")
    # A source that offers that file: what is kept is fetched again when it is not what it should be.
    (desk / "bin").mkdir()
    (desk / "bin/apt-get").write_text(OTHER_APT, encoding="utf-8")
    (desk / "bin/apt-get").chmod(0o755)
    done = run([*BUILD, "--arch", built.name], cwd=copy, PATH=f"{desk / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"the package {pinned} is not the one that was pinned\n    hint: see what changed: python -m release.build lock" in done.stderr
    assert not (copy / "runtime/build" / built.name).exists()


def test_licences_of_everything_inside_are_there(built: Path) -> None:
    listed = (ROOT / "runtime/LICENSES.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in (built / "licenses").iterdir())
    assert names == ["libc6-dev", "libfuse3-dev", "liblz4-dev", "liblzma-dev", "libsquashfuse-dev", "libzstd-dev", "musl-dev", "zlib1g-dev"]
    assert [name for name in names if f"`{name}`" not in listed] == []


def test_the_lock_names_every_package_of_both_architectures() -> None:
    pinned = debs.read_lock(runtime.LOCK)
    wanted = {(architecture, name) for architecture in ("amd64", "arm64") for name in runtime.PACKAGES}
    assert {(package.architecture, package.name) for package in pinned} == wanted
    assert len(pinned) == 18
    assert len({package.sha256 for package in pinned}) == 18


def test_it_needs_nothing_but_python(built: Path) -> None:
    words = [sys.executable, "-E", "-s", "-S", "-m", "release.build", "runtime", "--arch", built.name]
    done = run(words, cwd=ROOT, timeout=110)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="session")
def foreign(built_aarch64: Path, public: Path) -> Image:
    if os.uname().machine == "aarch64":
        pytest.skip("this machine is the other architecture itself")
    need("mksquashfs", "qemu-aarch64-static", "aarch64-linux-gnu-gcc")
    probe = compile_probe("aarch64-linux-gnu-gcc", public / "probe-aarch64")
    return Rig(built_aarch64, probe, public / "\N{LATIN SMALL LETTER A WITH DIAERESIS} aarch64").image("x.AppImage")


def test_the_other_architectures_head_under_qemu(foreign: Image, desk: Path) -> None:
    qemu = ["qemu-aarch64-static", str(foreign.path)]
    assert run([*qemu, "--appimage-offset"]).stdout == f"{foreign.payload}\n"
    assert run([*qemu, "--appimage-version"]).stdout == "tea AppImage runtime 1\n"
    assert run([*qemu, "--appimage-extract"], cwd=desk).returncode == 0
    assert (desk / "squashfs-root" / MODEL).read_bytes() == foreign.model
    assert run([*qemu, "--appimage-nonsense"]).returncode == 2


def test_the_other_architectures_image_runs_under_qemu(foreign: Image, desk: Path) -> None:
    if run(emulated(["true"])).returncode:
        pytest.skip("this kernel has no binfmt_misc for user namespaces (needs 6.7)")
    environment = {"TEA_APPIMAGE_CACHE": desk / "c", "TEA_APPIMAGE_MOUNT": "none"}
    done = run(emulated(foreign.command("two words")), **environment)
    assert done.returncode == 0, done.stderr
    told = Told.read(done.stdout)
    # The first word is the kernel's, who started qemu.
    assert told.words[1:] == ["two words"]
    assert told.environment["TEA_IMAGE_FILES"] == f"{foreign.offset} {len(foreign.model)} {MODEL}\n"
    assert run(emulated(foreign.command("exit", "7")), **environment).returncode == 7
    assert run(emulated(foreign.command("copy", "text.txt")), **environment).stdout == "some text\n" * 100_000


def test_the_other_architectures_starter_under_qemu(foreign: Image, built_aarch64: Path, public: Path, desk: Path) -> None:
    del foreign
    if run(emulated(["true"])).returncode:
        pytest.skip("this kernel has no binfmt_misc for user namespaces (needs 6.7)")
    lib = desk / "usr/lib/aarch64-linux-gnu"
    lib.mkdir(parents=True)
    shutil.copy2(built_aarch64 / "starter", desk / "AppRun")
    shutil.copy2(public / "probe-aarch64", lib / "ld-linux-aarch64.so.1")
    told = Told.read(run(emulated([str(desk / "AppRun"), "word"])).stdout)
    assert told.words[-5:] == [f"{desk}/usr/bin/python3.11", "-I", "-m", "the_edge_agent", "word"]
    assert told.environment["APPDIR"] == str(desk)


def test_an_image_for_another_processor_says_so(rig: Rig, built_aarch64: Path, desk: Path) -> None:
    """The head of this machine with a program for the other one."""
    if os.uname().machine == "aarch64" or run(["sh", "-c", '"$0"', str(built_aarch64 / "starter")]).returncode != 126:
        pytest.skip("this machine runs aarch64 programs")
    mixed = Rig(rig.built, built_aarch64 / "starter", desk / "mixed").image("mixed.AppImage")
    done = mixed.run(TEA_APPIMAGE_CACHE=desk / "c", TEA_APPIMAGE_MOUNT="none")
    assert done.returncode == 9
    assert "take the file for this machine's processor" in done.stderr
