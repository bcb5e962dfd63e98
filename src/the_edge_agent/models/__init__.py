"""GGUF files: where they lie, what their headers say, which ones are known, and the tiny one that comes with the package."""

import re

INSIDE = "usr/share/models"
"""Where an image keeps its models, from its root."""
SUFFIX = ".gguf"

_PIECE = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)


def is_model(file_name: str) -> bool:
    """Whether a file of this name is a model: no piece of a split one, no projector of a vision model."""
    lower = file_name.lower()
    return lower.endswith(SUFFIX) and "mmproj" not in lower and not _PIECE.search(lower)
