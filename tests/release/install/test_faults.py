"""Fault × outcome, for every program that downloads: nothing wrong is accepted, nothing wrong stands under a final name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.release.install import mirror as faults
from tests.release.install.desk import ARCH, LARGE, SIZE, SMALL, VERSION, Desk, file_name, is_published, part_names
from tests.release.publish.conftest import FULL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.install.mirror import Fault, Mirror

WHOLE, PART, LIST, SUMS = file_name(SMALL), f"{file_name(LARGE)}.part-02-of-03", "release.txt", "SHA256SUMS"
DOWNLOADERS = ["curl", "wget", "busybox-wget"]
GOOD, REFUSED = 0, 8


@dataclass(frozen=True)
class Case:
    """What the server does to the requests for one file, and how it ends.

    ``most`` is how often the file's bytes may be sent at most: an interrupted download goes on, it does not begin again.
    """

    name: str
    first: tuple[Fault, ...] = ()
    always: Fault | None = None
    ends: int = GOOD
    most: float = 1.0
    requests: int | None = None


CASES = [
    Case("nothing", requests=1),
    Case("cut in the middle", (faults.cut(0.5),), requests=2),
    Case("cut again and again", tuple(faults.cut(0.2) for _ in range(8)), requests=9),
    Case("cut before the first byte", (faults.cut(0),), requests=2),
    Case("never a byte", always=faults.cut(0), ends=REFUSED, requests=5),
    Case("hangs up", (faults.hang_up,), requests=2),
    Case("says that half of it is all, once", (faults.short,), most=1.5),
    Case("says that half of it is all, always", always=faults.short, ends=REFUSED, most=9),
    Case("more than the file", (faults.longer,), most=2.1),
    Case("without end", (faults.endless,), most=300),
    Case("without end, always", always=faults.endless, ends=REFUSED, most=900),
    Case("one wrong bit", (faults.corrupt,), most=2),
    Case("one wrong bit, always", always=faults.corrupt, ends=REFUSED, most=2),
    Case("one wrong bit after a cut", (faults.cut(0.5), faults.corrupt), most=2),
    Case("no ranges", (faults.cut(0.5),), always=faults.no_ranges, most=2.5),
    Case("another range than it says", (faults.cut(0.5), faults.wrong_range), most=2),
    Case("another range, and says so", (faults.cut(0.5), faults.shifted_range), most=2.5),
    Case("another range, always", (faults.cut(0.5),), always=faults.wrong_range, most=2.5),
    Case("416 to every range", (faults.cut(0.5),), always=faults.unsatisfiable, most=1.6),
    Case("500 once", (faults.status(500),), requests=2),
    Case("503 three times", (faults.status(503),) * 3, requests=4),
    Case("503 always", always=faults.status(503), ends=REFUSED, requests=5),
    Case("503 in the middle", (faults.cut(0.5), faults.status(503)), requests=3),
    Case("429 once", (faults.status(429),), requests=2),
    Case("404", always=faults.status(404), ends=REFUSED, requests=1),
    Case("403 in the middle", (faults.cut(0.5),), always=faults.status(403), ends=REFUSED, requests=2),
    Case("an error page as if it were the file, once", (faults.page,), most=1.1),
    Case("an error page as if it were the file", always=faults.page, ends=REFUSED),
    Case("an empty file", always=faults.empty, ends=REFUSED),
    Case("a redirect", (faults.redirect,), requests=2),
    Case("a redirect in a circle", always=faults.rounds, ends=REFUSED),
]


# Each fault meets each program that downloads and each kind of file; all of them together take minutes.
PAIRS = [(name, downloader) for name in (WHOLE, PART) for downloader in DOWNLOADERS if FULL or (name == WHOLE) == (downloader == "curl")]


@pytest.mark.parametrize(("name", "downloader"), PAIRS, ids=lambda word: "part" if word == PART else "whole" if word == WHOLE else word)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_is_right_or_refused(case: Case, name: str, downloader: str, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "busybox" if downloader == "busybox-wget" else "dash", downloader)
    variant = SMALL if name == WHOLE else LARGE
    size = (release / name).stat().st_size
    mirror.faults[name].extend(case.first)
    if case.always:
        mirror.always[name] = case.always
    done = desk.run("--variant", variant, base=mirror.url)
    assert done.returncode == case.ends, done.stderr
    if case.ends == GOOD:
        assert desk.installed == ["tea", file_name(variant)]
        assert is_published(desk.target / file_name(variant), release, variant)
        assert done.stdout == f"{desk.target / file_name(variant)}\n"
        assert not (desk.target / ".tea-install").exists()
    else:
        assert desk.installed == []
        assert "error:" in done.stderr
        assert name in done.stderr
    assert mirror.bytes_of(name) <= case.most * size + 1000
    if case.requests is not None:
        assert mirror.requests_for(name) == case.requests
    assert sum(path.stat().st_size for path in tmp_path.rglob(".tea-install/**/*") if path.is_file()) <= SIZE


@pytest.mark.parametrize("downloader", DOWNLOADERS)
@pytest.mark.parametrize("name", [SUMS, LIST])
@pytest.mark.parametrize(
    "case",
    [
        faults.shortest,
        faults.page,
        faults.empty,
        faults.endless,
        faults.status(404),
        faults.status(500),
        faults.corrupt,
        faults.redirect,
        faults.hang_up,
    ],
    ids=["cut short", "page", "empty", "endless", "404", "500", "corrupt", "redirect in a circle", "hangs up"],
)
def test_what_describes_the_release_is_refused(
    case: Fault, name: str, downloader: str, mirror: Mirror, release: Path, tmp_path: Path
) -> None:
    assert (release / name).is_file()
    desk = Desk(tmp_path / "desk", "busybox" if downloader == "busybox-wget" else "dash", downloader)
    mirror.always[name] = case
    done = desk.run(base=mirror.url)
    assert done.returncode == REFUSED, done.stderr
    assert desk.installed == []
    assert "error:" in done.stderr


@pytest.mark.parametrize("downloader", DOWNLOADERS)
def test_an_interrupted_installation_goes_on_in_the_next_one(downloader: str, mirror: Mirror, release: Path, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", "dash", downloader)
    first, second, *_ = part_names(release)
    mirror.faults[second].append(faults.cut(0.5))
    mirror.always[second] = faults.status(404)
    assert desk.run("--variant", LARGE, base=mirror.url).returncode == REFUSED
    assert desk.installed == []
    del mirror.always[second]
    done = desk.run("--variant", LARGE, base=mirror.url)
    assert done.returncode == GOOD, done.stderr
    assert is_published(desk.target / file_name(LARGE), release, LARGE)
    assert mirror.requests_for(first) == 1
    assert sum(mirror.bytes_of(name) for name in part_names(release)) <= SIZE + 1000
    assert desk.run("--variant", LARGE, base=mirror.url).returncode == GOOD
    assert sum(mirror.bytes_of(name) for name in part_names(release)) <= SIZE + 1000, f"{VERSION} for {ARCH} was there already"
