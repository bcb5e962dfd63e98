"""What the user asked of models: on the command line or in the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from the_edge_agent.parameters import LoadParameters

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LlmOptions", "LoadParameters"]


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """``gguf``: the model file of ``--gguf``; ``backend``: ``--backend``. Both stand above any workflow setting."""

    gguf: Path | None = None
    backend: Literal["local", "api", "auto"] = "auto"
