"""The images that are released, from the one table of them, and how each is built."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent import __version__
from the_edge_agent.appimage import engine as engines
from the_edge_agent.appimage import image, payload
from the_edge_agent.appimage.image import Engine, Model
from the_edge_agent.errors import ModelUnavailable, UsageError
from the_edge_agent.models import builtin, catalogue, embedded, header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from the_edge_agent.appimage.manifest import Manifest

BUILT_IN = "built-in"
RECIPE = "packaging/appimage"
"""Where, in the project's source tree, the recipe of an engine lies."""


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


def source_tree() -> Path:
    """The project's source tree that this module lies in; raises :class:`UsageError` for an installed one, which has no recipe."""
    root = Path(__file__).parents[3]
    if not (root / RECIPE).is_dir():
        raise UsageError(
            "a variant is built from the project's source tree, and this is an installed tea", hint="git clone it, then ./dev setup"
        )
    return root


def build_engine(*, llm: bool, architecture: str, runtime: Path, work: Path, level: int) -> Engine:
    """Build the engine of the variants with or without llama.cpp from pinned packages, into ``work``.

    Raises:
        UsageError: something pinned cannot be had.
        MachineUnable: a tool is missing.
    """
    source = source_tree()
    recipe = payload.read_recipe(source / RECIPE)
    folder = payload.assemble(recipe, architecture=architecture, llm=llm, runtime=runtime, source=source, work=work)
    name = "tea-python-llm" if llm else "tea-python"
    squashfs = work / f"{name}-{architecture}.squashfs"
    engines.pack(folder, squashfs, level=level)
    head = runtime / architecture / "head"
    try:
        start = head.read_bytes()
    except OSError as problem:
        raise UsageError(f"there is no {head}", hint="build the runtime first: runtime/make") from problem
    target = work / "engines" / f"{name}-{architecture}.AppImage"
    target.parent.mkdir(parents=True, exist_ok=True)
    image.write_engine(target, head=start, squashfs=squashfs, name=name, version=__version__, features=payload.features(folder))
    squashfs.unlink()
    return image.open_engine(target)


def write(variant: Variant, engine: Engine, target: Path, find: Callable[[str], Path | None]) -> Manifest:
    """Write the artifact of ``variant`` on ``engine``; ``find`` gives the file of a model by its name.

    Raises:
        ModelUnavailable: a model of the variant is not there, or no intact GGUF file.
        UsageError: the engine is another kind than the variant needs, or ``target`` cannot be written.
    """
    if variant.llm != ("llm-local" in engine.manifest.features):
        raise UsageError(f"{engine.path} is not the engine of {variant.name}", hint=f"name one of {variant.engine}, or leave --engine out")
    return image.write_bundle(target, engine, name=variant.name, models=_models(variant.models, find))


def _models(names: Sequence[str], find: Callable[[str], Path | None]) -> list[Model]:
    models = []
    for name in names:
        if name == BUILT_IN:
            models += [model(path) for path in sorted({builtin.path(), builtin.embedding_path()}) if embedded.exists(path)]
            continue
        path = find(name)
        if path is None:
            known = catalogue.known(name)
            where = f"get it from {known.sources[0].repository} on Hugging Face" if known and known.sources else "get it"
            raise ModelUnavailable(
                f"there is no model {name}", hint=f"{where}, and put it in a folder that `tea doctor` lists, or name it: --model PATH"
            )
        models.append(model(path))
    return models


def model(path: Path) -> Model:
    """The model in the file ``path``, or inside the image this program runs from, checked to be an intact GGUF.

    Raises:
        ModelUnavailable: it is not.
    """
    header.read(path)
    if any(ord(letter) < ord(" ") for letter in path.name):
        raise ModelUnavailable(f"the name of the model {path} has control characters in it", hint="rename the file")
    return Model(path.name, embedded.region(path) or embedded.whole(path))
