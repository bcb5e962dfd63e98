"""The Python packages of an engine: fetched by pip for another machine than this one, checked against a lock, unpacked."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
"""The payload brings a glibc of its own (2.36), so that each of these can be used on any machine."""
_PIN = re.compile(r"([\w.-]+)==(\S+)")


def read_lock(path: Path) -> dict[str, str]:
    """The pinned version of each package of a lock file that pip reads.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return dict(_PIN.findall(path.read_text(encoding="utf-8")))
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror}", hint="make it anew: python -m release.build lock") from problem


def lock_text(files: Iterable[Path]) -> str:
    """A lock that pip reads, of these wheels: versions, and the digests of the files for every architecture."""
    pins: dict[str, set[str]] = {}
    for file in files:
        name, version, *_ = file.name.split("-")
        pins.setdefault(f"{name.replace('_', '-').lower()}=={version}", set()).add(hashlib.sha256(file.read_bytes()).hexdigest())
    lines = [" \\\n".join([pin, *(f"    --hash=sha256:{digest}" for digest in sorted(pins[pin]))]) for pin in sorted(pins)]
    return "# Python packages of an engine. Made by `python -m release.build lock`.\n" + "\n".join(lines) + "\n"


def newest(requirements: Sequence[str], constraints: Mapping[str, str], architecture: str, python: str, folder: Path) -> tuple[Path, ...]:
    """The wheels of ``requirements`` and all they need, in the versions of ``constraints`` where those name one."""
    limits = folder / "constraints.txt"
    folder.mkdir(parents=True, exist_ok=True)
    limits.write_text("".join(f"{name}=={version}\n" for name, version in constraints.items()), encoding="utf-8")
    return _download([*requirements, "--constraint", str(limits)], architecture, python, folder)


def fetch(lock: Path, names: Sequence[str], architecture: str, python: str, folder: Path) -> tuple[Path, ...]:
    """The wheels of ``names`` as pinned in ``lock``, each checked against its digest there; those in ``folder`` are not fetched again.

    Raises:
        UsageError: a wheel is not offered any more, or not the one that was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = lock.read_text(encoding="utf-8")
    wanted = [entry for entry in re.split(r"\n(?=\S)", text) if (pin := _PIN.match(entry)) and pin[1] in names]
    kept = {entry: _kept(entry, architecture, folder) for entry in wanted}
    files = [file for file in kept.values() if file]
    absent = [entry for entry in wanted if not kept[entry]]
    if absent:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt", dir=folder) as chosen:
            chosen.write("\n".join(absent) + "\n")
            chosen.flush()
            files += _download(["--no-deps", "--require-hashes", "--requirement", chosen.name], architecture, python, folder)
    return tuple(sorted(files))


def _kept(entry: str, architecture: str, folder: Path) -> Path | None:
    """The wheel of a lock's ``entry`` that an earlier build left in ``folder``."""
    name, version = _PIN.findall(entry)[0]
    for file in folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"):
        made_for_it = file.stem.endswith("-any") or architecture in file.stem
        if made_for_it and hashlib.sha256(file.read_bytes()).hexdigest() in entry:
            return file
    return None


def _download(words: Sequence[str], architecture: str, python: str, folder: Path) -> tuple[Path, ...]:
    platforms = [part for name in _PLATFORMS for part in ("--platform", f"{name}_{architecture}")]
    tag = "cp" + python.replace(".", "")
    kinds = ["--implementation", "cp", "--python-version", python, "--abi", tag, "--abi", "abi3", "--abi", "none"]
    with tempfile.TemporaryDirectory(dir=folder) as incoming:
        command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "download"]
        command += ["--only-binary", ":all:", "--dest", incoming, *platforms, *kinds, *words]
        done = subprocess.run(  # noqa: S603 - our own pip
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if "ERROR" in line), done.stderr.strip()[:300])
            raise UsageError(f"pip cannot fetch the packages of an engine: {reason}", hint="look at it with: python -m pip download …")
        return tuple(sorted(file.replace(folder / file.name) for file in Path(incoming).glob("*.whl")))


def own(source: Path, folder: Path) -> Path:
    """The wheel of the project in ``source``; the same files give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    code = "import hatchling.build as backend, sys; print(backend.build_wheel(sys.argv[1]))"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, str(folder.absolute())],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": "315532800"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise UsageError(
            f"the wheel of {source} cannot be built: {done.stderr.strip()[-300:]}", hint="./dev setup installs what that needs"
        )
    return folder / done.stdout.split()[-1]


def unpack(file: Path, folder: Path) -> None:
    """Put the packages of a wheel into ``folder``; headers, scripts and data for other places are left out."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if name.endswith("/") or path.is_absolute() or ".." in path.parts:
                continue
            if path.parts[0].endswith(".data"):
                if path.parts[1] not in {"purelib", "platlib"}:
                    continue
                path = PurePosixPath(*path.parts[2:])
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
