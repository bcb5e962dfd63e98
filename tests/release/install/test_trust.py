"""What install.sh believes: only what has the right form, the right sum, and the right signature where one can be checked."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.release.install import mirror as faults
from tests.release.install.desk import ARCH, LARGE, SHELLS, SIZE, SMALL, VERSION, Desk, file_name, is_published, part_names, republish
from tests.release.install.mirror import Handler, serving
from tests.release.publish.conftest import FULL, needs_minisign

from release.publish import installer, listing, signature, sums
from release.publish.signature import make_key, read_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.install.mirror import Mirror


HOSTILE = [
    "file ../../evil {variant} {arch} 10",
    "file /etc/passwd {variant} {arch} 10",
    "file -rf {variant} {arch} 10",
    "file $(touch${{IFS}}pwned) {variant} {arch} 10",
    "file `touch` {variant} {arch} 10",
    "file a;touch {variant} {arch} 10",
    "file a {variant} {arch} -1",
    "file a {variant} {arch} 1e3",
    "file a {variant} {arch} 010",
    "file a {variant} {arch} 99999999999999999999",
    "file a {variant} sparc 10",
    "file a {variant} {arch}",
    "file a {variant} {arch} 10 more",
    "file * {variant} {arch} 10",
    "part ../x 10",
    "part x $((1+1))",
    "url file:///etc/passwd",
    "url http://127.0.0.1/$(touch)",
    "url http://127.0.0.1/'x",
    "url -o/etc/passwd",
    "variant $(touch) 1 what it is",
    "variant x y what it is",
    "variant x 1",
    "command rm",
    "version 1.2.3",
    "tea-release 1",
    "end 1",
    "\x1b[31mred",
    "variant x 1 what \x1b[31m it is",
    "variant x 1 what \x07 it is",
    "",
    "file a\tb {variant} {arch} 10",
]
"""Each stands where a list may have any line."""


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("shell", list(SHELLS) if FULL else ["dash"])
def test_a_hostile_line_does_nothing(line: str, shell: str, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", shell, "curl" if shell != "busybox" else "busybox-wget")
    lines = (release / listing.NAME).read_text(encoding="utf-8").splitlines()
    made = [*lines[:-1], line.format(variant=SMALL, arch=ARCH), f"end {len(lines)}"]
    republish(release, "\n".join(made) + "\n")
    for words in ([], ["--list"]):
        done = desk.run(*words, base=mirror.url)
        assert done.returncode == 8, done.stderr
        assert "is no list of a release" in done.stderr
        assert "\x1b" not in done.stderr
        assert done.stdout == ""
    assert desk.installed == []
    assert {one.name for one in mirror.served} <= {"SHA256SUMS", "release.txt"}


@pytest.mark.parametrize("keep", [0, 1, 2, 5, -1])
def test_a_list_that_was_cut_short_is_none(keep: int, desk: Desk, mirror: Mirror, release: Path) -> None:
    """Even if its sum is right: whoever made the release may have cut it short."""
    lines = (release / listing.NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    republish(release, "".join(lines[:keep]))
    done = desk.run(base=mirror.url)
    assert done.returncode == 8, done.stderr
    assert desk.installed == []


def test_a_newer_kind_of_release_asks_for_a_newer_script(desk: Desk, mirror: Mirror, release: Path) -> None:
    republish(release, (release / listing.NAME).read_text(encoding="utf-8").replace("tea-release 1", "tea-release 2"))
    done = desk.run(base=mirror.url)
    assert done.returncode == 8
    assert "this install.sh is too old" in done.stderr


def test_a_file_without_a_sum_is_not_installed(desk: Desk, mirror: Mirror, release: Path) -> None:
    known = sums.read(release / sums.NAME)
    for gone in (file_name(SMALL), part_names(release)[1], listing.NAME):
        sums.write_sums(release, {name: value for name, value in known.items() if name != gone})
        done = desk.run("--variant", SMALL if gone != part_names(release)[1] else LARGE, base=mirror.url)
        assert done.returncode == 8
        assert f"says nothing about {gone}" in done.stderr
        assert desk.installed == []


def test_parts_that_do_not_make_the_file_are_refused(desk: Desk, mirror: Mirror, release: Path) -> None:
    known = sums.read(release / sums.NAME)
    sums.write_sums(release, {**known, file_name(LARGE): "0" * 64})
    done = desk.run("--variant", LARGE, base=mirror.url)
    assert done.returncode == 8
    assert "do not make the file that was published" in done.stderr
    assert desk.installed == []


def test_a_large_file_that_is_elsewhere_in_one_piece(desk: Desk, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    """Storage has the whole file: where there are no parts, and where the parts cannot be had."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    whole = elsewhere / file_name(LARGE)
    whole.write_bytes(b"".join((release / name).read_bytes() for name in part_names(release)))
    lines = (release / listing.NAME).read_text(encoding="utf-8").splitlines()[:-1]
    with serving(elsewhere) as storage:
        at = next(number for number, line in enumerate(lines) if line.startswith(f"part {part_names(release)[-1]}"))
        made = [*lines[: at + 1], f"url {storage.url}/{whole.name}", *lines[at + 1 :]]
        republish(release, "\n".join([*made, f"end {len(made)}"]) + "\n")
        assert desk.run("--variant", LARGE, base=mirror.url).returncode == 0
        assert not storage.served
        (desk.target / whole.name).unlink()
        mirror.always[part_names(release)[1]] = faults.status(404)
        done = desk.run("--variant", LARGE, base=mirror.url)
        assert done.returncode == 0, done.stderr
        assert storage.bytes_of(whole.name) < SIZE, "the part that was there already is not sent again"
        (desk.target / whole.name).unlink()
        bare = [line for line in made if not line.startswith(f"part {whole.name}")]
        republish(release, "\n".join([*bare, f"end {len(bare)}"]) + "\n")
        assert desk.run("--variant", LARGE, base=mirror.url).returncode == 0
        assert is_published(desk.target / whole.name, release, LARGE)


def test_a_script_installs_the_version_it_came_with_or_the_one_that_is_named(mirror: Mirror, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "dash", "curl", script=installer.write_installer(tmp_path, f"{mirror.url}/releases", VERSION, None))
    asked: list[str] = []

    class Noting(Handler):
        def do_GET(self) -> None:  # noqa: N802 - what the base class calls
            asked.append(self.path)
            super().do_GET()

    mirror.RequestHandlerClass = Noting
    assert desk.run().returncode == 0
    place = f"/releases/download/v{VERSION}"
    assert asked == [f"{place}/SHA256SUMS", f"{place}/release.txt", f"{place}/{file_name(SMALL)}"]
    asked.clear()
    done = desk.run("--version", "v9.9.9")
    assert done.returncode == 8
    assert f"holds version {VERSION}, not 9.9.9" in done.stderr
    assert {path.rsplit("/", 1)[0] for path in asked} == {"/releases/download/v9.9.9"}


@pytest.fixture
def signed(release: Path, tmp_path: Path) -> Path:
    """A script that knows a key, and a release signed with it."""
    public = make_key(tmp_path / "key")
    key = read_key(public)
    secret = {signature.SECRET: (tmp_path / "key/minisign.key").read_text(encoding="utf-8")}
    signature.sign(release / sums.NAME, key, "tea", secret)
    return installer.write_installer(tmp_path, "https://example.org/releases", VERSION, key)


@needs_minisign
def test_a_signature_is_checked_where_minisign_is(signed: Path, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "dash", "curl", script=signed)
    desk.offer("minisign")
    assert desk.run(base=mirror.url).returncode == 0
    shutil.rmtree(desk.target)
    path = release / "SHA256SUMS"
    path.write_text(path.read_text(encoding="utf-8") + f"{'0' * 64}  more\n", encoding="utf-8")
    done = desk.run(base=mirror.url)
    assert done.returncode == 8
    assert "the signature of SHA256SUMS is wrong" in done.stderr
    (release / "SHA256SUMS.minisig").unlink()
    done = desk.run(base=mirror.url)
    assert done.returncode == 8
    assert "SHA256SUMS.minisig" in done.stderr
    assert desk.installed == []


@needs_minisign
def test_another_key_is_not_trusted(signed: Path, mirror: Mirror, tmp_path: Path) -> None:
    other = read_key(make_key(tmp_path / "other"))
    installer.write_installer(signed.parent, "https://example.org/releases", VERSION, other)
    desk = Desk(tmp_path / "desk", "dash", "curl", script=signed)
    desk.offer("minisign")
    done = desk.run(base=mirror.url)
    assert done.returncode == 8
    assert desk.installed == []


@needs_minisign
def test_without_minisign_it_says_that_nothing_was_checked(signed: Path, mirror: Mirror, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "dash", "curl", script=signed)
    done = desk.run(base=mirror.url)
    assert done.returncode == 0, done.stderr
    assert "its signature is not checked" in done.stderr


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Of a server that nobody knows."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    subprocess.run([*words, "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return made


@pytest.mark.parametrize("downloader", ["curl", "wget", "busybox-wget"])
def test_a_server_that_cannot_say_who_it_is_is_not_believed(
    downloader: str, certificate: ssl.SSLContext, release: Path, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "desk", "dash", downloader)
    with serving(release, certificate) as mirror:
        done = desk.run(base=mirror.url)
    assert done.returncode == 8, done.stderr
    assert desk.installed == []
    assert file_name(SMALL) not in {one.name for one in mirror.served}
