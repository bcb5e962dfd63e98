"""Builds every variant with a model, from the models in a folder, and prints what that costs and whether the result works.

    python benchmarks/appimage/variants.py MODELS FOLDER [ENGINE]

MODELS holds the files that the table of variants names; stand-ins of the same form and size do (random weights answer with noise). FOLDER
takes the images. ENGINE is an image of the engine; without it one is built from packages. A variant whose model is missing is left out.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from table import machine, show

from the_edge_agent.appimage import variants

if TYPE_CHECKING:
    from the_edge_agent.appimage.variants import Variant

FLOW = "name: one\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 8}, output: said}]\n"
TEA = [sys.executable, "-m", "the_edge_agent"]


def timed(*words: str) -> tuple[float, str]:
    """Wall seconds of a command, and what it printed."""
    os.sync()
    start = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"exit code {done.returncode}: {' '.join(words)}\n{done.stderr}"
        raise RuntimeError(message)
    return time.perf_counter() - start, done.stdout


def row(variant: Variant, models: Path, folder: Path, engine: Path) -> list[str]:
    """Build, copy the model for comparison, verify, start and ask."""
    target = folder / variant.file_name(platform.machine())
    biggest = models / variant.models[0]
    copy = folder / "copy"
    copied, _ = timed("/bin/cp", str(biggest), str(copy))
    copy.unlink()
    bundle = [*TEA, "bundle", "--variant", variant.name, "--engine", str(engine), "--model", str(biggest), "-o", str(target)]
    built, _ = timed(*bundle)
    verified, _ = timed(*TEA, "verify", str(target))
    started, _ = timed(str(target), "--version")
    flow = folder / "one.yaml"
    flow.write_text(FLOW, encoding="utf-8")
    asked, answer = timed(str(target), "tea", "run", str(flow))
    tokens = json.loads(answer)["said"]["usage"]["completion_tokens"]
    size = target.stat().st_size / 1e9
    return [variant.name, f"{size:.2f}", f"{copied:.1f}", f"{built:.1f}", f"{verified:.1f}", f"{started:.2f}", f"{asked:.1f}", str(tokens)]


def main() -> None:
    """Build and print the table."""
    models, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    engine = Path(sys.argv[3]).absolute() if len(sys.argv) > 3 else folder / "engine.AppImage"  # noqa: PLR2004 - the optional third argument
    if not engine.exists():
        timed(*TEA, "bundle", "--variant", "tea-python-llm", "-o", str(engine))
    found = [one for one in variants.table().values() if one.models and (models / one.models[0]).is_file()]
    head = ["image", "GB", "cp of the model, s", "bundle with full check, s", "verify, s", "--version, s", "8 tokens, s", "tokens"]
    show("Images with big models", head, [row(one, models, folder, engine) for one in found], machine("the-edge-agent"))


if __name__ == "__main__":
    main()
