"""What the user asked of models: on the command line or in the API, and of a local model when it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LlmOptions:
    """``gguf``: the model file of ``--gguf``; ``backend``: ``--backend``. Both stand above any workflow setting."""

    gguf: Path | None = None
    backend: Literal["local", "api", "auto"] = "auto"


@dataclass(frozen=True, slots=True)
class LoadParameters:
    """How a local model is loaded; two requests with equal ones share one loaded model.

    Attributes:
        n_ctx: most tokens of prompt and answer together to reserve memory for; ``None``: 4096; 0: all the model was
            trained for. Never more than the model was trained for.
        n_threads: threads that compute, at most the machine's processors; ``None``: the physical cores this process may use,
            or one for a model of less than 64 MiB.
        n_gpu_layers: layers to compute on a GPU; -1: as many as the installed llama.cpp can.
    """

    n_ctx: int | None = None
    n_threads: int | None = None
    n_gpu_layers: int = -1
