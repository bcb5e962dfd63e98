"""Which model file is meant, and which ones there are.

A model that somebody named is never skipped: it exists, or the error says which setting named it. A path comes first, then the
name of a file in the search folders, then a short name of the catalogue (``gemma``), then a name that another program has for a
model of its own (``gemma3:1b`` of ollama). Only when nobody named one are the folders searched, in this order: ``$APPDIR/usr/share/models``, the platform's data folder, its
cache folder, ``~/.cache/tea/models``; last comes the built-in model. Embedding models are passed over there: they answer nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from the_edge_agent import directories
from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import INSIDE, SUFFIX, builtin, catalogue, elsewhere, embedded, installed, is_model
from the_edge_agent.models.header import read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from the_edge_agent.models.header import Header

VARIABLE = "TEA_MODEL_PATH"

_EXPANSION = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Files(Protocol):
    """Where models are looked for: :data:`HERE`, or in an image that is still to be built."""

    def exists(self, path: Path) -> bool:
        """Whether there is a file or a folder at ``path``."""
        ...

    def names(self, folder: Path) -> Collection[str]:
        """The names of the files in ``folder`` itself; none where there is no such folder."""
        ...

    def header(self, path: Path) -> Header:
        """What the model at ``path`` says about itself; raises :class:`ModelUnavailable` when it is no intact GGUF file."""
        ...


class _Here:
    """The disk, and the image this program runs from."""

    def exists(self, path: Path) -> bool:
        return embedded.exists(path) or path.exists()

    def names(self, folder: Path) -> Collection[str]:
        try:
            files = {entry.name for entry in os.scandir(folder) if entry.is_file()}
        except OSError:
            files = set()
        return files.union(embedded.names(folder))

    def header(self, path: Path) -> Header:
        return read(path)


HERE: Files = _Here()


@dataclass(frozen=True, slots=True)
class Found:
    """A model file and why it is the one, such as ``settings.llm.model_path names it``; ``called`` where its name says nothing."""

    path: Path
    why: str
    called: str | None = None

    @property
    def name(self) -> str:
        """What the model's file is called."""
        return self.called or self.path.name


@dataclass(frozen=True, slots=True)
class Listed:
    """A model file for a listing. ``problem`` says why it cannot be used, ``None`` when its header is intact; size in bytes."""

    path: Path
    size: int
    name: str
    origin: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class NamedModels:
    """Everything that may name a model, strongest first; ``""`` and ``None`` name nothing.

    Attributes:
        gguf: of ``--gguf``, relative to the working directory, or a name.
        variable: the value of ``TEA_MODEL_PATH``: a file, a folder to look in, or a name.
        node_path: the node's ``model_path``, a file or a name.
        node_model: the node's ``model``, where it is a file or a name in the search folders.
        settings_path: ``settings.llm.model_path``.
        settings_model: ``settings.llm.model``, or what stands under ``settings_key``.
        settings_key: where ``settings_model`` stands, for messages.
    """

    gguf: Path | None = None
    variable: str | None = None
    node_path: str | None = None
    node_model: str | None = None
    settings_path: str | None = None
    settings_model: str | None = None
    settings_key: str = "settings.llm.model"


def resolve(named: NamedModels, environ: Mapping[str, str], base: Path | None, files: Files = HERE) -> Found | None:
    """The one of ``files`` that somebody named, ``None`` when nobody named one; relative paths start at ``base``, then at the working directory.

    Raises:
        ModelUnavailable: the strongest of them names a file that does not exist.
    """
    if named.gguf is not None:
        return _existing(str(named.gguf), "--gguf", environ, None, files)
    if named.variable:
        return _of_variable(named.variable, environ, files)
    for path, model, place in (
        (named.node_path, named.node_model, "the node"),
        (named.settings_path, named.settings_model, "settings.llm"),
    ):
        if path:
            setting = "the node's model_path" if place == "the node" else "settings.llm.model_path"
            return _existing(path, setting, environ, base, files)
        found = _of_model(model, f"{place}: model" if place == "the node" else named.settings_key, environ, base, files)
        if found is not None:
            return found
    return None


def search(environ: Mapping[str, str], files: Files = HERE) -> Found | None:
    """The first model of the search folders, else the built-in one; ``None`` when there is not even that."""
    for folder, origin in folders(environ):
        first = next((path for path in _models_in(folder, files) if not _embeds(path, files)), None)
        if first is not None:
            return Found(first, f"it is the first model in {origin}")
    return Found(builtin.path(), "no other model is installed; it is the built-in one") if files.exists(builtin.path()) else None


def _embeds(path: Path, files: Files) -> bool:
    """Whether ``path`` is an embedding model, which answers nothing; a broken file is none, so that its error is told."""
    entry = catalogue.known(path.name)
    if entry is not None:
        return entry.embeds
    try:
        header = files.header(path)
    except ModelUnavailable:
        return False
    return header.chat_template is None and header.pooling


def by_name(name: str, environ: Mapping[str, str], files: Files = HERE) -> Path | None:
    """The installed model called ``name``: a file's name (with or without ``.gguf``) in a search folder, or a short name of the catalogue."""
    if "/" in name or os.sep in name or name in {"", ".", ".."}:
        return None
    entry = catalogue.named(name)
    for file_name in (name if name.lower().endswith(SUFFIX) else name + SUFFIX, *([entry.file_name] if entry else [])):
        for folder in (*(folder for folder, _ in folders(environ)), builtin.path().parent):
            if file_name in files.names(folder):
                return folder / file_name
    return None


def by_any_name(name: str, why: str, environ: Mapping[str, str], files: Files = HERE) -> Found | None:
    """As :func:`by_name`, else the model that another program has under this name, or as the file that the catalogue means by it."""
    path = by_name(name, environ, files)
    if path is not None:
        return Found(path, why)
    entry = catalogue.named(name) or catalogue.known(name)
    for one in elsewhere.elsewhere(environ):
        if one.is_called(name) or (entry and (one.is_called(entry.file_name) or (entry.sha256 and entry.sha256 == one.sha256))):
            return Found(one.path, why, one.file_name)
    return None


def folders(environ: Mapping[str, str]) -> tuple[tuple[Path, str], ...]:
    """The search folders in order, whether they exist or not, each with the name a user knows it by."""
    listed = []
    bundle = environ.get(embedded.ROOT) or embedded.root()
    if bundle:
        listed.append((Path(bundle) / INSIDE, f"the bundle (${embedded.ROOT}/{INSIDE})"))
    own = (
        installed.folder(),
        directories.cache() / "models",
        Path(_home(environ)) / ".cache" / "tea" / "models",
    )
    return (*listed, *((folder, str(folder)) for folder in own))


def found(environ: Mapping[str, str]) -> tuple[Listed, ...]:
    """Every model there is to find, in the order of preference; broken files are listed with what is wrong."""
    every = []
    seen: set[Path] = set()
    for path, origin in _everywhere(environ):
        real = path.resolve()
        if real not in seen:
            seen.add(real)
            every.append(listed(path, origin))
    return tuple(every)


def listed(path: Path, origin: str) -> Listed:
    """The model at ``path`` for a listing."""
    try:
        header = read(path)
    except ModelUnavailable as problem:
        region = embedded.region(path) or (embedded.whole(path) if path.is_file() else None)
        size = region.length if region else 0
        return Listed(path, size, path.stem, origin, problem.message)
    return Listed(path, header.size, header.name, origin)


def _everywhere(environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    variable = environ.get(VARIABLE)
    if variable:
        path = Path(_expanded(variable, VARIABLE, environ))
        named = None if HERE.exists(path) else by_any_name(variable, VARIABLE, environ)
        yield from ((one, VARIABLE) for one in (_models_in(path, HERE) if path.is_dir() else (named.path if named else path,)))
    for folder, origin in folders(environ):
        yield from ((one, origin) for one in _models_in(folder, HERE))
    yield from ((path, "built in") for path in (builtin.path(), builtin.embedding_path()) if embedded.exists(path))


def _of_variable(value: str, environ: Mapping[str, str], files: Files) -> Found:
    found = _existing(value, VARIABLE, environ, None, files)
    if not found.path.is_dir():
        return found
    first = next(_models_in(found.path, files), None)
    if first is None:
        raise ModelUnavailable(
            f"{VARIABLE} names the folder {found.path}, which holds no {SUFFIX} file", hint=f"set {VARIABLE} to a model file, or unset it"
        )
    return Found(first, f"it is the first model in the folder that {VARIABLE} names")


def _of_model(model: str | None, setting: str, environ: Mapping[str, str], base: Path | None, files: Files) -> Found | None:
    """``model: x.gguf`` as a path or a name; another word only when it names an installed model."""
    if not model:
        return None
    if model.lower().endswith(SUFFIX):
        return _existing(model, setting, environ, base, files)
    named = by_name(model, environ, files)
    return Found(named, f"{setting} names it") if named else None


def _existing(value: str, setting: str, environ: Mapping[str, str], base: Path | None, files: Files) -> Found:
    path = Path(_expanded(value, setting, environ))
    tried = [path] if path.is_absolute() or base is None else [base / path, path]
    existing = next((candidate for candidate in tried if files.exists(candidate)), None)
    found = Found(existing, f"{setting} names it") if existing else by_any_name(value, f"{setting} names it", environ, files)
    if found is not None:
        return found
    places = list(dict.fromkeys(str(candidate.absolute()) for candidate in tried))
    raise ModelUnavailable(
        f"{setting} names the model {value}, but there is no such file ({'neither ' if len(places) > 1 else ''}{' nor '.join(places)})",
        hint=pull_hint(value) or f"correct {setting}, or remove it to use an installed model ('tea doctor' lists them)",
    )


def pull_hint(name: str) -> str | None:
    """How to get the model that the catalogue knows by ``name``; ``None`` where it knows none, or no place that has it."""
    entry = catalogue.named(name) or catalogue.known(name)
    return f"get it: tea models pull {entry.name}" if entry and entry.sources else None


def _expanded(value: str, setting: str, environ: Mapping[str, str]) -> str:
    """``value`` with ``~`` and ``$VAR`` replaced; an unset variable is an error, not an empty text."""

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name == embedded.ROOT and name not in environ and (bundle := embedded.root()):
            # Inside an image it means the image, though child processes are not to know of it.
            return str(bundle)
        if name not in environ:
            raise ModelUnavailable(f"{setting} is {value}, and the environment variable {name} is not set", hint=f"set {name}")
        return environ[name]

    expanded = _EXPANSION.sub(replace, value)
    return _home(environ) + expanded[1:] if expanded == "~" or expanded.startswith("~/") else expanded


def _home(environ: Mapping[str, str]) -> str:
    # Not Path.home(), which raises for a user without a home, as in many containers.
    return environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - see above


def _models_in(folder: Path, files: Files) -> Iterator[Path]:
    """The models in ``folder`` itself: those of the catalogue that are preferred, in its order, then the others by name."""
    names = sorted(name for name in files.names(folder) if is_model(name))
    ranked = [model.file_name for model in catalogue.catalogue() if model.preferred and model.file_name in names]
    yield from (folder / name for name in (*ranked, *(name for name in names if name not in ranked)))
