"""A model from a hub to a file: whole, verified and under its name, or not there at all.

The bytes are hashed as they come. A part that is there already is read again and gone on with. Only bytes with the right SHA-256
and an intact GGUF header get the name.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from the_edge_agent.errors import MachineUnable, ModelUnavailable
from the_edge_agent.models import embedded, header
from the_edge_agent.models.hub import Announcement, Trouble
from the_edge_agent.models.part import BLOCK, digest, part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from the_edge_agent.models.hub import Answer, Hub
    from the_edge_agent.models.part import Part, Watch
    from the_edge_agent.models.reference import Reference

_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to have: its name, where a hub has it (the best place first), and what it has to be, as far as that is known."""

    file_name: str
    sources: tuple[Reference, ...]
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is there now. ``source`` is where it came from, at the commit that the hub named; ``None`` when it was there before."""

    path: Path
    sha256: str
    size: int
    source: Reference | None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on. Times in seconds.

    Attributes:
        tries: requests without a byte of progress before it ends.
        first: pause after the first of them; each further one is twice as long, up to ``longest``.
        longest: also the longest pause that a server can ask for.
        window: a connection that brings less than ``slowest`` bytes a second for so long is given up for a new one.
        slowest: see ``window``.
    """

    tries: int = 5
    first: float = 1.0
    longest: float = 60.0
    window: float = 60.0
    slowest: float = 1024.0

    def pause(self, attempt: int, wait: float | None) -> float:
        """Seconds before the next try, after ``attempt`` ones (from 1) in a row have failed."""
        if wait is not None:
            return min(wait, self.longest)
        # A little spread, so that many machines do not come back all at once.
        return float(min(self.first * 2.0 ** (attempt - 1), self.longest) * random.uniform(0.8, 1.0))  # noqa: S311 - no secret


def download(
    wanted: Wanted,
    folder: Path,
    hub: Hub,
    watch: Watch,
    *,
    keep: Callable[[Fetched], object] | None = None,
    patience: Patience | None = None,
) -> Fetched:
    """Have ``wanted`` in ``folder``. Afterwards it is there and verified, or an error says why not and no file has its name.

    An interrupted download keeps its part, and the next one goes on from there. A file that is there already is read and compared.
    ``keep`` is called with what has come right before it gets its name.

    Raises:
        ModelUnavailable: no source gave it: the bytes are other ones, there is no such file, the hub wants a token, the network fails.
        MachineUnable: the disk is full.
        UsageError: the folder cannot be written to.
    """
    target = folder / wanted.file_name
    with part(target, watch) as mine:
        if target.exists():
            return _present(wanted, target, watch)
        with ThreadPoolExecutor(1) as beside:
            return _Download(wanted, mine, hub, watch, patience or Patience(), _Hash(beside)).run(keep or (lambda _: None))


def _present(wanted: Wanted, target: Path, watch: Watch) -> Fetched:
    found = digest(target, watch)
    if wanted.sha256 is None:
        raise ModelUnavailable(
            f"{target} is there, and nothing says whether it is the right one", hint=f"remove it: tea models rm {target.name}"
        )
    if found != wanted.sha256:
        raise ModelUnavailable(
            f"{target} is there, but its SHA-256 is {found}, not {wanted.sha256}",
            hint=f"if it is a file of your own, move it; if it is damaged, remove it: tea models rm {target.name}",
        )
    header.read(target)
    return Fetched(target, found, target.stat().st_size, None)


class _OtherBytes(Exception):
    """A source has, or sent, another file than the wanted one."""


class _Download:
    """One file on its way: the part of it that is there, and its hash so far."""

    def __init__(self, wanted: Wanted, part: Part, hub: Hub, watch: Watch, patience: Patience, sha256: _Hash) -> None:
        self._wanted = wanted
        self._part = part
        self._target = part.target
        self._descriptor = part.descriptor
        self._hub = hub
        self._watch = watch
        self._patience = patience
        self._sha256 = sha256
        self._have = 0
        self._resumed = False
        self._etag: str | None = None

    def run(self, keep: Callable[[Fetched], object]) -> Fetched:
        self._read_part()
        failures: list[tuple[Reference, Exception]] = []
        for source in self._wanted.sources:
            try:
                fetched = self._fetched(source)
            except (_OtherBytes, Trouble) as problem:
                failures.append((source, problem))
                continue
            keep(fetched)
            self._part.finish()
            return fetched
        raise _unavailable(self._wanted.file_name, failures)

    def _fetched(self, source: Reference) -> Fetched:
        """The whole file from ``source``, verified."""
        again = False
        while True:
            announced = self._all_of(source)
            found, right = self._sha256.hexdigest(), self._wanted.sha256 or announced.sha256
            if right is None or found == right:
                return self._intact(found, source, announced.commit)
            resumed = self._resumed
            self._start_again()
            if again or not resumed:
                raise _OtherBytes(f"it sent other bytes (SHA-256 {found}, not {right})")
            # The part that was there, or the way it was gone on with, may be what is wrong.
            again = True
            self._watch.say("the bytes are not the right ones; starting again from the first")

    def _all_of(self, source: Reference) -> Announcement:
        """Go on until the last byte, as often as it takes; returns what the hub said of the file."""
        failed, furthest = 0, self._have
        while True:
            if self._wanted.sha256 and self._have and self._have == self._wanted.size:
                return Announcement(self._wanted.size, self._wanted.sha256, None)
            try:
                with self._hub.file(source, self._have, self._etag) as answer:
                    self._check(answer)
                    self._take(answer)
            except Trouble as trouble:
                failed = 1 if self._have > furthest else failed + 1
                furthest = max(furthest, self._have)
                if trouble.reason == "range" and self._have:
                    self._start_again()
                    continue
                if trouble.reason != "passing" or failed >= self._patience.tries:
                    raise
                pause = self._patience.pause(failed, trouble.wait)
                self._watch.say(f"{trouble}; going on in {pause:.0f} s")
                time.sleep(pause)
            else:
                return answer.announced

    def _check(self, answer: Answer) -> None:
        """Refuse what cannot be the wanted file before its bytes are taken."""
        wanted, announced = self._wanted, answer.announced
        if answer.page:
            raise Trouble(f"{self._hub.host} sent a web page instead of the file", "other", hint="does this network want you to sign in?")
        if wanted.sha256 and announced.sha256 and wanted.sha256 != announced.sha256:
            raise _OtherBytes(f"it has another file under this name (SHA-256 {announced.sha256}, not {wanted.sha256})")
        for size in (wanted.size, announced.size):
            if size is not None and answer.size is not None and size != answer.size:
                raise _OtherBytes(f"it has another file under this name ({answer.size} bytes, not {size})")
        if not wanted.sha256 and not announced.sha256 and answer.size is None:
            raise Trouble(f"{self._hub.host} says neither how long the file is nor what its SHA-256 is", "other")
        if answer.size is not None:
            self._check_room(answer.size)

    def _check_room(self, size: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        missing = size - self._have - free
        if missing > 0:
            raise MachineUnable(
                f"{self._target.name} needs {size - self._have:,} bytes more, and {self._target.parent} has {free:,} bytes free",
                hint=f"make room for {missing:,} bytes more; what has come so far stays",
            )

    def _take(self, answer: Answer) -> None:
        """Write and hash what comes, to the end of the file."""
        block = self._first(answer)
        if answer.start != self._have or not self._is_of_one_file(answer):
            self._start_again()
            if answer.start != 0:
                raise Trouble(f"{self._hub.host} does not go on where it was asked to", "passing", wait=0)
        self._etag = answer.etag
        self._resumed = self._resumed or self._have > 0
        pace = _Pace(self._patience, self._have)
        while block:
            if answer.size is not None and self._have + len(block) > answer.size:
                self._start_again()
                raise _OtherBytes(f"it sent more than the {answer.size:,} bytes of the file")
            self._write(block)
            self._watch.at(self._have, answer.size)
            pace.check(self._have)
            block = answer.read(BLOCK)
        if answer.size is not None and self._have < answer.size:
            raise Trouble(f"the connection ended after {self._have:,} of {answer.size:,} bytes", "passing")

    @staticmethod
    def _first(answer: Answer) -> bytes:
        """The first bytes; those of a file's start are looked at before anything that is there is given up for them."""
        block = answer.read(BLOCK)
        while 0 < len(block) < len(_MAGIC) and (more := answer.read(BLOCK)):
            block += more
        if answer.start == 0 and block[: len(_MAGIC)] != _MAGIC[: len(block)]:
            raise _OtherBytes("it sent something that is no GGUF file")
        return block

    def _is_of_one_file(self, answer: Answer) -> bool:
        """Whether what comes can belong to what is there; with a digest the end will tell."""
        if self._have == 0 or self._wanted.sha256 or answer.announced.sha256:
            return True
        return self._etag is not None and self._etag == answer.etag

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            written = os.write(self._descriptor, rest)
            self._sha256.update(rest[:written])
            self._have += written
            rest = rest[written:]

    def _read_part(self) -> None:
        """Hash what is there: whatever it was when it was written, what counts is what it is now."""
        size = self._wanted.size
        if size is not None and os.fstat(self._descriptor).st_size > size:
            self._start_again()
            return
        while block := os.read(self._descriptor, BLOCK):
            self._sha256.update(block)
            self._have += len(block)
            self._watch.at(self._have, size)
        self._resumed = self._have > 0

    def _start_again(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._sha256.clear()
        self._have = 0
        self._resumed = False
        self._etag = None

    def _intact(self, sha256: str, source: Reference, commit: str | None) -> Fetched:
        try:
            header.read_region(self._target, embedded.whole(self._part.path))
        except ModelUnavailable as problem:
            self._start_again()
            raise _OtherBytes(problem.message.removeprefix(f"cannot use the model {self._target}: ")) from problem
        return Fetched(self._target, sha256, self._have, source.at(commit) if commit else source)


class _Hash:
    """A SHA-256 that is taken on another thread: it takes as long as receiving and writing together."""

    def __init__(self, beside: Executor) -> None:
        self._beside = beside
        self.clear()

    def clear(self) -> None:
        """Begin with no bytes."""
        self._sha256 = hashlib.sha256()
        self._last: Future[None] | None = None

    def update(self, block: bytes | memoryview) -> None:
        """Take ``block``, which must not change, as soon as the one before is done."""
        self._wait()
        self._last = self._beside.submit(self._sha256.update, block)

    def hexdigest(self) -> str:
        """Of everything so far."""
        self._wait()
        return self._sha256.hexdigest()

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()


class _Pace:
    """Whether a connection still brings enough to go on with it."""

    def __init__(self, patience: Patience, have: int) -> None:
        self._patience = patience
        self._since, self._from = time.monotonic(), have

    def check(self, have: int) -> None:
        now = time.monotonic()
        seconds = now - self._since
        if seconds < self._patience.window:
            return
        if (have - self._from) / seconds < self._patience.slowest:
            raise Trouble("the connection brings hardly anything any more", "passing", wait=0)
        self._since, self._from = now, have


def _unavailable(file_name: str, failures: Sequence[tuple[Reference, Exception]]) -> ModelUnavailable:
    reasons = "; ".join(f"{reference.repository}: {problem}" for reference, problem in failures)
    hints = [problem.hint for _, problem in failures if isinstance(problem, Trouble) and problem.hint]
    if not hints and any(isinstance(problem, Trouble) and problem.reason == "passing" for _, problem in failures):
        hints = ["what has come so far stays; the same command goes on"]
    return ModelUnavailable(f"{file_name} could not be downloaded: {reasons}", hint=hints[0] if hints else None)
