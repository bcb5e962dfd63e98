"""GGUF files: where they lie, what their headers say, which ones are known, and the tiny one that comes with the package."""

INSIDE = "usr/share/models"
"""Where an image keeps its models, from its root."""
