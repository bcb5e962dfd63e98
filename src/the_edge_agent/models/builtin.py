"""The tiny model that comes with the package."""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "tiny-chat-Q8_0.gguf"


def path() -> Path:
    """Where the built-in model lies; the file is part of every installation and of every bundle that does not leave it out."""
    return Path(__file__).with_name("builtin") / FILE_NAME
