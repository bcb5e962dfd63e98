"""The models this project knows by name: what they are and where they come from. The facts stand in ``catalogue.toml``.

Nothing here opens a socket.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from the_edge_agent.models.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model of the catalogue; ``catalogue.toml`` says what its facts mean. Sizes are bytes, ``None`` and ``""`` are unknown.

    Attributes:
        name: the short name that people type.
        file_name: the name the file must have to be found.
        title: what people call it.
        sources: where a hub has the file, the best place first; none for the built-in models.
        size: of the file, exactly.
        about: of the file, as long as ``size`` is not known.
        sha256: of the file, in lower-case hexadecimal.
        locked: size and digest were read at the hub by ``tea models lock``.
        licence: SPDX identifier or the licence's own name; ``terms`` is where it stands.
        context: tokens the model was trained for.
        memory: what answering takes, an estimate.
        embeds: it turns texts into vectors and answers nothing.
        preferred: it is taken before models that the catalogue does not know.
    """

    name: str
    file_name: str
    title: str
    licence: str
    terms: str
    context: int
    family: str
    sources: tuple[Reference, ...] = ()
    size: int | None = None
    about: int | None = None
    sha256: str | None = None
    locked: bool = False
    memory: int | None = None
    embeds: bool = False
    preferred: bool = False

    @property
    def expected_size(self) -> int | None:
        """Bytes of the file, exactly or roughly."""
        return self.size or self.about


@cache
def catalogue() -> tuple[KnownModel, ...]:
    """Every entry, in the order of preference where several are found."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> tuple[KnownModel, ...]:
    """The entries of a catalogue file; raises :class:`TypeError` for a key that is not known and :class:`ValueError` for no TOML."""
    return tuple(_entry(name, facts) for name, facts in tomllib.loads(text).items())


def known(file_name: str) -> KnownModel | None:
    """The catalogue's entry for a file name, ``None`` when it has none."""
    return next((model for model in catalogue() if model.file_name == file_name), None)


def named(name: str) -> KnownModel | None:
    """The catalogue's entry of a short name such as ``gemma``, ``None`` when it has none."""
    return next((model for model in catalogue() if model.name == name.lower()), None)


def _entry(name: str, facts: Mapping[str, Any]) -> KnownModel:
    file, sources, rest = facts["file"], facts["sources"], {key: facts[key] for key in facts if key not in {"file", "sources"}}
    return KnownModel(name=name, file_name=file, sources=tuple(_source(source, file) for source in sources), **rest)


def _source(text: str, file: str) -> Reference:
    repository, _, commit = text.partition("@")
    return Reference(repository, file, commit) if commit else Reference(repository, file)
