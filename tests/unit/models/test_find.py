"""Which model file is meant: the order of resolution, and that a named path is never skipped."""

from __future__ import annotations

import pwd
import shutil
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import builtin, find
from the_edge_agent.models.find import NamedModels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, so that no model of this machine is found."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(builtin.path(), path)
    return path


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home / "home"), **more}


def test_nobody_names_a_model(home: Path) -> None:
    assert find.resolve(NamedModels(), environ(home), None) is None
    assert find.resolve(NamedModels(node_model="gpt-4", settings_model="gpt-4"), environ(home), None) is None


def test_the_stronger_name_wins(home: Path) -> None:
    files = {name: str(put(home / f"{name}.gguf")) for name in ("a", "b", "c", "d", "e")}
    named = {
        "gguf": put(home / "cli.gguf"),
        "variable": files["a"],
        "node_path": files["b"],
        "node_model": files["c"],
        "settings_path": files["d"],
        "settings_model": files["e"],
    }
    order = ["cli", "a", "b", "c", "d", "e"]
    for key, name in zip(list(named), order, strict=True):
        found = find.resolve(NamedModels(**named), environ(home), None)  # type: ignore[arg-type]
        assert found is not None
        assert found.path.stem == name
        named[key] = None


@pytest.mark.parametrize(
    ("named", "setting"),
    [
        (NamedModels(variable="/none/x.gguf", settings_path="other"), "TEA_MODEL_PATH"),
        (NamedModels(node_path="none.gguf"), "the node's model_path"),
        (NamedModels(settings_path="none.gguf"), "settings.llm.model_path"),
        (NamedModels(node_model="none.gguf"), "the node: model"),
        (NamedModels(settings_model="none.gguf"), "settings.llm.model"),
    ],
)
def test_a_named_file_that_is_missing_is_an_error_that_names_the_setting(home: Path, named: NamedModels, setting: str) -> None:
    put(home / "data" / "the-edge-agent" / "models" / "there.gguf")
    with pytest.raises(ModelUnavailable, match="there is no such file") as caught:
        find.resolve(named, environ(home), home)
    assert caught.value.message.startswith(setting)
    assert setting in (caught.value.hint or "")


def test_a_missing_gguf_option_is_an_error(home: Path) -> None:
    with pytest.raises(ModelUnavailable, match="--gguf names the model"):
        find.resolve(NamedModels(gguf=home / "none.gguf"), environ(home), None)


def test_relative_paths_start_at_the_workflow(home: Path) -> None:
    put(home / "m.gguf")
    beside = put(home / "flows" / "m.gguf")
    found = find.resolve(NamedModels(settings_path="m.gguf"), environ(home), home / "flows")
    assert found is not None
    assert found.path == beside
    beside.unlink()
    found = find.resolve(NamedModels(settings_path="m.gguf"), environ(home), home / "flows")
    assert found is not None
    assert found.path.resolve() == home / "m.gguf"


def test_tilde_and_variables_are_expanded(home: Path) -> None:
    model = put(home / "home" / "models" / "m.gguf")
    for written in ("~/models/m.gguf", "$WHERE/m.gguf", "${WHERE}/m.gguf"):
        found = find.resolve(NamedModels(settings_path=written), environ(home, WHERE=str(model.parent)), None)
        assert found is not None
        assert found.path == model


def test_a_place_is_named_once(home: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        find.resolve(NamedModels(settings_path="none.gguf"), environ(home), home)
    assert caught.value.message.count(str(home)) == 1
    with pytest.raises(ModelUnavailable, match=r"neither .* nor "):
        find.resolve(NamedModels(settings_path="none.gguf"), environ(home), home / "flows")


def test_a_user_without_a_home_still_has_the_built_in_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_number: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    found = find.search({"PATH": str(home)})
    assert found is not None
    assert found.path == builtin.path()


def test_an_unset_variable_is_named(home: Path) -> None:
    with pytest.raises(ModelUnavailable, match="NOWHERE is not set"):
        find.resolve(NamedModels(settings_path="$NOWHERE/m.gguf"), environ(home), None)


def test_the_variable_may_name_a_folder(home: Path) -> None:
    put(home / "box" / "aaa.gguf")
    put(home / "box" / "gemma-3-1b-it-Q8_0.gguf")
    found = find.resolve(NamedModels(variable=str(home / "box")), environ(home), None)
    assert found is not None
    assert found.path.name == "gemma-3-1b-it-Q8_0.gguf"
    (home / "empty").mkdir()
    with pytest.raises(ModelUnavailable, match=r"holds no \.gguf file"):
        find.resolve(NamedModels(variable=str(home / "empty")), environ(home), None)


def test_a_model_can_be_named_as_it_lies_in_a_search_folder(home: Path) -> None:
    model = put(home / "home" / ".cache" / "tea" / "models" / "mine.gguf")
    for name in ("mine.gguf", "mine"):
        found = find.resolve(NamedModels(node_model=name), environ(home), None)
        assert found is not None
        assert found.path == model
    assert find.by_name("../models/mine", environ(home)) is None


def test_the_search_prefers_the_bundle_then_data_then_cache_then_the_built_in(home: Path) -> None:
    assert find.search(environ(home)) == find.Found(builtin.path(), "no other model is installed; it is the built-in one")
    places = [
        home / "home" / ".cache" / "tea" / "models",
        home / "cache" / "the-edge-agent" / "models",
        home / "data" / "the-edge-agent" / "models",
        home / "app" / "usr" / "share" / "models",
    ]
    for place in places:
        model = put(place / "m.gguf")
        found = find.search(environ(home, APPDIR=str(home / "app")))
        assert found is not None
        assert found.path == model


def test_parts_and_projectors_are_no_models(home: Path) -> None:
    folder = home / "data" / "the-edge-agent" / "models"
    put(folder / "big-00001-of-00002.gguf")
    put(folder / "mmproj-F16.gguf")
    assert [model.path for model in find.found(environ(home))] == [builtin.path(), builtin.embedding_path()]
    put(folder / "zz.gguf")
    assert [model.path.name for model in find.found(environ(home))] == ["zz.gguf", builtin.FILE_NAME, builtin.EMBEDDING_FILE_NAME]


def test_embedding_models_are_passed_over_when_a_model_has_to_answer(home: Path) -> None:
    folder = home / "data" / "the-edge-agent" / "models"
    folder.mkdir(parents=True)
    for name in ("aaa.gguf", builtin.EMBEDDING_FILE_NAME):
        shutil.copyfile(builtin.embedding_path(), folder / name)
    found = find.search(environ(home))
    assert found is not None
    assert found.path == builtin.path()
    put(folder / "zzz.gguf")
    found = find.search(environ(home))
    assert found is not None
    assert found.path == folder / "zzz.gguf"
    assert find.by_name("aaa", environ(home)) == folder / "aaa.gguf"


def test_the_listing_says_what_is_wrong_with_a_file(home: Path) -> None:
    broken = home / "data" / "the-edge-agent" / "models" / "half.gguf"
    put(broken).write_bytes(builtin.path().read_bytes()[:1000])
    half, own, _ = find.found(environ(home))
    assert half.path == broken
    assert "truncated" in (half.problem or "")
    assert half.size == 1000
    assert (own.name, own.origin, own.problem) == ("The Edge Agent tiny chat", "built in", None)
