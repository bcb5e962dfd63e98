"""Models of other programs: found by name where they lie, in the layouts that those programs write."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.models import builtin
from the_edge_agent.models.elsewhere import elsewhere

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = builtin.embedding_path().read_bytes()
SHA256 = hashlib.sha256(WHOLE).hexdigest()
MODEL = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{SHA256}", "size": len(WHOLE)}
OTHERS = [
    {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "1" * 64, "size": 1},
    {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:" + "2" * 64, "size": 1},
]
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": [MODEL, *OTHERS]}


def found(home: Path, **more: str) -> dict[str, Path]:
    """Every name → its file."""
    return {name: one.path for one in elsewhere({"HOME": str(home), **more}) for name in one.names}


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(WHOLE)
    return path


def ollama(root: Path, place: str, manifest: Any = MANIFEST) -> Path:
    put(root / "blobs" / f"sha256-{SHA256}")
    path = root / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def test_where_there_is_nothing_nothing_is_found(tmp_path: Path) -> None:
    assert found(tmp_path) == {}
    assert found(tmp_path / "gone", HF_HOME="/gone", OLLAMA_MODELS="/gone") == {}


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("registry.ollama.ai/library/gemma3/1b", ["gemma3:1b"]),
        ("registry.ollama.ai/library/gemma3/latest", ["gemma3", "gemma3:latest"]),
        ("registry.ollama.ai/me/mine/4b", ["me/mine:4b"]),
        ("hf.co/unsloth/gemma-3-1b-it-GGUF/Q8_0", ["hf.co/unsloth/gemma-3-1b-it-GGUF:Q8_0"]),
    ],
)
def test_ollama_models_have_the_names_that_ollama_knows(tmp_path: Path, place: str, names: list[str]) -> None:
    root = tmp_path / ".ollama" / "models"
    ollama(root, place)
    (one,) = elsewhere({"HOME": str(tmp_path)})
    assert (list(one.names), one.origin, one.sha256) == (names, "ollama", SHA256)
    assert one.path == root / "blobs" / f"sha256-{SHA256}"
    assert one.file_name == names[0].replace("/", "-").replace(":", "-") + ".gguf"
    assert one.is_called(names[0].upper())


def test_ollama_models_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    ollama(tmp_path / "disk", "registry.ollama.ai/library/a/b")
    ollama(tmp_path / ".ollama" / "models", "registry.ollama.ai/library/not/seen")
    assert list(found(tmp_path, OLLAMA_MODELS=str(tmp_path / "disk"))) == ["a:b"]


def test_the_newer_layout_of_ollama_links_to_the_manifest(tmp_path: Path) -> None:
    root = tmp_path / ".ollama" / "models"
    text = json.dumps(MANIFEST)
    blob = put(root / "blobs" / f"sha256-{hashlib.sha256(text.encode()).hexdigest()}")
    blob.write_text(text, encoding="utf-8")
    put(root / "blobs" / f"sha256-{SHA256}")
    link = root / "manifests-v2" / "registry.ollama.ai" / "library" / "gemma3" / "1b"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    ollama(root, "registry.ollama.ai/library/gemma3/1b")
    assert len(list(elsewhere({"HOME": str(tmp_path)}))) == 1


def test_of_several_formats_of_ollama_the_gguf_is_taken(tmp_path: Path) -> None:
    root = tmp_path / ".ollama" / "models"
    tensors = {"layers": [{"mediaType": "application/vnd.ollama.image.tensor", "digest": "sha256:" + "3" * 64}]}
    child = json.dumps(MANIFEST)
    digest = hashlib.sha256(child.encode()).hexdigest()
    put(root / "blobs" / f"sha256-{digest}").write_text(child, encoding="utf-8")
    reference = {"mediaType": MANIFEST["mediaType"], "digest": digest, "runner": "ollama"}
    listed = {"mediaType": "application/vnd.ollama.manifest.list.v2+json", "manifests": [{**tensors, "runner": "mlx"}]}
    ollama(root, "registry.ollama.ai/library/inline/1", {**listed, "manifests": [*listed["manifests"], MANIFEST]})
    ollama(
        root,
        "registry.ollama.ai/library/linked/1",
        {**listed, "manifests": [*listed["manifests"], {**reference, "digest": f"sha256:{digest}"}]},
    )
    ollama(root, "registry.ollama.ai/library/none/1", listed)
    assert list(found(tmp_path)) == ["inline:1", "linked:1"]


@pytest.mark.parametrize(
    "manifest",
    [
        "no manifest",
        [],
        {},
        {"layers": "none"},
        {"layers": ["x", {}, {**MODEL, "digest": "sha256:../../../etc/passwd"}]},
        {"layers": [MODEL, MODEL]},
        {"layers": [{**MODEL, "digest": "sha256:" + "0" * 64}]},
        {"mediaType": "application/vnd.ollama.manifest.list.v2+json", "manifests": 1},
        {"mediaType": "application/vnd.ollama.manifest.list.v2+json", "manifests": ["x", {"digest": "x"}]},
    ],
    ids=str,
)
def test_what_is_no_manifest_of_one_gguf_is_passed_over(tmp_path: Path, manifest: Any) -> None:
    ollama(tmp_path / ".ollama" / "models", "registry.ollama.ai/library/odd/1", manifest)
    ollama(tmp_path / ".ollama" / "models", "registry.ollama.ai/library/well/1")
    assert list(found(tmp_path)) == ["well:1"]


@pytest.mark.parametrize("folder", [".lmstudio/models", ".cache/lm-studio/models"])
def test_lm_studio_keeps_publisher_model_file(tmp_path: Path, folder: str) -> None:
    path = put(tmp_path / folder / "infra-ai" / "ocelot-v1" / "ocelot-v1-Q4_0.gguf")
    put(tmp_path / folder / "infra-ai" / "ocelot-v1" / "mmproj-ocelot.gguf")
    put(tmp_path / folder / "loose.gguf")
    assert found(tmp_path) == dict.fromkeys(["ocelot-v1-Q4_0", "ocelot-v1-Q4_0.gguf", "infra-ai/ocelot-v1/ocelot-v1-Q4_0.gguf"], path)


def cached(hub: Path, commit: str, *, main: bool = False) -> Path:
    repository = hub / "models--acme--tiny-GGUF"
    blob = put(repository / "blobs" / SHA256)
    link = repository / "snapshots" / commit / "sub" / "tiny-Q8_0.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(commit, encoding="ascii")
    return link


@pytest.mark.parametrize(
    ("folder", "more"),
    [
        (".cache/huggingface/hub", {}),
        ("xdg/huggingface/hub", {"XDG_CACHE_HOME": "{}/xdg"}),
        ("hf/hub", {"HF_HOME": "{}/hf"}),
        ("disk", {"HF_HUB_CACHE": "{}/disk", "HF_HOME": "{}/hf"}),
        ("old", {"HUGGINGFACE_HUB_CACHE": "{}/old"}),
    ],
)
def test_the_cache_of_the_hub_is_where_its_own_programs_look(tmp_path: Path, folder: str, more: dict[str, str]) -> None:
    path = cached(tmp_path / folder, "a" * 40)
    environ = {name: value.format(tmp_path) for name, value in more.items()}
    (one,) = elsewhere({"HOME": str(tmp_path), **environ})
    assert (one.path, one.origin, one.file_name, one.sha256) == (path, "Hugging Face", "tiny-Q8_0.gguf", SHA256)
    assert one.names == ("tiny-Q8_0", "tiny-Q8_0.gguf", "acme/tiny-GGUF/sub/tiny-Q8_0.gguf")


def test_the_main_branch_of_a_cached_repository_comes_first(tmp_path: Path) -> None:
    main = cached(tmp_path / ".cache/huggingface/hub", "a" * 40, main=True)
    cached(tmp_path / ".cache/huggingface/hub", "b" * 40)
    os.utime(main.parents[1], (1, 1))
    assert next(one.path for one in elsewhere({"HOME": str(tmp_path)})) == main
