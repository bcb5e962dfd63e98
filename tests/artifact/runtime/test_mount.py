"""Through FUSE: each way to mount, and nothing left of it when the program has ended."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import IS_ROOT, MODEL, PLAIN_USER, Rig, Told, as_plain_user, mounts, need, run, servers

from the_edge_agent.image.squashfs import Squashfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.artifact.runtime.rig import Image

PTRACE_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")

pytestmark = pytest.mark.skipif(not (IS_ROOT and Path("/dev/fuse").exists()), reason="opens /dev/fuse, which takes root here")


@pytest.fixture(params=["direct", "fusermount", "namespace", "any", "plain user, fusermount", "plain user, namespace", "plain user, any"])
def start(request: pytest.FixtureRequest, desk: Path) -> Callable[[list[str]], list[str]]:
    """Turns a command into one that has to mount in one way: there is no folder to unpack into."""
    user, way = request.param.split(", ") if ", " in request.param else ("root", request.param)
    if way == "fusermount":
        need("fusermount3")
    if "namespace" in way and run(["unshare", "--user", "true"]).returncode:
        pytest.skip("this kernel does not allow user namespaces")
    variables = [f"TEA_APPIMAGE_MOUNT={way}", "TEA_APPIMAGE_CACHE=/proc/none", f"TMPDIR={desk}"]
    if user == "root":
        return lambda words: ["env", *variables, *words]
    os.chown(desk, PLAIN_USER, PLAIN_USER)
    # Some machines keep /dev/fuse for root; a device of the test's own is for everybody.
    script = f"""set -e; mkdir '{desk}/dev'; mount -t tmpfs none '{desk}/dev'; mknod -m 666 '{desk}/dev/fuse' c 10 229
        mount --bind '{desk}/dev/fuse' /dev/fuse; umount -l '{desk}/dev'; rmdir '{desk}/dev'; exec "$@" """
    return lambda words: ["unshare", "--mount", "sh", "-c", script, "sh", *as_plain_user(["env", *variables, *words])]


def gone(image: Image, desk: Path) -> bool:
    """Whether mount, folder and server are gone, which takes the server a moment."""
    for _ in range(200):
        if not any(str(desk) in point for point in mounts()) and not list(desk.glob(".mount*")) and not list(servers(image.path)):
            return True
        time.sleep(0.02)
    return False


def test_the_program_runs_from_a_mount(image: Image, desk: Path, start: Callable[[list[str]], list[str]]) -> None:
    told = Told.read(run(start(image.command("two words"))).stdout)
    assert told.words == [str(image.path), "two words"]
    assert told.environment["APPDIR"].startswith(f"{desk}/.mount_te")
    assert told.environment["TEA_IMAGE_FILES"] == f"{image.offset} {len(image.model)} {MODEL}\n"
    assert gone(image, desk)


def test_files_read_the_same(image: Image, desk: Path, start: Callable[[list[str]], list[str]]) -> None:
    assert run(start(image.command("copy", "text.txt"))).stdout == "some text\n" * 100_000
    assert gone(image, desk)


def test_what_cannot_be_read_is_told_where_the_programs_errors_go(rig: Rig, desk: Path, start: Callable[[list[str]], list[str]]) -> None:
    if PTRACE_SCOPE.exists() and PTRACE_SCOPE.read_text(encoding="ascii") != "0\n":
        pytest.skip("this kernel keeps a plain user's server from pytest's pipe")
    raw = Rig(rig.built, rig.probe, desk / "images", [*rig.compression, "-noI", "-noId"])
    made = raw.image("x.AppImage", extra={"digits.txt": hashlib.shake_256(b"digits").hexdigest(200_000).encode()})
    with made.path.open("r+b") as file:
        squashfs = Squashfs(file, made.payload, made.path.stat().st_size)
        inode = squashfs.find("digits.txt")
        assert inode is not None
        file.seek(made.payload + inode.start)
        file.write(bytes(1000))
    done = run(start(made.command("copy", "digits.txt")))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error [IMAGE_DAMAGED]: {made.path} is damaged: a file inside cannot be read",
        "    hint: get the file again; the sums that were published with it tell whether it is whole",
    ]
    assert gone(made, desk)


def test_exit_code_and_signal_pass(image: Image, desk: Path, start: Callable[[list[str]], list[str]]) -> None:
    assert run(start(image.command("exit", "9"))).returncode == 9
    assert run(start(image.command("kill", "15"))).returncode == -signal.SIGTERM
    assert gone(image, desk)


def test_nothing_is_left_of_a_killed_program(image: Image, desk: Path, start: Callable[[list[str]], list[str]]) -> None:
    with subprocess.Popen(start(image.command("sleep", "60")), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(list(servers(image.path))) == 1
        process.kill()
    assert gone(image, desk)


def test_the_mount_stays_for_a_child_that_outlives_the_program(image: Image, desk: Path) -> None:
    environment = {"TEA_APPIMAGE_MOUNT": "any", "TEA_APPIMAGE_CACHE": "/proc/none", "TMPDIR": str(desk)}
    done = subprocess.run(image.command("leave", "1"), env=environment, stdout=subprocess.PIPE, check=False, timeout=30)
    assert done.returncode == 0
    # Read by the child a second after its parent ended.
    assert done.stdout.startswith(b"\x7fELF")
    assert gone(image, desk)


def test_the_server_does_not_hold_what_the_user_handed_over(image: Image, desk: Path) -> None:
    """A reader of that pipe, a shell's process substitution for one, would never see its end."""
    reading, writing = os.pipe()
    environment = {"TEA_APPIMAGE_MOUNT": "any", "TEA_APPIMAGE_CACHE": "/proc/none", "TMPDIR": str(desk)}
    with subprocess.Popen(image.command("sleep", "30"), env=environment, stdout=subprocess.PIPE, pass_fds=[writing], text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (server,) = servers(image.path)
        held = [link.readlink().as_posix() for link in Path(f"/proc/{server}/fd").iterdir()]
        pipe = Path(f"/proc/self/fd/{writing}").readlink().as_posix()
        process.terminate()
    os.close(writing)
    os.close(reading)
    assert pipe not in held
    assert gone(image, desk)


@contextmanager
def mounted(image: Image, desk: Path, way: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    environment = {"PATH": os.environ["PATH"], "TEA_APPIMAGE_MOUNT": way, "TMPDIR": str(desk)}
    with subprocess.Popen(image.command("--appimage-mount"), env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().rstrip("\n"))


@pytest.mark.parametrize("way", ["direct", "fusermount"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_mount_and_wait(image: Image, desk: Path, way: str, number: signal.Signals) -> None:
    need("fusermount3")
    with mounted(image, desk, way) as (process, folder):
        assert (folder / MODEL).read_bytes() == image.model
        assert (folder / "usr/bin/link").readlink().as_posix() == "../../AppRun"
        assert sorted(path.name for path in folder.iterdir()) == ["AppRun", "salt.txt", "text.txt", "usr"]
        with pytest.raises(OSError, match="Read-only"):
            (folder / "new").touch()
        process.send_signal(number)
        assert process.wait(30) == 0
    assert gone(image, desk)


def test_mount_and_wait_where_nobody_may_mount(image: Image) -> None:
    done = image.run("--appimage-mount", TEA_APPIMAGE_MOUNT="none")
    assert (done.returncode, done.stdout) == (9, "")
    assert "hint: use --appimage-extract" in done.stderr


def test_an_unknown_way_is_told(image: Image) -> None:
    done = image.run(TEA_APPIMAGE_MOUNT="fuse2")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error [USAGE]: TEA_APPIMAGE_MOUNT=fuse2 is no way to mount")


def test_few_descriptors_will_do(image: Image, desk: Path) -> None:
    words = ["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *image.command("exit", "3")]
    assert run(words, TMPDIR=desk, TEA_APPIMAGE_CACHE="/proc/none").returncode == 3
    assert run(words, TMPDIR=desk, TEA_APPIMAGE_CACHE=desk / "c", TEA_APPIMAGE_MOUNT="none").returncode == 3
    assert gone(image, desk)


def test_without_proc_and_dev_it_falls_back(image: Image, desk: Path) -> None:
    need("chroot")
    root = desk / "root"
    (root / "tmp").mkdir(parents=True)
    shutil.copy2(image.path, root / "x.AppImage")
    told = Told.read(run(["chroot", str(root), "/x.AppImage", "word"]).stdout)
    assert told.environment["APPIMAGE"] == "/x.AppImage"
    assert told.environment["APPDIR"] == f"/tmp/the-edge-agent-appimage-0/tea.test/{image.digest}"  # noqa: S108 - the place that is promised
    relative = Told.read(run(["chroot", str(root), "./x.AppImage"]).stdout)
    assert relative.environment["APPIMAGE"] == "/x.AppImage"


@pytest.mark.parametrize("user", ["0", "1234"])
@pytest.mark.parametrize("proc", [["--proc", "/proc"], []])
def test_in_an_empty_root_without_network(image: Image, user: str, proc: list[str]) -> None:
    need("bwrap")
    options = [
        "--ro-bind",
        str(image.path),
        "/ship/my tea.AppImage",
        "--tmpfs",
        "/tmp",  # noqa: S108 - inside the test world
        *["--dev", "/dev", "--unshare-all", "--clearenv", "--uid"],
        user,
    ]
    done = run(["bwrap", *options, *proc, "/ship/my tea.AppImage", "word"])
    assert (done.stderr, done.returncode) == ("", 0)
    told = Told.read(done.stdout)
    assert told.environment["APPIMAGE"] == "/ship/my tea.AppImage"
    assert told.environment["APPDIR"].startswith("/tmp/the-edge-agent-appimage-")  # noqa: S108 - the place that is promised


def test_compressions_that_others_use(rig: Rig, desk: Path) -> None:
    for compression in (["gzip"], ["xz"], ["lz4", "-Xhc"], ["zstd", "-Xcompression-level", "19"]):
        made = type(rig)(rig.built, rig.probe, desk / "images", ["-comp", *compression]).image(f"{compression[0]}.AppImage")
        for way in ("any", "none"):
            done = made.run("copy", "text.txt", TEA_APPIMAGE_CACHE=desk / compression[0], TEA_APPIMAGE_MOUNT=way, TMPDIR=desk)
            assert (done.stderr, done.stdout) == ("", "some text\n" * 100_000)
        shutil.rmtree(desk / compression[0])
