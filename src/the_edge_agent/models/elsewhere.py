"""Models that other programs have downloaded: ollama, LM Studio, and whatever fills the cache of the Hugging Face Hub.

They are used where they lie, and only when somebody names them: which model answers when nobody does is not theirs to change.
Nothing is written there.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from the_edge_agent.models import SUFFIX, is_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OLLAMA_SYSTEM = "/usr/share/ollama/.ollama/models"
"""Where ollama keeps models that it runs as a service of the system."""
_OLLAMA_MODEL = "application/vnd.ollama.image.model"
_OLLAMA_LIST = "application/vnd.ollama.manifest.list.v2+json"
_OLLAMA_HOST, _OLLAMA_OWNER, _OLLAMA_TAG = "registry.ollama.ai", "library", "latest"
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_MOST_MANIFEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A model of another program.

    Attributes:
        path: the file. ollama's have no name of their own but their digest.
        names: what it can be called, the shortest one first.
        origin: the program, for people.
        file_name: what the file is called, or would be.
        sha256: of its bytes, where the program says it.
    """

    path: Path
    names: tuple[str, ...]
    origin: str
    file_name: str
    sha256: str | None = None

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is one of its names, in whatever case."""
        return name.lower() in (known.lower() for known in self.names)


def elsewhere(environ: Mapping[str, str]) -> Iterator[Elsewhere]:
    """Every one there is; what cannot be read is passed over."""
    yield from chain(_ollama(environ), _lm_studio(environ), _hugging_face(environ))


def hugging_face_home(environ: Mapping[str, str]) -> Path:
    """The folder of Hugging Face's own programs."""
    named, cache = environ.get("HF_HOME"), environ.get("XDG_CACHE_HOME")
    return Path(named).expanduser() if named else (Path(cache) if cache else _home(environ) / ".cache") / "huggingface"


def _ollama(environ: Mapping[str, str]) -> Iterator[Elsewhere]:
    named = environ.get("OLLAMA_MODELS")
    seen = set()
    for root in (Path(named),) if named else (_home(environ) / ".ollama" / "models", Path(_OLLAMA_SYSTEM)):
        # The newer of the two layouts has links to the manifests, which then lie among the blobs.
        for folder in (root / "manifests-v2", root / "manifests"):
            for manifest in _files(folder, "*/*/*/*"):
                place = manifest.relative_to(folder).parts
                digest = None if place in seen else _model_layer(root, _json(manifest))
                blob = root / "blobs" / f"sha256-{digest}"
                if digest and os.path.isfile(blob):  # noqa: PTH113 - see _files
                    seen.add(place)
                    names = _ollama_names(*place)
                    yield Elsewhere(blob, names, "ollama", names[0].replace(":", "-").replace("/", "-") + SUFFIX, digest)


def _ollama_names(host: str, owner: str, model: str, tag: str) -> tuple[str, ...]:
    """``gemma3``, ``gemma3:latest``, ``me/mine:4b``, ``hf.co/me/mine:Q4_K_M``: what ``ollama run`` takes."""
    short = (
        model
        if (host, owner) == (_OLLAMA_HOST, _OLLAMA_OWNER)
        else f"{owner}/{model}"
        if host == _OLLAMA_HOST
        else f"{host}/{owner}/{model}"
    )
    return (*((short,) if tag == _OLLAMA_TAG else ()), f"{short}:{tag}")


def _model_layer(root: Path, manifest: Mapping[str, Any]) -> str | None:
    """The digest of the manifest's only GGUF; ``None`` where the model is of another format, or in several pieces."""
    if manifest.get("mediaType") == _OLLAMA_LIST:
        children = manifest.get("manifests")
        found = {_model_layer(root, _child(root, child)) for child in (children if isinstance(children, list) else ())} - {None}
        return found.pop() if len(found) == 1 else None
    layers = manifest.get("layers")
    digests = [
        match[1]
        for layer in (layers if isinstance(layers, list) else ())
        if isinstance(layer, dict) and layer.get("mediaType") == _OLLAMA_MODEL and (match := _DIGEST.fullmatch(str(layer.get("digest"))))
    ]
    return digests[0] if len(digests) == 1 else None


def _child(root: Path, child: object) -> Mapping[str, Any]:
    """A manifest of a list, which stands there itself or as the digest of its blob."""
    if not isinstance(child, dict) or child.get("mediaType") == _OLLAMA_LIST:
        return {}
    match = _DIGEST.fullmatch(str(child.get("digest")))
    return _json(root / "blobs" / f"sha256-{match[1]}") if match and not child.get("layers") else child


def _lm_studio(environ: Mapping[str, str]) -> Iterator[Elsewhere]:
    for folder in (_home(environ) / ".lmstudio" / "models", _home(environ) / ".cache" / "lm-studio" / "models"):
        for path in _models(folder, f"*/*/*{SUFFIX}"):
            yield Elsewhere(path, (*_plain(path.name), str(path.relative_to(folder))), "LM Studio", path.name)


def _hugging_face(environ: Mapping[str, str]) -> Iterator[Elsewhere]:
    """``models--OWNER--NAME/snapshots/COMMIT/FILE``, where FILE is a link to a blob named after its digest."""
    named = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    root = Path(named).expanduser() if named else hugging_face_home(environ) / "hub"
    for repository in _folders(root, "models--*"):
        owner_and_name = repository.name.removeprefix("models--").replace("--", "/")
        for snapshot in _snapshots(repository):
            for path in _models(snapshot, f"**/*{SUFFIX}"):
                digest = re.fullmatch(r"[0-9a-f]{64}", path.resolve().name)
                names = (*_plain(path.name), f"{owner_and_name}/{path.relative_to(snapshot)}")
                yield Elsewhere(path, names, "Hugging Face", path.name, digest[0] if digest else None)


def _snapshots(repository: Path) -> list[Path]:
    """The commits of a repository, that of its main branch first."""
    try:
        main = (repository / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        main = ""
    return sorted(_folders(repository / "snapshots", "*"), key=lambda path: path.name != main)


def _plain(file_name: str) -> tuple[str, str]:
    return file_name[: -len(SUFFIX)], file_name


def _home(environ: Mapping[str, str]) -> Path:
    # Not Path.home(), which raises for a user without a home.
    return Path(environ.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - see above


def _files(folder: Path, pattern: str) -> list[Path]:
    # Not Path.is_file(), which raises for a folder of another user.
    return [path for path in _found(folder, pattern) if os.path.isfile(path)]  # noqa: PTH113 - see above


def _models(folder: Path, pattern: str) -> list[Path]:
    return [path for path in _files(folder, pattern) if is_model(path.name)]


def _folders(folder: Path, pattern: str) -> list[Path]:
    return [path for path in _found(folder, pattern) if os.path.isdir(path)]  # noqa: PTH112 - see _files


def _found(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _json(path: Path) -> Mapping[str, Any]:
    """The object in a file of JSON; an empty one where there is none."""
    try:
        if path.stat().st_size > _MOST_MANIFEST:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
