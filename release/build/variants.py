"""The images that are released, from the one table of them (``variants.toml``), and the models that go into each."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent import __version__
from the_edge_agent.errors import ModelUnavailable, UsageError
from the_edge_agent.image.verify import verify
from the_edge_agent.image.writer import open_model, write_bundle
from the_edge_agent.models import builtin, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from the_edge_agent.image.engine import Engine
    from the_edge_agent.image.manifest import Manifest

BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the table: whether models can be run in it, and which come with it."""

    name: str
    summary: str
    llm: bool
    models: tuple[str, ...]

    def file_name(self, architecture: str) -> str:
        """What the artifact is called."""
        return f"{self.name}-{__version__}-{architecture}.AppImage"

    @property
    def own_model(self) -> str | None:
        """The file of the model that it is made for; ``None`` where there are at most the built-in ones."""
        return next((name for name in self.models if name != BUILT_IN), None)

    @property
    def engine(self) -> str:
        """The name of the engine it is built on, which is a variant itself or one without its models."""
        return "tea-python-llm" if self.llm else "tea-python"


def table() -> Mapping[str, Variant]:
    """Every variant by its name."""
    text = Path(__file__).with_name("variants.toml").read_text(encoding="utf-8")
    return {name: Variant(name, row["summary"], row["llm"], tuple(row["models"])) for name, row in tomllib.loads(text).items()}


def named(name: str) -> Variant:
    """The variant called ``name``; raises :class:`UsageError` when there is none."""
    known = table()
    if name not in known:
        raise UsageError(f"there is no variant {name}", hint=f"there are: {', '.join(known)}")
    return known[name]


def write(variant: Variant, engine: Engine, target: Path, given: Sequence[Path] = ()) -> Manifest:
    """Write the artifact of ``variant`` on ``engine`` and read it back; ``given`` are files of models, others are searched by name.

    Raises:
        ModelUnavailable: a model of the variant is not there, or no intact GGUF file.
        UsageError: the engine is another kind than the variant needs, a given model is none of it, or ``target`` cannot be written.
        ImageDamaged: what was written is no intact image.
    """
    if variant.llm != ("llm-local" in engine.manifest.features):
        raise UsageError(f"{engine.path} is not the engine of {variant.name}", hint=f"name one of {variant.engine}, or leave --engine out")
    files = {path.name: path for path in given}
    if strange := sorted(files.keys() - set(variant.models)):
        raise UsageError(
            f"{variant.name} takes no model {', '.join(strange)}", hint=f"its models are: {', '.join(variant.models) or 'none'}"
        )
    models = [open_model(path) for path in _paths(variant, files)]
    manifest = write_bundle(target, engine, name=variant.name, models=models)
    problem = verify(target).damaged()
    if problem is not None:
        raise problem
    return manifest


def _paths(variant: Variant, files: Mapping[str, Path]) -> Iterator[Path]:
    for name in variant.models:
        if name == BUILT_IN:
            yield from sorted((builtin.path(), builtin.embedding_path()))
            continue
        path = files.get(name) or find.by_name(name, os.environ)
        if path is None:
            raise ModelUnavailable(f"there is no model {name}", hint=f"{find.pull_hint(name) or 'get it'}, or name its file: --model PATH")
        yield path
