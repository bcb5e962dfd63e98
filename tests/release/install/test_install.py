"""install.sh as people use it: in their shell, with what they have, and told what to do when it cannot go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.release.install import mirror as faults
from tests.release.install.desk import (
    ARCH,
    COMMANDS,
    LARGE,
    SHELLS,
    SIZE,
    SMALL,
    VERSION,
    Desk,
    file_name,
    is_published,
    part_names,
    republish,
    stand_in,
)

from release.publish import listing, sums
from release.publish.installer import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.release.install.mirror import Handler, Mirror

OTHER = "aarch64" if ARCH == "x86_64" else "x86_64"


@pytest.mark.parametrize("variant", [SMALL, LARGE])
@pytest.mark.parametrize("downloader", ["curl", "wget", "busybox-wget"])
@pytest.mark.parametrize("shell", list(SHELLS))
def test_every_shell_installs_with_every_program(
    shell: str, downloader: str, variant: str, mirror: Mirror, release: Path, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "desk", shell, downloader)
    mirror.faults[file_name(variant)].append(faults.cut(0.5))
    mirror.faults["release.txt"].append(faults.status(503))
    done = desk.run("--variant", variant, base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert desk.installed == ["tea", file_name(variant)]
    assert is_published(desk.target / "tea", release, variant)
    assert done.stdout == f"{desk.target / file_name(variant)}\n"
    assert f"it runs: tea {VERSION}\n" in done.stderr
    started = subprocess.run([desk.target / "tea", "--version"], capture_output=True, encoding="utf-8", check=True)
    assert started.stdout == f"tea {VERSION}\n"


@pytest.mark.parametrize("shell", list(SHELLS))
def test_piped_into_a_shell(shell: str, mirror: Mirror, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", shell, "curl")
    words = [*desk.command()[:-1], "-s", "--", "--base-url", mirror.url, "--dir", str(desk.target)]
    environment = {"PATH": str(desk.tools), "HOME": str(desk.home), "TMPDIR": str(desk.temporary)}
    text = SCRIPT.read_text(encoding="utf-8")
    done = subprocess.run(words, input=text, env=environment, capture_output=True, encoding="utf-8", check=False, cwd=desk.folder)
    assert done.returncode == 0, done.stderr
    assert desk.installed == ["tea", file_name(SMALL)]


@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_script_that_was_cut_short_does_nothing(shell: str, tmp_path: Path) -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    desk = Desk(tmp_path / "desk", shell, "curl")
    for share in range(1, 12):
        words = [*desk.command()[:-1], "-s", "--", "--base-url", "http://127.0.0.1:9", "--dir", str(desk.target)]
        piece = text[: len(text.rstrip()) * share // 12]
        subprocess.run(
            words, input=piece, env={"PATH": str(desk.tools)}, capture_output=True, encoding="utf-8", check=False, cwd=desk.folder
        )
        assert not desk.target.exists()
        assert not list(desk.temporary.iterdir())


def test_a_list_of_what_there_is(desk: Desk, mirror: Mirror) -> None:
    done = desk.run("--list", base=mirror.url)
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()[3:]}
    assert rows[SMALL].split()[1:5] == ["1", "MB", "500", "MB"]
    assert rows[SMALL].endswith("(default)")
    assert "5.4 GB" in rows[LARGE]
    assert rows["tea-python"].endswith(f"not in this release for {ARCH}")
    assert not desk.target.exists()


def test_a_dry_run_downloads_the_list_only(desk: Desk, mirror: Mirror) -> None:
    done = desk.run("--dry-run", "--variant", LARGE, base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"would download {file_name(LARGE)}, 1 MB, from {mirror.url}\nwould put it into {desk.target}\n"
    assert {one.name for one in mirror.served} == {"SHA256SUMS", "release.txt"}
    assert not desk.target.exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--no-such"], 2, "there is no option '--no-such'"),
        (["--variant"], 2, "--variant needs a value"),
        (["--variant", "../x"], 2, "'../x' is no name of a variant"),
        (["--variant", "tea-python"], 2, f"this release has no tea-python for {ARCH}"),
        (["--variant", "$(touch pwned)"], 2, "no name of a variant"),
        (["--version", "1;touch pwned"], 2, "no version"),
        (["--version", "9.9.9"], 8, f"holds version {VERSION}, not 9.9.9"),
        (["--arch", "sparc"], 9, "there is no tea for sparc"),
        (["--base-url", "ftp://x"], 2, "'ftp://x' is no address"),
        (["--base-url", "https://x/$(touch pwned)"], 2, "is no address"),
        (["--base-url", "/nowhere"], 8, "there is no /nowhere/SHA256SUMS"),
    ],
)
def test_what_cannot_be_done_is_told(words: list[str], code: int, told: str, desk: Desk, mirror: Mirror) -> None:
    done = desk.run(*words, base=mirror.url)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert done.stdout == ""
    assert desk.installed == []


def test_help_and_a_copy_of_no_release(desk: Desk) -> None:
    shown = desk.run("--help")
    assert shown.returncode == 0
    for option in ("--list", "--dry-run", "--dir", "--variant", "--version", "--base-url", "--arch"):
        assert f"  {option}" in shown.stdout
        assert f"{option})" in SCRIPT.read_text(encoding="utf-8")
    done = desk.run()
    assert done.returncode == 2
    assert "belongs to no release" in done.stderr


def test_no_program_to_download_with(tmp_path: Path, mirror: Mirror) -> None:
    done = Desk(tmp_path / "desk", "dash", "").run(base=mirror.url)
    assert done.returncode == 9
    assert "neither curl nor wget" in done.stderr


def test_no_program_that_checks(desk: Desk, mirror: Mirror) -> None:
    (desk.tools / "sha256sum").unlink()
    done = desk.run(base=mirror.url)
    assert done.returncode == 9
    assert "no sha256sum" in done.stderr


def test_the_script_needs_what_it_says_and_no_more() -> None:
    assert len(COMMANDS) == len(set(COMMANDS)) == 19


def everything(terminal: int) -> Iterator[bytes]:
    """What was written to a terminal that nobody has open any more."""
    with suppress(OSError):
        while piece := os.read(terminal, 1000):
            yield piece


def test_messages_have_colours_on_a_terminal_only(desk: Desk, mirror: Mirror) -> None:
    for settings, expected in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        ours, theirs = os.openpty()
        environment = {"PATH": str(desk.tools), "HOME": str(desk.home), "TMPDIR": str(desk.temporary), **settings}
        subprocess.run(desk.command("--base-url", mirror.url, "--variant", "none"), env=environment, stderr=theirs, check=False)
        os.close(theirs)
        seen = b"".join(everything(ours))
        os.close(ours)
        assert b"error:" in seen
        assert (b"\x1b" in seen) == expected


# --- where it goes


def test_it_is_found_by_its_name_and_an_older_one_is_told(desk: Desk, mirror: Mirror, tmp_path: Path) -> None:
    desk.target.mkdir(parents=True)
    old = desk.target / f"{SMALL}-1.0.0-{ARCH}.AppImage"
    stand_in(old, 99)
    (desk.target / "tea").symlink_to(old.name)
    desk.settings["PATH"] = f"{desk.tools}:{desk.target}"
    done = desk.run(base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert (desk.target / "tea").readlink() == Path(file_name(SMALL))
    assert f"an older one is still there: {old}" in done.stderr
    assert "next: tea --help" in done.stderr
    assert "not in your PATH" not in done.stderr
    assert tmp_path in old.parents


def test_a_program_of_somebody_else_stays(desk: Desk, mirror: Mirror) -> None:
    desk.target.mkdir(parents=True)
    (desk.target / "tea").write_text("mine", encoding="utf-8")
    done = desk.run(base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert (desk.target / "tea").read_text(encoding="utf-8") == "mine"
    assert f"next: {desk.target / file_name(SMALL)} --help" in done.stderr


def test_a_wrong_file_of_that_name_is_replaced_when_the_right_one_is_there(desk: Desk, mirror: Mirror, release: Path) -> None:
    target = desk.target / file_name(SMALL)
    target.parent.mkdir(parents=True)
    target.write_bytes(b"older bytes")
    mirror.always[target.name] = faults.corrupt
    assert desk.run(base=mirror.url).returncode == 8
    assert target.read_bytes() == b"older bytes"
    del mirror.always[target.name]
    assert desk.run(base=mirror.url).returncode == 0
    assert is_published(target, release, SMALL)


def test_names_with_blanks_and_quotes(desk: Desk, mirror: Mirror) -> None:
    target = desk.folder / "a 'strange' $(touch pwned) folder"
    done = desk.run("--dir", str(target), base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert (target / "tea").exists()


def test_another_processor_is_not_tried(desk: Desk, mirror: Mirror) -> None:
    done = desk.run("--arch", OTHER, base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert f"was not tried on this {ARCH} machine" in done.stderr
    assert desk.installed == ["tea", file_name(SMALL, OTHER)]


def test_what_does_not_start_is_told(desk: Desk, release: Path, mirror: Mirror) -> None:
    path = release / file_name(SMALL)
    path.write_bytes(b"#!/bin/sh\necho 'this processor is too old' >&2\nexit 9\n" + bytes(SIZE - 54))
    known = sums.read(release / sums.NAME)
    from release.publish.artifact import digest

    sums.write_sums(release, {**known, path.name: digest(path)})
    text = (release / listing.NAME).read_text(encoding="utf-8")
    republish(release, text.replace(f"{path.name} {SMALL} {ARCH} {SIZE}", f"{path.name} {SMALL} {ARCH} {path.stat().st_size}"))
    done = desk.run(base=mirror.url)
    assert done.returncode == 9
    assert "does not start: this processor is too old" in done.stderr


@pytest.fixture
def mounts() -> None:
    """Whether this user may mount something of their own."""
    done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)  # noqa: S607 - the system's
    if done.returncode:
        pytest.skip("nothing can be mounted here")


def mounted(desk: Desk, options: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a file system of its own at the target."""
    desk.target.mkdir(parents=True)
    script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && PATH=$TOOLS "$@"; code=$?; ls -A "$TARGET" >&2; exit $code'
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "TOOLS": str(desk.tools),
        "TARGET": str(desk.target),
        "TMPDIR": str(desk.temporary),
        "TEA_INSTALL_PAUSE": "0",
        "HOME": str(desk.home),
    }
    command = ["unshare", "-rm", "sh", "-c", script, "sh", options, str(desk.target), *desk.command(*words, "--dir", str(desk.target))]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False, cwd=desk.folder)


@pytest.mark.usefixtures("mounts")
def test_a_folder_that_runs_nothing(desk: Desk, mirror: Mirror) -> None:
    done = mounted(desk, "noexec", "--base-url", mirror.url)
    assert done.returncode == 9, done.stderr
    assert "may be mounted noexec: choose another folder with --dir" in done.stderr


@pytest.mark.usefixtures("mounts")
def test_a_disk_that_is_too_small_is_told_before_anything_is_downloaded(desk: Desk, mirror: Mirror) -> None:
    done = mounted(desk, "size=100k", "--base-url", mirror.url)
    assert done.returncode == 9, done.stderr
    assert "not enough room" in done.stderr
    assert file_name(SMALL) not in {one.name for one in mirror.served}


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize("downloader", ["curl", "wget", "busybox-wget"])
def test_a_disk_that_fills_up_meanwhile(downloader: str, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    """The list says that the file is shorter than it is, so that there seems to be room."""
    desk = Desk(tmp_path / "desk", "dash", downloader)
    text = (release / listing.NAME).read_text(encoding="utf-8")
    republish(release, text.replace(f"{SMALL} {ARCH} {SIZE}", f"{SMALL} {ARCH} 90000"))
    done = mounted(desk, "size=120k", "--base-url", mirror.url)
    assert done.returncode == 9, done.stderr
    assert file_name(SMALL) not in done.stderr.splitlines()
    assert "make room there, or choose another folder with --dir" in done.stderr


# --- without a network, two at a time, interrupted


def test_from_a_folder_without_a_network(release: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "busybox", "")
    for variant in (SMALL, LARGE):
        done = desk.run("--variant", variant, base=str(release))
        assert done.returncode == 0, done.stderr
        assert is_published(desk.target / file_name(variant), release, variant)
    path = release / file_name(SMALL)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (desk.target / path.name).unlink()
    done = desk.run(base=str(release))
    assert done.returncode == 8
    assert path.name not in desk.installed


def test_from_a_folder_with_the_whole_file(release: Path, tmp_path: Path) -> None:
    """Somebody joined the parts already."""
    desk = Desk(tmp_path / "desk", "dash", "")
    (release / file_name(LARGE)).write_bytes(b"".join((release / name).read_bytes() for name in part_names(release)))
    for name in part_names(release):
        (release / name).unlink()
    done = desk.run("--variant", LARGE, base=str(release))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def stuck(mirror: Mirror) -> Iterator[threading.Event]:
    """The server sends half of the file and then waits; the event says that it does."""
    sent, go_on = threading.Event(), threading.Event()

    def half(handler: Handler, body: bytes, _: int) -> None:
        handler.server.served.append(faults.Served(file_name(SMALL), 0, len(body) // 2))
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        sent.set()
        go_on.wait(30)

    mirror.faults[file_name(SMALL)].append(half)
    yield sent
    go_on.set()


def test_two_at_once_do_not_write_into_one_file(desk: Desk, mirror: Mirror, stuck: threading.Event) -> None:
    first = desk.start("--dir", str(desk.target), base=mirror.url)
    assert stuck.wait(30)
    done = subprocess.run(
        desk.command("--base-url", mirror.url, "--dir", str(desk.target)),
        env={"PATH": str(desk.tools), "TMPDIR": str(desk.temporary)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert f"another install.sh (process {first.pid}) is at work" in done.stderr
    assert first.poll() is None
    end(first)


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> None:
    """As a terminal does: the shell and all that it started."""
    os.killpg(process.pid, number)
    process.communicate(timeout=30)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_interrupted_it_leaves_nothing_wrong_and_goes_on(
    number: signal.Signals, code: int, desk: Desk, mirror: Mirror, release: Path, stuck: threading.Event
) -> None:
    process = desk.start("--dir", str(desk.target), base=mirror.url)
    assert stuck.wait(30)
    end(process, number)
    assert process.returncode == code
    assert desk.installed == []
    assert not list(desk.temporary.iterdir())
    assert not (desk.target / ".tea-install/lock").exists()
    done = desk.run(base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert is_published(desk.target / "tea", release, SMALL)


def test_a_lock_whose_owner_is_gone_counts_for_nothing(desk: Desk, mirror: Mirror) -> None:
    gone = subprocess.Popen(["true"])  # noqa: S607 - the system's
    gone.wait()
    for content in (str(gone.pid), "", "nonsense"):
        lock = desk.target / ".tea-install/lock"
        lock.mkdir(parents=True)
        (lock / "owner").write_text(content, encoding="utf-8")
        done = desk.run(base=mirror.url)
        assert done.returncode == 0, done.stderr
        assert not lock.exists()


# --- its text


def test_shellcheck_finds_nothing() -> None:
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    done = subprocess.run([program, "--shell=sh", "--severity=style", SCRIPT], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_of_it_runs_before_its_last_line() -> None:
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert lines[-1] == 'main "$@" </dev/null'
    outside = [line for line in lines if line and not line.startswith((" ", "#", "}", ")", "END"))]
    functions = [line for line in outside if line.endswith(("() {", "() ("))]
    rest = [line for line in outside if line not in functions]
    assert [line for line in rest if not line.startswith(('"', "$", "usage:", "An ", "Exit "))] == [
        "releases=''",
        "released=''",
        "public_key=''",
        lines[-1],
    ]
