"""The tiny models that come with the package: one that answers, one that embeds."""

from __future__ import annotations

from pathlib import Path

from the_edge_agent.models import INSIDE, embedded

FILE_NAME = "tiny-chat-Q8_0.gguf"
EMBEDDING_FILE_NAME = "tiny-embed-Q8_0.gguf"

_FOLDER = Path(__file__).with_name("builtin")


def path() -> Path:
    """Where the built-in model lies; the file is part of every installation and of every bundle that does not leave it out."""
    return _place(FILE_NAME)


def embedding_path() -> Path:
    """Where the built-in embedding model lies, in the same folder."""
    return _place(EMBEDDING_FILE_NAME)


def _place(name: str) -> Path:
    """An image keeps the built-in models where it keeps the others, so that they are mapped from it like them."""
    bundle = embedded.root()
    inside = bundle / INSIDE / name if bundle else None
    return inside if inside is not None and embedded.region(inside) else _FOLDER / name
