"""A model inside an image: found by its path and name, read and run where it lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.local import backend as local
from the_edge_agent.llm.options import LlmOptions, LoadParameters
from the_edge_agent.llm.policy import choose_embedding
from the_edge_agent.llm.protocol import Message, Request
from the_edge_agent.models import builtin, embedded, find, header

OFFSET = 5 * 4096
NAME = "a model.gguf"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place an image is seen at, which does not exist: the model is in the middle of another file, as the runtime says it is."""
    image = tmp_path / "my image"
    content = builtin.path().read_bytes()
    image.write_bytes(os.urandom(OFFSET) + content + b"behind")
    seen = tmp_path / "seen"
    monkeypatch.setenv("APPDIR", str(seen))
    monkeypatch.setenv("TEA_IMAGE", str(image))
    monkeypatch.setenv("TEA_IMAGE_FILES", f"{OFFSET} {len(content)} usr/share/models/{NAME}\n")
    return seen


def test_a_path_inside_is_a_region_of_the_image(root: Path, tmp_path: Path) -> None:
    model = root / "usr/share/models" / NAME
    assert embedded.region(model) == embedded.Region(tmp_path / "my image", OFFSET, builtin.path().stat().st_size)
    assert embedded.region(root / "usr/share/x/../models" / NAME) is not None
    assert embedded.region(root / "usr/share/models/other.gguf") is None
    assert embedded.exists(model)
    assert not model.exists()


def test_its_header_is_that_of_the_file(root: Path) -> None:
    inside, outside = header.read(root / "usr/share/models" / NAME), header.read(builtin.path())
    assert (inside.size, inside.metadata) == (outside.size, outside.metadata)


def test_it_is_found_without_being_named_by_name_and_by_path(root: Path) -> None:
    model = root / "usr/share/models" / NAME
    environ = {"HOME": "/nonexistent"}
    found = find.search(environ)
    assert found is not None
    assert found.path == model
    assert find.by_name("a model", environ) == model
    named = find.resolve(find.NamedModels(node_path=f"$APPDIR/usr/share/models/{NAME}"), environ, None)
    assert named is not None
    assert named.path == model
    assert model in [listed.path for listed in find.found(environ)]


def test_a_truncated_image_is_told_before_it_is_loaded(root: Path, tmp_path: Path) -> None:
    os.truncate(tmp_path / "my image", OFFSET + 1_000_000)
    with pytest.raises(ModelUnavailable, match="truncated"):
        header.read(root / "usr/share/models" / NAME)


@pytest.mark.llm
def test_it_answers_as_the_file_does(root: Path) -> None:
    request = Request(messages=(Message("user", "What is the capital of Japan?"),), max_tokens=30)
    said = []
    for path in (builtin.path(), root / "usr/share/models" / NAME):
        backend = local.LocalBackend(path, LoadParameters())
        said.append(backend.chat(request).content)
        backend.close()
    assert said[0] == said[1]
    assert "Tokyo" in said[0]


def test_what_the_runtime_said_is_taken_from_where_the_start_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("APPDIR", "TEA_IMAGE", "TEA_IMAGE_FILES"):
        monkeypatch.delenv(name, raising=False)
    assert embedded.image() is None
    assert embedded.root() is None
    start = ModuleType("sitecustomize")
    vars(start)["inside"] = {"TEA_IMAGE": "/x/y.AppImage", "APPDIR": str(tmp_path)}
    monkeypatch.setitem(sys.modules, "sitecustomize", start)
    assert embedded.image() == Path("/x/y.AppImage")
    assert embedded.root() == tmp_path


def test_the_built_in_model_is_taken_from_the_image_where_it_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not builtin.path().is_relative_to(root)
    lines = os.environ["TEA_IMAGE_FILES"].replace(NAME, builtin.FILE_NAME)
    monkeypatch.setenv("TEA_IMAGE_FILES", lines)
    assert builtin.path() == root / "usr/share/models" / builtin.FILE_NAME
    monkeypatch.setenv("TEA_IMAGE_FILES", lines.replace(builtin.FILE_NAME, builtin.EMBEDDING_FILE_NAME))
    chosen = choose_embedding({}, {}, LlmOptions(), {"HOME": "/nonexistent"}, None)
    assert chosen.path == root / "usr/share/models" / builtin.EMBEDDING_FILE_NAME
