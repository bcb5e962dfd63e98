"""Without FUSE: the payload is unpacked once into a folder named by its digest."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import IS_ROOT, MODEL, PLAIN_USER, Told, as_plain_user, needs_root, run

from release.build.engine import pack
from the_edge_agent.image.engine import open_engine
from the_edge_agent.image.writer import SmallFile, write_bundle, write_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.artifact.runtime.rig import Image, Rig

    from the_edge_agent.image.engine import Engine

UNPACKED = {"TEA_APPIMAGE_MOUNT": "none"}


def in_world(script: str, words: list[str], **environment: object) -> subprocess.CompletedProcess[str]:
    """Run as root in a mount namespace of its own, after a shell script that mounts."""
    return run(["unshare", "--mount", "sh", "-c", f'set -e; {script}; exec "$@"', "sh", *words], **environment)


def test_everything_but_the_model_is_unpacked(image: Image, desk: Path) -> None:
    folder = Path(image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).environment["APPDIR"])
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert names == {"AppRun", "usr/bin/link", "salt.txt", "text.txt", ".complete"}
    assert (folder / "text.txt").read_bytes() == b"some text\n" * 100_000
    assert not (folder / MODEL).exists()


def test_nobody_else_can_read_or_write_the_folder(image: Image, desk: Path) -> None:
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert [path.stat().st_mode & 0o777 for path in (desk / "c", desk / "c/tea.test", desk / "c/tea.test" / image.digest)] == [0o700] * 3


def test_the_umask_of_the_user_does_not_reach_the_payload(image: Image, desk: Path) -> None:
    words = ["sh", "-c", 'umask 0777; exec "$@"', "sh", *image.command("copy", "text.txt")]
    for _ in range(2):
        done = run(words, TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
        assert (done.returncode, done.stdout) == (0, "some text\n" * 100_000), done.stderr


def test_a_second_start_writes_nothing(image: Image, desk: Path) -> None:
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    before = {path: path.lstat().st_ctime_ns for path in (desk / "c").rglob("*")}
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert {path: path.lstat().st_ctime_ns for path in (desk / "c").rglob("*")} == before


def test_where_the_folder_is(image: Image, desk: Path) -> None:
    (desk / "home").mkdir()
    (desk / "tmp").mkdir()
    cases: list[tuple[dict[str, Path], Path]] = [
        ({"XDG_CACHE_HOME": desk / "xdg", "HOME": desk / "home"}, desk / "xdg/the-edge-agent/appimage"),
        ({"HOME": desk / "home"}, desk / "home/.cache/the-edge-agent/appimage"),
        ({"TMPDIR": desk / "tmp"}, desk / f"tmp/the-edge-agent-appimage-{os.geteuid()}"),
    ]
    for environment, folder in cases:
        told = image.ask(**environment, **UNPACKED)
        assert told.environment["APPDIR"] == f"{folder}/tea.test/{image.digest}"


def test_without_home_and_tmpdir_it_is_in_tmp(rig: Rig) -> None:
    made = rig.image("nohome.AppImage", application="tea.test.nohome")
    folder = Path(f"/tmp/the-edge-agent-appimage-{os.geteuid()}")  # noqa: S108 - the place that is promised
    try:
        assert made.ask(**UNPACKED).environment["APPDIR"] == f"{folder}/tea.test.nohome/{made.digest}"
    finally:
        shutil.rmtree(folder / "tea.test.nohome", ignore_errors=True)


def test_concurrent_first_starts_unpack_once(image: Image, desk: Path) -> None:
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    processes = [subprocess.Popen(image.command("copy", "text.txt"), env=environment, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    # The outputs do not fit into a pipe: all of these programs run until the last one is read.
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 12
    assert set(outputs) == {"some text\n" * 100_000}
    assert sorted(path.name for path in (desk / "c/tea.test").iterdir()) == [image.digest, f"{image.digest}.lock", "unpacking.lock"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_extraction_is_done_again(rig: Rig, desk: Path, number: signal.Signals) -> None:
    big = rig.image("big.AppImage", extra={"big.bin": os.urandom(40_000_000)})
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    part = desk / f"c/tea.test/{big.digest}.part"
    with subprocess.Popen(big.command(), env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (part / "big.bin").exists():
            time.sleep(0.001)
        process.send_signal(number)
        assert process.wait(30) == -number
    # Whoever can clean up does.
    assert part.exists() == (number == signal.SIGKILL)
    assert big.run("exit", "3", **environment).returncode == 3
    assert sorted(path.name for path in (desk / "c/tea.test").iterdir()) == [big.digest, f"{big.digest}.lock", "unpacking.lock"]


def test_a_folder_that_lost_files_is_made_anew(image: Image, desk: Path) -> None:
    """Cleaners of temporary folders remove the oldest files first, and the mark of completeness is one of these."""
    folder = Path(image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).environment["APPDIR"])
    (folder / ".complete").unlink()
    (folder / "text.txt").unlink()
    assert image.run("copy", "text.txt", TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).stdout == "some text\n" * 100_000


@pytest.mark.parametrize("lost", ["text.txt", "usr/bin/link", "usr/bin"])
def test_a_folder_that_lost_any_file_is_made_anew(image: Image, desk: Path, lost: str) -> None:
    """Its mark of completeness is still there."""
    folder = Path(image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).environment["APPDIR"])
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    shutil.rmtree(folder / lost) if lost == "usr/bin" else (folder / lost).unlink()
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert {path.relative_to(folder) for path in folder.rglob("*")} == before


def test_a_file_that_became_shorter_is_made_anew(image: Image, desk: Path) -> None:
    folder = Path(image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).environment["APPDIR"])
    with (folder / "text.txt").open("r+b") as file:
        file.truncate(5)
    assert image.run("copy", "text.txt", TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED).stdout == "some text\n" * 100_000


@pytest.fixture
def engine(rig: Rig, desk: Path) -> Engine:
    """An engine as tea builds one, to which files can be added."""
    files = desk / "files"
    (files / "usr/share").mkdir(parents=True)
    shutil.copy2(rig.probe, files / "AppRun")
    (files / "usr/share/text.txt").write_bytes(b"some text\n" * 100_000)
    (files / "usr/share/empty").touch()
    pack(files, desk / "squashfs", level=1)
    head = (rig.built / "head").read_bytes()
    write_engine(desk / "engine", head=head, squashfs=desk / "squashfs", name="tea.engine", version="1", features=())
    return open_engine(desk / "engine")


def agent(engine: Engine, path: Path, content: bytes) -> Path:
    files = [SmallFile("usr/share/workflow/a.yaml", content), SmallFile("usr/share/workflow/empty", b""), SmallFile("usr/share/own", b"1")]
    write_bundle(path, engine, name=path.name, files=files, workflow="usr/share/workflow/a.yaml")
    return path


def test_images_with_the_same_engine_share_it(engine: Engine, desk: Path) -> None:
    """Whichever of them is started first; only what was added to it is each one's own."""
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    told = {
        name: Told.read(run([str(agent(engine, desk / name, name.encode()))], **environment).stdout).environment
        for name in ("first", "second")
    }
    told["engine"] = Told.read(run([str(engine.path)], **environment).stdout).environment
    folders = {Path(one["APPDIR"]) for one in told.values()}
    assert len(folders) == 1
    (folder,) = folders
    assert {str(path.relative_to(folder)) for path in folder.rglob("*")} == {
        *("AppRun", ".complete", "usr", "usr/share", "usr/share/text.txt", "usr/share/empty")
    }
    assert "TEA_AGENT" not in told["engine"]
    for name in ("first", "second"):
        own = Path(told[name]["TEA_AGENT"])
        assert (own / "usr/share/workflow/a.yaml").read_bytes() == name.encode()
        files = {str(path.relative_to(own)) for path in own.rglob("*") if path.is_file()}
        assert files == {"usr/share/workflow/a.yaml", "usr/share/workflow/empty", "usr/share/own", ".complete"}
        assert own.parent == desk / "c" / name


def test_another_workflow_of_an_agent_takes_the_place_of_the_one_before(engine: Engine, desk: Path) -> None:
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    for content in (b"old", b"new"):
        told = Told.read(run([str(agent(engine, desk / "same", content))], **environment).stdout).environment
    assert (Path(told["TEA_AGENT"]) / "usr/share/workflow/a.yaml").read_bytes() == b"new"
    assert [path.name for path in (desk / "c/same").iterdir() if path.is_dir()] == [Path(told["TEA_AGENT"]).name]


def test_a_terminal_sees_how_far_unpacking_is(rig: Rig, desk: Path) -> None:
    """Where it takes so long that somebody would wonder: it is stopped for that long in the middle."""
    big = rig.image("watched.AppImage", extra={"big.bin": os.urandom(40_000_000)})
    mine, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    part = desk / f"c/tea.test/{big.digest}.part"
    with subprocess.Popen(big.command("exit", "3"), env=environment, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        while process.poll() is None and not (part / "big.bin").exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        said = b""
        with contextlib.suppress(OSError):
            while piece := os.read(mine, 4096):
                said += piece
        assert process.wait(60) == 3
    os.close(mine)
    assert re.search(rb"unpacking for the first start: \d+ % of 4\d MB", said)
    assert said.endswith(b"\r\x1b[2K")


def versions(rig: Rig) -> Iterator[Image]:
    for number in (1, 2):
        yield rig.image(f"v{number}.AppImage", salt=f"version {number}")


def test_another_version_takes_the_place_of_the_unused_one(rig: Rig, image: Image, desk: Path) -> None:
    old, new = versions(rig)
    stranger = rig.image("stranger.AppImage", salt="stranger", application="tea.other")
    for made in (old, stranger, image, new):
        made.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert sorted(path.name for path in (desk / "c/tea.test").iterdir()) == [new.digest, f"{new.digest}.lock", "unpacking.lock"]
    assert (desk / "c/tea.other" / stranger.digest).is_dir()


def test_a_version_that_runs_is_left_alone_until_it_ends(rig: Rig, desk: Path) -> None:
    old, new = versions(rig)
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    with subprocess.Popen(old.command("sleep", "60"), env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        new.ask(**environment)
        assert (desk / "c/tea.test" / old.digest / "AppRun").exists()
        process.terminate()
    (desk / "c/tea.test" / new.digest / ".complete").unlink()
    new.ask(**environment)
    assert not (desk / "c/tea.test" / old.digest).exists()


def test_what_a_cut_short_removal_left_is_removed(image: Image, desk: Path) -> None:
    left = desk / "c/tea.test" / ("0" * 64)
    (desk / "c").mkdir(mode=0o700)
    (left / "usr").mkdir(parents=True)
    (desk / "c/tea.test" / ("1" * 64 + ".part")).mkdir()
    (desk / "c/tea.test").chmod(0o700)
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert sorted(path.name for path in (desk / "c/tea.test").iterdir()) == [image.digest, f"{image.digest}.lock", "unpacking.lock"]


def test_versions_that_take_turns_all_start(rig: Rig, desk: Path) -> None:
    made = list(versions(rig))
    environment = {"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}
    processes = [subprocess.Popen(made[number % 2].command("exit", "4"), env=environment) for number in range(10)]
    assert [process.wait(60) for process in processes] == [4] * 10


def test_who_unpacks_is_waited_for(image: Image, desk: Path) -> None:
    folder = desk / "c/tea.test"
    folder.mkdir(parents=True)
    for path in (desk / "c", folder):
        path.chmod(0o700)
    with (folder / "unpacking.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with subprocess.Popen(image.command("exit", "6"), env={"TEA_APPIMAGE_CACHE": str(desk / "c"), **UNPACKED}) as process:
            time.sleep(0.3)
            assert process.poll() is None
            fcntl.flock(file, fcntl.LOCK_UN)
            assert process.wait(30) == 6


def test_a_prepared_folder_that_cannot_be_written_to_will_do(image: Image, desk: Path) -> None:
    image.ask(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    for path in (desk / "c", desk / "c/tea.test", desk / "c/tea.test" / image.digest):
        path.chmod(0o555)
    (desk / f"c/tea.test/{image.digest}.lock").chmod(0o444)
    done = run(as_plain_user(image.command("exit", "5")), TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    for path in (desk / "c", desk / "c/tea.test", desk / "c/tea.test" / image.digest):
        path.chmod(0o755)
    assert (done.returncode, done.stderr) == (5, "")


def test_a_folder_that_others_may_write_to_is_refused(image: Image, desk: Path) -> None:
    (desk / "c").mkdir()
    (desk / "c").chmod(0o777)
    done = image.run(TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert done.returncode == 9
    assert f"    {desk}/c: others may write to it (chmod go-w)\n" in done.stderr
    assert "    hint: TEA_APPIMAGE_CACHE=/a/folder/that/may/hold/programs " in done.stderr


def test_a_relative_folder_is_refused(image: Image) -> None:
    done = image.run(TEA_APPIMAGE_CACHE="cache", **UNPACKED)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error [USAGE]: TEA_APPIMAGE_CACHE=cache does not start with /")


def test_a_folder_with_a_colon_is_passed_over(image: Image, desk: Path) -> None:
    """The bundled loader could not find its libraries there."""
    told = image.ask(XDG_CACHE_HOME=desk / "a:b", TMPDIR=desk, **UNPACKED)
    assert told.environment["APPDIR"].startswith(f"{desk}/the-edge-agent-appimage-")
    assert not (desk / "a:b").exists()


@pytest.mark.skipif(not IS_ROOT, reason="makes a folder for another user, which takes root")
def test_root_leaves_nothing_in_a_users_home(image: Image, desk: Path) -> None:
    home = desk / "home"
    home.mkdir()
    os.chown(home, PLAIN_USER, PLAIN_USER)
    told = image.ask(HOME=home, TMPDIR=desk, **UNPACKED)
    assert told.environment["APPDIR"].startswith(f"{desk}/the-edge-agent-appimage-0/")
    assert not list(home.iterdir())


@pytest.mark.skipif(not IS_ROOT, reason="makes a folder for another user, which takes root")
def test_a_folder_that_somebody_else_laid_in_tmp_is_refused(image: Image, desk: Path) -> None:
    trap = desk / f"the-edge-agent-appimage-{PLAIN_USER}"
    trap.mkdir()
    os.chown(trap, 1, 1)
    os.chown(desk, PLAIN_USER, PLAIN_USER)
    told = Told.read(run(as_plain_user(image.command()), TMPDIR=desk, **UNPACKED).stdout)
    assert not told.environment["APPDIR"].startswith(str(desk))
    shutil.rmtree(Path(told.environment["APPDIR"]).parent)


def test_a_link_laid_in_tmp_is_not_followed(image: Image, desk: Path) -> None:
    (desk / "elsewhere").mkdir(mode=0o700)
    (desk / f"the-edge-agent-appimage-{os.geteuid()}").symlink_to("elsewhere")
    told = image.ask(TMPDIR=desk, **UNPACKED)
    assert not told.environment["APPDIR"].startswith(str(desk))
    assert not list((desk / "elsewhere").iterdir())
    shutil.rmtree(Path(told.environment["APPDIR"]).parent)


@needs_root
def test_a_full_disk(image: Image, desk: Path) -> None:
    words = image.command()
    done = in_world(f"mount -t tmpfs -o size=1m,mode=0700 none '{desk}'", words, TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert done.returncode == 9
    assert "error [MACHINE_UNABLE]: there is no folder to unpack the program into" in done.stderr
    assert (
        f"    {desk}/c: full: 2 MB are needed, 1 MB are free\n" in done.stderr
        or f"    {desk}/c: full: 2 MB are needed, 0 MB are free\n" in done.stderr
    )
    assert done.stdout == ""


@needs_root
def test_a_disk_that_gets_full_leaves_no_half_payload(image: Image, desk: Path) -> None:
    """No inode is free when half of the files are written, which nobody can see beforehand."""
    script = f"mount -t tmpfs -o size=50m,nr_inodes=8,mode=0700 none '{desk}'; trap 'ls -A {desk}/c/tea.test' EXIT; eval"
    done = run(["unshare", "--mount", "sh", "-c", f'{script}; "$@"', "sh", *image.command()], TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert "No space left on device" in done.stderr
    assert done.stdout.splitlines() == ["unpacking.lock"]


@needs_root
def test_a_noexec_folder_is_passed_over_or_named(image: Image, desk: Path) -> None:
    (desk / "noexec").mkdir()
    (desk / "tmp").mkdir()
    script = f"mount -t tmpfs -o noexec none '{desk}/noexec'"
    told = Told.read(in_world(script, image.command(), HOME=desk / "noexec", TMPDIR=desk / "tmp", **UNPACKED).stdout)
    assert told.environment["APPDIR"].startswith(str(desk / "tmp"))
    chosen = in_world(script, image.command(), TEA_APPIMAGE_CACHE=desk / "noexec/c", **UNPACKED)
    assert chosen.returncode == 9
    assert f"    {desk}/noexec/c: programs may not be started there (mounted noexec)\n" in chosen.stderr


@needs_root
def test_a_read_only_folder_is_named(image: Image, desk: Path) -> None:
    done = in_world(f"mount -t tmpfs -o ro none '{desk}'", image.command(), TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert done.returncode == 9
    assert f"    {desk}/c: Read-only file system\n" in done.stderr


@needs_root
def test_an_image_in_a_read_only_folder_starts(image: Image, desk: Path) -> None:
    script = f"mount --bind '{image.path.parent}' '{image.path.parent}'; mount -o remount,bind,ro '{image.path.parent}'"
    done = in_world(script, image.command("exit", "3"), TEA_APPIMAGE_CACHE=desk / "c", **UNPACKED)
    assert (done.returncode, done.stderr) == (3, "")


def test_a_plain_user_without_fuse_and_home(image: Image, desk: Path) -> None:
    if IS_ROOT:
        os.chown(desk, PLAIN_USER, PLAIN_USER)
    done = run(as_plain_user(image.command("exit", "3")), TMPDIR=desk, **UNPACKED)
    assert (done.returncode, done.stderr) == (3, "")


def test_an_image_that_does_not_say_what_it_holds_is_not_unpacked(rig: Rig, desk: Path) -> None:
    done = rig.image("unnamed.AppImage", table="").run(TEA_APPIMAGE_CACHE=desk, **UNPACKED)
    assert done.returncode == 9
    assert "does not say what it holds" in done.stderr
