"""What some tests need besides the project's own test environment."""

from __future__ import annotations

from typing import Any

import pytest

WHY = "the recipe's own dependencies are not installed (training/README.md)"


def pytorch() -> Any:
    """PyTorch; skips the test or the module that asks where the recipe's dependencies are not installed."""
    pytest.importorskip("gguf", reason=WHY)
    return pytest.importorskip("torch", reason=WHY)
