"""Starts an image that was built, and looks whether it answers: what a stranger would type first."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from release.build import ROOT, variants
from the_edge_agent.errors import MachineUnable, UsageError
from the_edge_agent.image.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from the_edge_agent.image.manifest import Manifest

EXAMPLE = ROOT / "examples/llm/local-chat.yaml"
SECONDS = 900
"""A model of 5 GB on a slow machine has to load and answer in this time."""


def check(image: Path, *, seconds: float = SECONDS) -> list[str]:
    """Start ``image`` with the first commands of a user; where models can run in it, ask the one it brings.

    An image for another processor is started in its emulator. Returns a line for every check.

    Raises:
        UsageError: a command failed, was too slow, or answered something else.
        MachineUnable: there is no emulator.
    """
    manifest = open_engine(image).manifest
    session = _Session(image.absolute(), _emulator(manifest.architecture), seconds)
    lines = [
        session.text("--version", expect=f"tea {manifest.version}"),
        session.text("--impl", expect="python"),
        session.text("--impl", "--features", expect="\n".join(manifest.features)),
        session.text("doctor", expect="llama.cpp"),
    ]
    if "llm-local" in manifest.features:
        lines.append(_ask(session, manifest))
    return lines


def _ask(session: _Session, manifest: Manifest) -> str:
    """The functional test: the model inside answers an example, nothing else does."""
    final = session.json("run", str(EXAMPLE), "--quiet")
    own = variants.table().get(manifest.name)
    expected = own.own_model if own else None
    if final.get("backend") != "local" or not str(final.get("answer") or "").strip():
        raise UsageError(f"{session.image.name}: no local model answered {EXAMPLE.name}: {final}")
    if expected and final.get("model") != expected:
        raise UsageError(f"{session.image.name}: {final.get('model')} answered, {expected} should have")
    return f"run {EXAMPLE.name}: {final['model']} says {str(final['answer'])[:60]!r}"


def _emulator(architecture: str) -> tuple[str, ...]:
    if architecture == platform.machine():
        return ()
    found = shutil.which(f"qemu-{architecture}-static")
    if found is None:
        raise MachineUnable(f"there is no qemu-{architecture}-static", hint="apt-get install qemu-user-static")
    # Registered in a user namespace of its own, so that the machine stays as it is.
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", str(ROOT / "release/build/binfmt.sh"), found)


class _Session:
    """Runs an image again and again, with a home of its own."""

    def __init__(self, image: Path, runner: tuple[str, ...], seconds: float) -> None:
        self.image = image
        self._runner = runner
        self._seconds = seconds

    def text(self, *words: str, expect: str) -> str:
        out = self._run(words)
        if expect not in out:
            raise UsageError(f"{self.image.name} {' '.join(words)}: {expect!r} was expected, it printed {out[:200]!r}")
        return f"{' '.join(words)}: {expect.splitlines()[0]}"

    def json(self, *words: str) -> dict[str, Any]:
        out = self._run(words)
        try:
            found: dict[str, Any] = json.loads(out)
        except ValueError:
            raise UsageError(f"{self.image.name} {' '.join(words)}: JSON was expected, it printed {out[:200]!r}") from None
        return found

    def _run(self, words: Sequence[str]) -> str:
        with tempfile.TemporaryDirectory() as home:
            try:
                done = subprocess.run(  # noqa: S603 - the image that was built
                    [*self._runner, str(self.image), *words],
                    env={"PATH": "/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8"},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                    timeout=self._seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise UsageError(f"{self.image.name} {' '.join(words)}: no answer within {self._seconds:g} s") from None
            except OSError as problem:
                raise UsageError(f"{self.image.name} cannot be started: {problem.strerror}") from problem
        if done.returncode:
            raise UsageError(f"{self.image.name} {' '.join(words)}: exit {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout
