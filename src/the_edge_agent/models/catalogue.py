"""The models this project knows by name: what they are and where they come from.

Nothing here opens a socket; the Hugging Face repository and file name are for whoever downloads.
Sizes are those of the published files, in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from the_edge_agent.models import builtin


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the catalogue.

    Attributes:
        file_name: the name the file must have to be found.
        title: what people call it.
        size: approximate size of the file, bytes.
        context: tokens the model was trained for.
        licence: SPDX identifier or the licence's own name.
        repository: Hugging Face repository it is published in, ``""`` for the built-in models.
        embeds: it turns texts into vectors and answers nothing.
    """

    file_name: str
    title: str
    size: int
    context: int
    licence: str
    repository: str
    embeds: bool = False


CATALOGUE: tuple[KnownModel, ...] = (
    KnownModel("gemma-3-1b-it-Q8_0.gguf", "Gemma 3 1B", 1_069_306_368, 32_768, "Gemma Terms of Use", "ggml-org/gemma-3-1b-it-GGUF"),
    KnownModel(
        "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf",
        "Phi-4 mini",
        1_900_000_000,
        131_072,
        "MIT",
        "bartowski/microsoft_Phi-4-mini-instruct-GGUF",
    ),
    KnownModel("gemma-3n-E4B-it-Q4_K_M.gguf", "Gemma 3n E4B", 4_539_000_000, 32_768, "Gemma Terms of Use", "unsloth/gemma-3n-E4B-it-GGUF"),
    KnownModel(builtin.FILE_NAME, "built-in tiny chat", 6_065_920, 2_048, "MIT", ""),
    KnownModel(builtin.EMBEDDING_FILE_NAME, "built-in tiny embed", 1_893_536, 1_024, "MIT", "", embeds=True),
)
"""In the order of preference where several are found."""


def known(file_name: str) -> KnownModel | None:
    """The catalogue's entry for a file name, ``None`` when it has none."""
    return next((model for model in CATALOGUE if model.file_name == file_name), None)
