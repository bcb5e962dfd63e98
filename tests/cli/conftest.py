from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Tea = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a command sees of the environment: nothing of the user's own."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START") if name in os.environ}
    return {**kept, "HOME": str(tmp_path), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120"}


@pytest.fixture
def tea(tmp_path: Path, environment: dict[str, str]) -> Tea:
    """Run the real command in an empty folder: ``tea("run", "w.yaml", input="", env={...})``."""

    def run(*words: str, env: dict[str, str] | None = None, **more: object) -> subprocess.CompletedProcess[str]:
        options: dict[str, object] = {"stdin": subprocess.DEVNULL, **more} if "input" not in more else more
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "the_edge_agent", *words],
            cwd=tmp_path,
            env={**environment, **(env or {})},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            **options,
        )

    return run
