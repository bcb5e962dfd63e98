"""What an image costs beside its parts: starting, loading its model, the memory and disk that takes, and building it.

    python benchmarks/appimage/measure.py IMAGE [ROUNDS]

IMAGE is one with a model. What is compared takes turns within one run and a figure is the median of the rounds. The plain file is a copy
of the model inside, made for the measurement beside the image, so there must be room for it, and for an image built anew.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from table import machine, show

from the_edge_agent.image.engine import open_engine
from the_edge_agent.image.writer import Model, write_bundle
from the_edge_agent.models.embedded import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from the_edge_agent.image.manifest import Part

METER = Path(__file__).parents[1] / "meter.py"
FLOW = """
name: one
nodes:
  - name: before
    run: |
      import time
      return {"start": time.monotonic()}
  - {name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 1, temperature: 0}}
  - name: after
    run: |
      import time
      status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
      return {"seconds": time.monotonic() - state["start"], "resident": int(status["VmRSS"].split()[0]) / 1024}
"""
STARTS = 15
MIB = 2**20
T = TypeVar("T")
Ways = dict[str, list[str]]


class Bench:
    """One image, a folder beside it to work in, and the model inside as a file of its own."""

    def __init__(self, path: Path, folder: Path, rounds: int) -> None:
        self.path = path
        self.folder = folder
        self.rounds = rounds
        self.manifest = open_engine(path).manifest
        self.model = max(self.manifest.models, key=lambda part: part.size)
        self.plain = folder / "plain.gguf"
        self.flow = folder / "one.yaml"
        self.flow.write_text(FLOW, encoding="utf-8")
        _cut(path, self.model, self.plain)

    def environment(self, *, fuse: bool) -> dict[str, str]:
        """The two ways to start: mounted, or from the cache folder."""
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TEA_APPIMAGE_CACHE": str(self.folder / "cache")}
        return own if fuse else {**own, "APPIMAGE_EXTRACT_AND_RUN": "1"}

    def run(self, *words: str, fuse: bool = False) -> tuple[float, float]:
        """Wall seconds and peak MiB of one start."""
        command = [sys.executable, "-I", "-S", str(METER), str(self.path), *words]
        told = subprocess.run(command, env=self.environment(fuse=fuse), capture_output=True, text=True, check=True)
        seconds, memory, code = told.stdout.split()
        if code != "0":
            message = f"exit code {code}: {' '.join(words)}\n{told.stderr}"
            raise RuntimeError(message)
        return float(seconds), int(memory) / 1024

    def starts(self) -> None:
        """``--version``, everything in the page cache."""
        self.run("--version")
        before = _written(self.folder / "cache")
        ways: Mapping[str, Callable[[], tuple[float, float]]] = {
            "from the cache folder": lambda: self.run("--version"),
            "mounted": lambda: self.run("--version", fuse=True),
        }
        rows = [[name, f"{statistics.median(took[0] for took in taken) * 1000:.0f}"] for name, taken in _turns(ways, STARTS).items()]
        show("Start: `--version`, warm", ["way", "wall ms"], rows, "Targets: 100 ms from the cache folder, 180 ms mounted")
        models = list((self.folder / "cache").rglob("*.gguf"))
        note = f"Target: less than 150 MB, no model among it (found: {len(models)})"
        show("Written at the first start where nothing can be mounted", ["", "MB"], [["cache folder", f"{before / 1e6:.1f}"]], note)

    def loading(self) -> None:
        """Loading the model and one token of it, from the image and from a plain file, by the same engine; memory afterwards."""
        ways = {
            "plain file": lambda: self.ask(str(self.plain)),
            "inside the image": lambda: self.ask(f"$APPDIR/{self.model.name}"),
        }
        told = _turns(ways, self.rounds + 1)
        # The first round fills the page cache.
        middle = {
            name: [statistics.median(one[key] for one in found[1:]) for key in ("seconds", "resident")] for name, found in told.items()
        }
        rows = [[name, f"{taken:.2f}", f"{resident:.0f}"] for name, (taken, resident) in middle.items()]
        plain, inside = middle["plain file"], middle["inside the image"]
        rows.append(["ratio", *(f"{one / other:.3f}" for one, other in zip(inside, plain, strict=True))])
        show(f"Load {self.model.name} and say one token", ["from", "seconds", "RSS, MiB"], rows, "Target: ratio at most 1.02")

    def ask(self, gguf: str) -> dict[str, float]:
        """One run, by its own clock and its own account of its memory."""
        words = [str(self.path), "tea", "run", str(self.flow), "--gguf", gguf]
        done = subprocess.run(words, env=self.environment(fuse=False), capture_output=True, text=True, check=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def page_cache(self) -> None:
        """What of the image is in memory after a mounted start that loads the model, nothing of it before."""
        _forget(self.path)
        self.run("tea", "run", str(self.flow), "--gguf", f"$APPDIR/{self.model.name}", fuse=True)
        held = _resident(self.path)
        rows = [["the image", f"{held / MIB:.0f}", f"{held / self.model.size:.2f}"]]
        show("Page cache after a mounted run, cold before", ["of", "MiB", "times the model"], rows, "Target: the model once, not twice")

    def building(self) -> None:
        """Building it anew from the engine and the plain model, beside copying the model, and copying and checking it by hand."""
        engine = open_engine(self.path)
        target = self.folder / "built.AppImage"
        model = Model(Path(self.model.name).name, whole(self.plain))
        copy, check = ["/bin/cp", str(self.plain), str(target)], ["/usr/bin/sha256sum", str(target)]

        def anew(work: Callable[[], object]) -> float:
            target.unlink(missing_ok=True)
            os.sync()
            start = time.perf_counter()
            work()
            return time.perf_counter() - start

        def by_hand(*commands: list[str]) -> None:
            for words in commands:
                subprocess.run(words, capture_output=True, check=True)

        ways = {
            "cp of the model": lambda: anew(lambda: by_hand(copy)),
            "cp, then sha256sum of the copy": lambda: anew(lambda: by_hand(copy, check)),
            "tea bundle": lambda: anew(lambda: write_bundle(target, engine, name="bench", models=[model])),
        }
        middle = {name: statistics.median(taken) for name, taken in _turns(ways, self.rounds).items()}
        target.unlink()
        rows = [[name, f"{seconds:.2f}", f"{middle['tea bundle'] / seconds:.2f}"] for name, seconds in middle.items()]
        note = "Target: at most 1.3 times a copy. The manifest holds the model's SHA-256, which no copy waits for"
        show(f"Build with a model of {self.model.size / 1e9:.2f} GB", ["way", "wall s", "tea bundle takes times as long"], rows, note)


def _turns(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each of ``ways`` gave in each round, in which they take turns."""
    gave: dict[str, list[T]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            gave[name].append(way())
    return gave


def _cut(path: Path, part: Part, target: Path) -> None:
    with path.open("rb") as source, target.open("wb") as copy:
        done = 0
        while done < part.size:
            done += os.copy_file_range(source.fileno(), copy.fileno(), part.size - done, part.offset + done)


def _written(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _forget(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _resident(path: Path) -> int:
    told = subprocess.run(["/usr/bin/fincore", "--bytes", "--json", str(path)], capture_output=True, text=True, check=True).stdout
    return int(json.loads(told)["fincore"][0]["res"])


def main() -> None:
    """Measure and print the tables."""
    path = Path(sys.argv[1]).absolute()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004 - the optional second argument
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        bench = Bench(path, Path(folder), rounds)
        print(f"{bench.manifest.name}, {path.stat().st_size:,} bytes. {machine('the-edge-agent')}")
        bench.starts()
        bench.loading()
        bench.page_cache()
        bench.building()


if __name__ == "__main__":
    main()
