"""The downloader against a hub that cuts, lies, stalls and sends other things: nothing wrong is ever accepted, nothing is left under a final name."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.hub import COMMIT, Fault, Hub

from the_edge_agent.errors import MachineUnable, ModelUnavailable, TeaError, UsageError
from the_edge_agent.models import builtin, download
from the_edge_agent.models.download import Fetched, Patience, Wanted
from the_edge_agent.models.hub import Hub as Client
from the_edge_agent.models.reference import Reference, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
NAME = "tiny.gguf"
WHOLE = builtin.embedding_path().read_bytes()
SIZE = len(WHOLE)
SHA256 = hashlib.sha256(WHOLE).hexdigest()
MIDDLE = SIZE // 2
SOURCE = parse(f"acme/tiny-GGUF/{NAME}")
QUICK = Patience(tries=4, first=0.01, longest=0.05)


@dataclass
class Seen:
    """What the downloader told."""

    said: list[str] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)

    def at(self, have: int, _size: int | None) -> None:
        self.reached.append(have)

    def say(self, text: str) -> None:
        self.said.append(text)


@dataclass
class Desk:
    """A hub with one model, and a folder to have it in."""

    hub: Hub
    folder: Path
    seen: Seen = field(default_factory=Seen)

    @property
    def target(self) -> Path:
        return self.folder / NAME

    @property
    def part(self) -> Path:
        return self.folder / f".{NAME}.part"

    def client(self, **more: Any) -> Client:
        return Client(self.hub.endpoint, more.pop("token", None), **{"silence": 0.3, **more})

    def fetch(self, wanted: Wanted | None = None, patience: Patience = QUICK, **more: Any) -> Fetched:
        return download.download(
            wanted or Wanted(NAME, (SOURCE,), SHA256, SIZE), self.folder, self.client(**more), self.seen, patience=patience
        )

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    place = tmp_path / "hub" / "acme" / "tiny-GGUF"
    place.mkdir(parents=True)
    (place / NAME).write_bytes(WHOLE)
    with Hub(tmp_path / "hub") as started:
        yield Desk(started, tmp_path / "models")


def test_a_whole_file_comes_with_its_name_and_where_it_is_from(desk: Desk) -> None:
    fetched = desk.fetch()
    assert fetched == Fetched(desk.target, SHA256, SIZE, SOURCE.at(COMMIT))
    assert desk.target.read_bytes() == WHOLE
    assert desk.left() == [NAME]
    assert desk.target.stat().st_mode & 0o777 == 0o644 & ~_umask()
    assert desk.seen.reached[-1] == SIZE


def test_what_has_come_can_be_noted_before_it_has_its_name(desk: Desk) -> None:
    noted = []

    def keep(fetched: Fetched) -> None:
        noted.append((fetched, desk.left()))

    fetched = download.download(KNOWN["nothing"], desk.folder, desk.client(), desk.seen, keep=keep)
    assert noted == [(fetched, [f".{NAME}.part"])]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


EVER = -1
FAULTS: dict[str, tuple[list[Fault], str]] = {
    "nothing": ([], "whole"),
    "cut at the first byte": ([Fault("cut", 0)], "whole"),
    "cut after one byte": ([Fault("cut", 1)], "whole"),
    "cut in the middle": ([Fault("cut", MIDDLE)], "whole"),
    "cut before the last byte": ([Fault("cut", SIZE - 1)], "whole"),
    "cut three times": ([Fault("cut", 10), Fault("cut", MIDDLE), Fault("cut", MIDDLE + 1)], "whole"),
    "reset in the middle": ([Fault("reset", MIDDLE)], "whole"),
    "cut at the same byte ever again": ([Fault("cut", MIDDLE, EVER)], "the connection ended after"),
    "stalled once": ([Fault("stall", MIDDLE)], "whole"),
    "stalled ever again": ([Fault("stall", MIDDLE, EVER)], "silent for too long"),
    "a slow drip": ([Fault("drip", 65_536)], "whole"),
    "a wrong byte once, at the start": ([Fault("corrupt", 2)], "no GGUF file"),
    "a wrong byte in the header": ([Fault("corrupt", 9, EVER)], "it sent other bytes"),
    "a wrong byte in the middle": ([Fault("corrupt", MIDDLE, EVER)], "it sent other bytes"),
    "a wrong last byte": ([Fault("corrupt", SIZE - 1, EVER)], "it sent other bytes"),
    "a wrong byte, then cut, then all well": ([Fault("corrupt", 99_999), Fault("cut", 50)], "it sent other bytes"),
    "ten bytes too few": ([Fault("short", 10, EVER)], "another file under this name"),
    "ten bytes too many": ([Fault("long", 10, EVER)], "another file under this name"),
    "the length is not said": ([Fault("no-length", 0, EVER)], "whole"),
    "cut, then the range is ignored": ([Fault("cut", MIDDLE), Fault("ignore-range")], "whole"),
    "cut, then the range is off by one": ([Fault("cut", MIDDLE), Fault("shift-range")], "whole"),
    "cut, then a range that lies": ([Fault("cut", MIDDLE), Fault("lie-range")], "whole"),
    "always cut, ranges always lie": (
        [Fault("cut", MIDDLE), Fault("lie-range"), Fault("cut", MIDDLE), Fault("lie-range")],
        "it sent other bytes",
    ),
    "503 once at the hub": ([Fault("status", 503, where="hub")], "whole"),
    "503 once at the storage": ([Fault("status", 503)], "whole"),
    "500, 502, 504": ([Fault("status", 500), Fault("status", 502), Fault("status", 504)], "whole"),
    "503 ever again": ([Fault("status", 503, EVER)], "answers 503"),
    "429 with seconds": ([Fault("status", 429, wait="1", where="hub")], "whole"),
    "429 with a date": ([Fault("status", 429, wait="Fri, 01 Jan 2021 00:00:00 GMT")], "whole"),
    "429 with nonsense": ([Fault("status", 429, wait="soon")], "whole"),
    "404 at the storage": ([Fault("status", 404, EVER)], "has no file"),
    "410 at the hub": ([Fault("status", 410, EVER, where="hub")], "has no file"),
    "418": ([Fault("status", 418, EVER, where="hub")], "answers 418"),
    "a redirect loop at the hub": ([Fault("loop", 0, EVER, where="hub")], "redirects in a circle"),
    "a redirect loop at the storage": ([Fault("loop", 0, EVER)], "redirects in a circle"),
    "a page instead of the file": ([Fault("page", 0, EVER)], "a web page instead of the file"),
    "a page instead of the hub": ([Fault("page", 0, EVER, where="hub")], "a web page instead of the file"),
    "cut, then a page": ([Fault("cut", MIDDLE), Fault("page", 0, EVER)], "a web page instead of the file"),
}
KNOWN = {
    "digest and size": Wanted(NAME, (SOURCE,), SHA256, SIZE),
    "digest": Wanted(NAME, (SOURCE,), SHA256),
    "size": Wanted(NAME, (SOURCE,), None, SIZE),
    "nothing": Wanted(NAME, (SOURCE,)),
}


@pytest.mark.parametrize("known", ["digest and size", "nothing"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_and_outcome(desk: Desk, fault: str, known: str) -> None:
    desk.hub.faults, outcome = [replace(one) for one in FAULTS[fault][0]], FAULTS[fault][1]
    if outcome == "whole":
        assert desk.fetch(KNOWN[known]).sha256 == SHA256
        assert desk.target.read_bytes() == WHOLE
        assert desk.left() == [NAME]
        return
    with pytest.raises(ModelUnavailable, match=outcome) as raised:
        desk.fetch(KNOWN[known])
    assert raised.value.exit_code == 8
    assert NAME not in desk.left()
    # And once the fault is over, what is left of it does no harm.
    desk.hub.faults = []
    desk.fetch(KNOWN[known])
    assert desk.target.read_bytes() == WHOLE


SILENT = {
    name: fault
    for name, fault in FAULTS.items()
    if name not in {"a wrong byte in the middle", "a wrong last byte", "the length is not said"}
}


@pytest.mark.parametrize("fault", SILENT)
def test_a_mirror_that_announces_nothing_is_no_way_in_for_wrong_bytes(desk: Desk, fault: str) -> None:
    desk.hub.announces = False
    desk.hub.faults = [replace(one) for one in FAULTS[fault][0]]
    try:
        desk.fetch(KNOWN["digest"])
    except ModelUnavailable:
        assert NAME not in desk.left()
    else:
        assert desk.target.read_bytes() == WHOLE


def test_a_part_of_who_knows_which_file_is_not_gone_on_with(desk: Desk) -> None:
    desk.hub.announces = False
    desk.folder.mkdir()
    desk.part.write_bytes(bytes(1000))
    desk.fetch(KNOWN["nothing"])
    assert desk.target.read_bytes() == WHOLE


def test_within_one_run_the_same_etag_says_that_it_is_the_same_file(desk: Desk) -> None:
    desk.hub.announces = False
    desk.hub.faults = [Fault("cut", MIDDLE)]
    desk.fetch(KNOWN["nothing"])
    assert desk.target.read_bytes() == WHOLE
    (first, second) = desk.hub.asked("/cdn/")
    assert "range" not in first
    assert second["range"] == f"bytes={MIDDLE}-"
    assert second["if-range"]


def test_neither_length_nor_digest_is_nothing_to_trust(desk: Desk) -> None:
    desk.hub.announces = False
    desk.hub.faults = [Fault("no-length", 0, EVER)]
    with pytest.raises(ModelUnavailable, match="says neither how long the file is nor what its SHA-256 is"):
        desk.fetch(KNOWN["nothing"])


def test_what_has_come_is_gone_on_with(desk: Desk) -> None:
    desk.hub.faults = [Fault("cut", MIDDLE, EVER)]
    with pytest.raises(ModelUnavailable) as raised:
        desk.fetch()
    assert raised.value.hint == "what has come so far stays; the same command goes on"
    assert desk.left() == [f".{NAME}.part"]
    assert desk.part.read_bytes() == WHOLE[:MIDDLE]
    desk.hub.faults, desk.hub.requests = [], []
    desk.fetch()
    assert [headers["range"] for headers in desk.hub.asked("/cdn/")] == [f"bytes={MIDDLE}-"]


@pytest.mark.parametrize("left", [b"GGUF rubbish", WHOLE[:MIDDLE] + b"x", WHOLE + b"too long", WHOLE[:-1] + b"x", b"", WHOLE[:1]], ids=len)
@pytest.mark.parametrize("known", KNOWN)
def test_a_spoilt_part_is_found_out(desk: Desk, left: bytes, known: str) -> None:
    desk.folder.mkdir()
    desk.part.write_bytes(left)
    desk.fetch(KNOWN[known])
    assert desk.target.read_bytes() == WHOLE
    assert desk.left() == [NAME]


def test_a_part_that_is_whole_needs_no_network(desk: Desk) -> None:
    desk.folder.mkdir()
    desk.part.write_bytes(WHOLE)
    desk.fetch()
    assert desk.target.read_bytes() == WHOLE
    assert desk.hub.requests == []


def test_a_whole_part_of_an_unknown_digest_is_compared_with_the_hubs(desk: Desk) -> None:
    desk.folder.mkdir()
    desk.part.write_bytes(WHOLE[:-1] + b"x")
    desk.fetch(KNOWN["size"])
    assert desk.target.read_bytes() == WHOLE


def test_a_slow_connection_is_given_up_for_a_new_one(desk: Desk) -> None:
    desk.hub.faults = [Fault("drip", 1000, 1)]
    desk.fetch(patience=replace(QUICK, window=0.05, slowest=1e9))
    assert desk.target.read_bytes() == WHOLE
    assert any("hardly anything" in said for said in desk.seen.said)
    assert len(desk.hub.asked("/cdn/")) > 1


def test_the_pause_grows_and_ends_somewhere() -> None:
    patience = Patience()
    for attempt, most in ((1, 1), (2, 2), (3, 4), (4, 8), (9, 60)):
        assert 0.8 * most <= patience.pause(attempt, None) <= most
    assert patience.pause(1, 7) == 7
    assert patience.pause(1, 86_400) == 60


# Sources.


def test_the_next_source_is_asked_when_one_has_no_such_file(desk: Desk) -> None:
    wanted = Wanted(NAME, (parse(f"acme/other-GGUF/{NAME}"), parse(f"nobody/nothing/{NAME}"), SOURCE), SHA256)
    assert desk.fetch(wanted).source == SOURCE.at(COMMIT)


def test_a_source_with_other_bytes_is_passed_over_before_they_come(desk: Desk) -> None:
    other = desk.hub.folder / "acme" / "other-GGUF" / NAME
    other.parent.mkdir()
    other.write_bytes(builtin.path().read_bytes())
    wanted = Wanted(NAME, (parse(f"acme/other-GGUF/{NAME}"), SOURCE), SHA256)
    assert desk.fetch(wanted).source == SOURCE.at(COMMIT)
    with pytest.raises(ModelUnavailable, match=r"acme/other-GGUF: it has another file under this name \(SHA-256 [0-9a-f]{64}, not"):
        download.download(Wanted("x.gguf", wanted.sources[:1], SHA256), desk.folder, desk.client(), desk.seen, patience=QUICK)


def test_another_source_goes_on_with_what_the_first_one_sent(desk: Desk) -> None:
    mirror = desk.hub.folder / "acme" / "mirror-GGUF" / NAME
    mirror.parent.mkdir()
    mirror.write_bytes(WHOLE)
    desk.hub.faults = [Fault("cut", MIDDLE), Fault("status", 404)]
    wanted = Wanted(NAME, (SOURCE, parse(f"acme/mirror-GGUF/{NAME}")), SHA256)
    assert desk.fetch(wanted).source == Reference("acme/mirror-GGUF", NAME, COMMIT)
    assert desk.hub.asked("/cdn/acme/mirror")[0]["range"] == f"bytes={MIDDLE}-"


def test_what_no_source_has_is_told_with_each_of_them(desk: Desk) -> None:
    wanted = Wanted("no.gguf", (parse("acme/tiny-GGUF/no.gguf"), parse("acme/none/no.gguf")))
    with pytest.raises(ModelUnavailable) as raised:
        desk.fetch(wanted)
    assert str(raised.value) == (
        "no.gguf could not be downloaded: acme/tiny-GGUF: acme/tiny-GGUF has no file no.gguf; acme/none: acme/none has no file no.gguf"
    )
    assert desk.left() == []


def test_a_revision_is_asked_for(desk: Desk) -> None:
    desk.fetch(Wanted(NAME, (SOURCE.at("refs/pr/1"),), SHA256))
    assert desk.hub.requests[0][1] == f"/acme/tiny-GGUF/resolve/refs%2Fpr%2F1/{NAME}"


# Who asks.


def test_a_gated_repository_is_told_with_what_to_do(desk: Desk) -> None:
    desk.hub.gated = {"acme/tiny-GGUF"}
    with pytest.raises(ModelUnavailable, match="does not exist, or wants to know who asks") as raised:
        desk.fetch()
    assert f"{desk.hub.endpoint}/acme/tiny-GGUF" in (raised.value.hint or "")
    assert "HF_TOKEN" in (raised.value.hint or "")
    wrong = "hf_wrong"
    with pytest.raises(ModelUnavailable, match="is not open to the token") as raised:
        desk.fetch(token=wrong)
    assert "accept the terms" in (raised.value.hint or "")
    assert "hf_wrong" not in str(raised.value) + str(raised.value.hint)


def test_terms_that_are_not_accepted_are_told(desk: Desk) -> None:
    desk.hub.closed = {"acme/tiny-GGUF"}
    with pytest.raises(ModelUnavailable, match="is not open to the token in HF_TOKEN"):
        desk.fetch(token=desk.hub.token)


def test_the_token_goes_to_the_hub_and_to_nobody_else(desk: Desk) -> None:
    desk.hub.gated = {"acme/new-GGUF"}
    desk.hub.renamed = {"acme/tiny-GGUF": "acme/new-GGUF"}
    shutil.copytree(desk.hub.folder / "acme" / "tiny-GGUF", desk.hub.folder / "acme" / "new-GGUF")
    desk.fetch(token=desk.hub.token)
    hub_requests, storage_requests = desk.hub.asked("/acme/"), desk.hub.asked("/cdn/")
    assert [headers.get("authorization") for headers in hub_requests] == [f"Bearer {desk.hub.token}"] * 2
    assert [headers.get("authorization") for headers in storage_requests] == [None]


# The disk and other processes.


def test_a_disk_without_room_is_seen_before_anything_comes(desk: Desk) -> None:
    desk.hub.announces = False
    os.truncate(desk.hub.folder / "acme" / "tiny-GGUF" / NAME, 1 << 43)
    with pytest.raises(MachineUnable, match=r"needs 8,796,093,022,208 bytes more, and .* has [\d,]+ bytes free"):
        desk.fetch(KNOWN["digest"])
    assert desk.left() == []


def test_a_limit_on_file_sizes_keeps_what_has_come(desk: Desk) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIDDLE, before[1]))
    try:
        with pytest.raises(MachineUnable, match="file too large") as raised:
            desk.fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.exit_code == 9
    assert desk.part.stat().st_size == MIDDLE
    desk.fetch()
    assert desk.target.read_bytes() == WHOLE


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
def test_a_disk_that_fills_up_keeps_what_has_come(desk: Desk) -> None:
    desk.folder.mkdir()
    mounted = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", desk.folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode()}")
    try:
        # The hub does not say how long the file is, so that it shows only on the way.
        desk.hub.announces = False
        desk.hub.faults = [Fault("no-length", 0, EVER)]
        with pytest.raises(MachineUnable, match="no space left on device"):
            desk.fetch(KNOWN["digest"])
        assert desk.left() == [f".{NAME}.part"]
    finally:
        subprocess.run(["/bin/umount", desk.folder], check=True)


def test_a_folder_that_cannot_be_made_is_told(desk: Desk) -> None:
    desk.folder.write_text("a file", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot write to"):
        desk.fetch()


def test_a_file_that_is_there_is_compared_and_kept(desk: Desk) -> None:
    desk.folder.mkdir()
    desk.target.write_bytes(WHOLE)
    assert desk.fetch() == Fetched(desk.target, SHA256, SIZE, None)
    assert desk.hub.requests == []
    desk.target.write_bytes(b"my own")
    with pytest.raises(ModelUnavailable, match="is there, but its SHA-256 is"):
        desk.fetch()
    with pytest.raises(ModelUnavailable, match="nothing says whether it is the right one"):
        desk.fetch(KNOWN["nothing"])
    assert desk.target.read_bytes() == b"my own"


PROCESS = """
import sys
from pathlib import Path
from the_edge_agent.models import download, hub
from the_edge_agent.models.reference import parse

class Watch:
    def at(self, have, size): pass
    def say(self, text): print(text, flush=True)

endpoint, source, sha256, folder = sys.argv[1:]
wanted = download.Wanted("tiny.gguf", (parse(source),), sha256)
print(download.download(wanted, Path(folder), hub.Hub(endpoint), Watch()).source, flush=True)
"""


def _process(desk: Desk) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", PROCESS, desk.hub.endpoint, str(SOURCE), SHA256, str(desk.folder)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_ends_on_its_way_leaves_a_part_to_go_on_with(desk: Desk, number: signal.Signals) -> None:
    desk.hub.faults = [Fault("stall", MIDDLE)]
    with _process(desk) as first:
        assert desk.hub.wait_for(1, "/cdn/")
        _until(lambda: desk.part.exists() and desk.part.stat().st_size == MIDDLE)
        first.send_signal(number)
        first.wait(30)
    assert desk.left() == [f".{NAME}.part"]
    desk.hub.faults = []
    desk.fetch()
    assert desk.target.read_bytes() == WHOLE
    assert desk.hub.asked("/cdn/")[-1]["range"] == f"bytes={MIDDLE}-"


def _until(true: Any) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if true():
            return
        pause.wait(0.01)
    pytest.fail("it did not happen")


def test_of_two_processes_one_downloads_and_the_other_waits(desk: Desk) -> None:
    desk.hub.faults = [Fault("drip", 10_000)]
    with _process(desk) as first:
        assert desk.hub.wait_for(1, "/cdn/")
        with _process(desk) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "another process writes tiny.gguf; waiting for it\n"
            assert first.wait(60) == 0
            assert second.stdout.readline() == "None\n"
            assert second.wait(60) == 0
    assert len(desk.hub.asked("/cdn/")) == 1
    assert desk.left() == [NAME]


def test_when_the_one_that_downloads_is_killed_the_other_goes_on(desk: Desk) -> None:
    desk.hub.faults = [Fault("stall", MIDDLE)]
    with _process(desk) as first:
        assert desk.hub.wait_for(1, "/cdn/")
        _until(lambda: desk.part.exists() and desk.part.stat().st_size == MIDDLE)
        with _process(desk) as second:
            assert second.stdout is not None
            assert "waiting for it" in second.stdout.readline()
            first.kill()
            assert second.stdout.readline() == f"{SOURCE.at(COMMIT)}\n"
            assert second.wait(60) == 0
    assert desk.target.read_bytes() == WHOLE
    assert desk.hub.asked("/cdn/")[-1]["range"] == f"bytes={MIDDLE}-"


def test_errors_are_those_that_the_command_line_knows(desk: Desk) -> None:
    desk.hub.faults = [Fault("status", 418, EVER, where="hub")]
    with pytest.raises(TeaError):
        desk.fetch()
