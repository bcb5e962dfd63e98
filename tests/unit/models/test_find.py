"""Which model file is meant: the order of resolution, and that a named path is never skipped."""

from __future__ import annotations

import hashlib
import json
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import builtin, catalogue, find, header
from the_edge_agent.models.find import NamedModels

if TYPE_CHECKING:
    from the_edge_agent.models.header import Header


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


# Names that are not those of a file.


def ollama(home: Path, place: str) -> Path:
    """A model of ollama at ``HOST/OWNER/MODEL/TAG``."""
    root = home / "home" / ".ollama" / "models"
    digest = hashlib.sha256(builtin.path().read_bytes()).hexdigest()
    manifest = root / "manifests" / place
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    manifest.write_text(json.dumps({"layers": [layer]}), encoding="utf-8")
    return put(root / "blobs" / f"sha256-{digest}")


NAMING = {
    "--gguf": lambda name: NamedModels(gguf=Path(name)),
    "TEA_MODEL_PATH": lambda name: NamedModels(variable=name),
    "the node's model_path": lambda name: NamedModels(node_path=name),
    "settings.llm.model_path": lambda name: NamedModels(settings_path=name),
}


@pytest.mark.parametrize("setting", [*NAMING, "the node: model", "settings.llm.model"])
def test_a_short_name_of_the_catalogue_means_the_installed_file(home: Path, setting: str) -> None:
    models = {"the node: model": NamedModels(node_model="gemma3-1b"), "settings.llm.model": NamedModels(settings_model="Gemma3-1B")}
    model = put(home / "data" / "the-edge-agent" / "models" / "gemma-3-1b-it-Q8_0.gguf")
    found = find.resolve(models[setting] if setting in models else NAMING[setting]("gemma3-1b"), environ(home), home)
    assert found == find.Found(model, f"{setting} names it")


@pytest.mark.parametrize("setting", NAMING)
def test_a_model_of_another_program_is_used_where_it_lies(home: Path, setting: str) -> None:
    blob = ollama(home, "registry.ollama.ai/library/tiny/1b")
    found = find.resolve(NAMING[setting]("tiny:1b"), environ(home), home)
    assert found == find.Found(blob, f"{setting} names it", "tiny-1b.gguf")
    assert found.name == "tiny-1b.gguf"


@pytest.mark.parametrize("setting", NAMING)
def test_a_known_model_that_is_not_there_is_told_with_how_to_get_it(home: Path, setting: str) -> None:
    for name in ("gemma", "gemma-3n-E4B-it-Q4_K_M.gguf"):
        with pytest.raises(ModelUnavailable, match="there is no such file") as caught:
            find.resolve(NAMING[setting](name), environ(home), home)
        assert caught.value.message.startswith(setting)
        assert caught.value.hint == "get it: tea models pull gemma"


def test_a_path_comes_before_a_name_and_an_installed_file_before_one_of_another_program(home: Path) -> None:
    blob = ollama(home, "registry.ollama.ai/library/gemma3-1b/latest")
    named = NamedModels(gguf=Path("gemma3-1b"))
    installed = home / "data" / "the-edge-agent" / "models"
    expected = [blob, put(installed / "gemma-3-1b-it-Q8_0.gguf"), put(installed / "gemma3-1b.gguf"), Path("gemma3-1b")]
    found = []
    for path in expected:
        for later in expected[expected.index(path) + 1 :]:
            later.unlink(missing_ok=True)
        if not path.exists():
            put(path)
        resolved = find.resolve(named, environ(home), None)
        found.append(resolved.path if resolved else None)
    assert found == expected


def test_what_the_catalogue_means_is_found_under_another_programs_name_too(home: Path) -> None:
    blob = ollama(home, "registry.ollama.ai/library/whatever/latest")
    digest = blob.name.removeprefix("sha256-")
    assert digest == catalogue.known(builtin.FILE_NAME).sha256  # type: ignore[union-attr]
    builtin_entry = find.by_any_name("tiny-chat", "", environ(home), Nothing())
    assert builtin_entry is not None
    assert builtin_entry.path == blob
    cached = put(home / "home/.lmstudio/models/unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf")
    other = find.by_any_name("gemma3-1b", "", environ(home))
    assert other is not None
    assert other.path == cached


class Nothing:
    """No search folder holds anything."""

    def exists(self, _path: Path) -> bool:
        return False

    def names(self, _folder: Path) -> tuple[str, ...]:
        return ()

    def header(self, path: Path) -> Header:
        return header.read(path)


def test_models_of_other_programs_answer_nothing_that_nobody_asked_them(home: Path) -> None:
    ollama(home, "registry.ollama.ai/library/tiny/1b")
    put(home / "home/.lmstudio/models/a/b/c.gguf")
    found = find.search(environ(home))
    assert found is not None
    assert found.path == builtin.path()
    assert [model.path for model in find.found(environ(home))] == [builtin.path(), builtin.embedding_path()]
    assert find.resolve(NamedModels(node_model="tiny:1b"), environ(home), None) is None


def test_the_variable_by_name_is_listed_where_it_lies(home: Path) -> None:
    blob = ollama(home, "registry.ollama.ai/library/tiny/1b")
    first = find.found(environ(home, TEA_MODEL_PATH="tiny:1b"))[0]
    assert (first.path, first.origin, first.problem) == (blob, "TEA_MODEL_PATH", None)
