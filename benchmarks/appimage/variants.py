"""Builds every variant with a big model, from the models in a folder, and prints what that costs and whether the result works.

    python benchmarks/appimage/variants.py MODELS FOLDER [ENGINE]

MODELS holds the files that the table of variants names, or the stand-ins for them that standins.py writes. FOLDER takes the images. ENGINE is
an image of the engine; without it one is built from packages. A variant whose model is missing is left out and told.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from table import machine, show

from release.build import variants

if TYPE_CHECKING:
    from release.build.variants import Variant

FLOW = "name: one\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 8}, output: said}]\n"
ROOT = Path(__file__).parents[2]
BUILD = [sys.executable, "-m", "release.build", "variant"]
TEA = [sys.executable, "-m", "the_edge_agent"]


def timed(*words: str) -> tuple[float, str]:
    """Wall seconds of a command, and what it printed."""
    os.sync()
    start = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}: {' '.join(words)}\n{done.stderr}")
    return time.perf_counter() - start, done.stdout


def read(path: Path) -> None:
    """Have all of it in the page cache, so that who comes first has no advantage and no disadvantage."""
    with path.open("rb") as file:
        while file.read(2**24):
            pass


def row(variant: Variant, model: Path, folder: Path, engine: Path) -> list[str]:
    """Build, copy the model for comparison, verify, start and ask."""
    target = folder / variant.file_name(platform.machine())
    read(model)
    with tempfile.TemporaryDirectory(dir=folder) as desk:
        copied, _ = timed("/bin/cp", str(model), f"{desk}/copy")
    built, _ = timed(*BUILD, variant.name, "--engine", str(engine), "--model", str(model), "-o", str(target))
    verified, _ = timed(*TEA, "verify", str(target))
    started, _ = timed(str(target), "--version")
    with tempfile.TemporaryDirectory(dir=folder) as desk:
        flow = Path(desk) / "one.yaml"
        flow.write_text(FLOW, encoding="utf-8")
        asked, answer = timed(str(target), "tea", "run", str(flow))
    said = json.loads(answer)["said"]
    if said["model"] != model.name:
        sys.exit(f"{target} answers by {said['model']}, not by its own model {model.name}")
    size, tokens = target.stat().st_size / 1e9, said["usage"]["completion_tokens"]
    return [variant.name, f"{size:.2f}", f"{copied:.1f}", f"{built:.1f}", f"{verified:.1f}", f"{started:.2f}", f"{asked:.1f}", str(tokens)]


def main() -> None:
    """Build and print the table."""
    models, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    engine = Path(sys.argv[3]).absolute() if len(sys.argv) > 3 else folder / "engine.AppImage"  # noqa: PLR2004 - the optional third argument
    wanted = [(variant, models / variant.own_model) for variant in variants.table().values() if variant.own_model]
    found = [(variant, model) for variant, model in wanted if model.is_file()]
    if not found:
        sys.exit(f"none of these models is in {models}: {', '.join(model.name for _, model in wanted)}")
    if not engine.exists():
        timed(*BUILD, "tea-python-llm", "-o", str(engine))
    head = ["image", "GB", "cp of the model, s", "build with full check, s", "verify, s", "--version, s", "8 tokens, s", "tokens"]
    missing = [f"Left out, without a model: {variant.name}" for variant, model in wanted if not model.is_file()]
    rows = [row(variant, model, folder, engine) for variant, model in found]
    show("Images with big models", head, rows, "\n".join([machine("the-edge-agent"), *missing]))


if __name__ == "__main__":
    main()
