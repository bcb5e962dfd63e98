"""The policy: local first, never silently remote, nothing named is skipped."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.api import Retry
from the_edge_agent.llm.options import LlmOptions, LoadParameters
from the_edge_agent.llm.policy import Choice, choose, choose_embedding
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STUB = {"OPENAI_API_KEY": "stub", "OPENAI_BASE_URL": "http://127.0.0.1:18181/v1"}


@pytest.fixture
def pick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Choice]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copyfile(builtin.path(), tmp_path / "mine.gguf")

    def make(
        parameters: dict[str, Any] | None = None,
        llm: dict[str, Any] | None = None,
        options: LlmOptions | None = None,
        env: dict[str, str] | None = None,
        action: str = "llm.call",
    ) -> Choice:
        environ = {"HOME": str(tmp_path), **(env or {})}
        return choose(parameters or {}, {"llm": llm or {}}, options or LlmOptions(), environ, tmp_path, action=action, node="ask")

    return make


def test_without_any_word_the_built_in_model_answers(pick: Callable[..., Choice]) -> None:
    choice = pick()
    assert (choice.backend, choice.path) == ("local", builtin.path())
    assert "built-in" in choice.why


def test_a_key_alone_never_selects_the_network(pick: Callable[..., Choice]) -> None:
    assert pick(env={"OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "k"}).backend == "local"


def installed(tmp_path: Path) -> tuple[Path, Path]:
    """A model of the catalogue in tea's own folder, and one that LM Studio has."""
    own = tmp_path / "data/the-edge-agent/models/gemma-3-1b-it-Q8_0.gguf"
    studio = tmp_path / ".lmstudio/models/acme/ocelot-GGUF/ocelot-Q4_0.gguf"
    for path in (own, studio):
        path.parent.mkdir(parents=True)
        shutil.copyfile(builtin.path(), path)
    return own, studio


def test_a_short_name_is_that_of_an_installed_model(pick: Callable[..., Choice], tmp_path: Path) -> None:
    own, studio = installed(tmp_path)
    assert pick({"model": "gemma3-1b"}).path == own
    assert pick({"model": "gemma3-1b"}, env=STUB).path == own
    assert pick({"model": "ocelot-Q4_0"}).path == studio
    assert pick({"model": "ocelot-Q4_0", "backend": "local"}, env=STUB).path == studio


def test_a_name_of_another_program_takes_no_question_from_an_api(pick: Callable[..., Choice], tmp_path: Path) -> None:
    installed(tmp_path)
    assert pick({"model": "ocelot-Q4_0"}, env=STUB).backend == "api"
    assert pick(llm={"model": "ocelot-Q4_0", "provider": "ollama"}).backend == "api"
    assert (
        pick({"backend": "local"}, {"model": "ocelot-Q4_0", "provider": "ollama"}).path
        == tmp_path / "data/the-edge-agent/models/gemma-3-1b-it-Q8_0.gguf"
    )


def test_a_known_model_that_is_missing_is_told_with_how_to_get_it(pick: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="the model 'phi4' is no file") as caught:
        pick({"model": "phi4"})
    assert caught.value.hint == "get it: tea models pull phi4"


def test_a_hosted_model_without_an_api_is_an_error_that_shows_both_ways(pick: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="the model 'gpt-4' is no file") as caught:
        pick({"model": "gpt-4"}, env={"OPENAI_API_KEY": "k"})
    assert "provider: openai" in (caught.value.hint or "")
    assert "FILE.gguf" in (caught.value.hint or "")
    assert caught.value.node == "ask"


def test_an_address_in_the_environment_is_a_named_api(pick: Callable[..., Choice]) -> None:
    choice = pick({"model": "m"}, env=STUB)
    assert (choice.backend, choice.model, choice.base_url) == ("api", "m", STUB["OPENAI_BASE_URL"])
    assert choice.endpoint is not None
    assert choice.endpoint.key == "stub"
    ollama = pick({"model": "m"}, env={"OLLAMA_API_BASE": "http://127.0.0.1:11434/v1", "OPENAI_API_KEY": "k"})
    assert ollama.endpoint is not None
    assert (ollama.endpoint.provider, ollama.endpoint.key) == ("ollama", "")


@pytest.mark.parametrize("llm", [{"model_path": "mine.gguf"}, {"model": "mine.gguf"}, {"backend": "local"}, {"provider": "local"}])
def test_whatever_names_a_local_model_beats_the_environment(pick: Callable[..., Choice], llm: dict[str, Any]) -> None:
    assert pick(llm=llm, env=STUB).backend == "local"


def test_the_node_beats_the_command_line_beats_the_settings(pick: Callable[..., Choice]) -> None:
    local, remote = {"provider": "local"}, {"provider": "openai", "model": "m"}
    assert pick(local, remote, LlmOptions(backend="api"), STUB).backend == "local"
    assert pick({}, {**remote, "provider": "local"}, LlmOptions(backend="api"), STUB).backend == "api"
    assert pick({}, {"provider": "openai"}, LlmOptions(backend="local"), STUB).backend == "local"
    assert pick({}, {"provider": "openai", "model": "m"}, env=STUB).backend == "api"
    with pytest.raises(ModelUnavailable, match="'gpt-4' is no file on this machine, and --backend local"):
        pick({"model": "gpt-4"}, remote, LlmOptions(backend="local"), STUB)
    assert pick({"provider": "auto"}, {"backend": "auto"}, env={}).backend == "local"


def test_the_gguf_option_means_local(pick: Callable[..., Choice], tmp_path: Path) -> None:
    choice = pick({"model": "gpt-4"}, {"provider": "openai"}, LlmOptions(gguf=tmp_path / "mine.gguf"), STUB)
    assert (choice.path, choice.why) == (tmp_path / "mine.gguf", "--gguf names it")


def test_local_actions_are_local(pick: Callable[..., Choice]) -> None:
    assert pick({}, {"provider": "openai"}, env=STUB, action="llm.local.chat").backend == "local"


def test_a_named_file_that_is_missing_never_leads_elsewhere(pick: Callable[..., Choice]) -> None:
    for llm in ({"model_path": "none.gguf"}, {"backend": "local", "model_path": "none.gguf"}):
        with pytest.raises(ModelUnavailable, match=r"settings\.llm\.model_path names the model none\.gguf"):
            pick(llm=llm, env=STUB)


def test_load_parameters_come_from_node_then_settings(pick: Callable[..., Choice]) -> None:
    choice = pick({"n_ctx": 512}, {"n_ctx": 1024, "n_threads": 2, "n_gpu_layers": 0})
    assert choice.load == LoadParameters(512, 2, 0)
    assert pick().load == LoadParameters()


def test_openai_needs_a_key_or_an_address(pick: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="neither a key nor an address"):
        pick({"provider": "openai", "model": "m"})
    hosted = pick({"provider": "openai", "model": "m"}, env={"OPENAI_API_KEY": "k"})
    assert hosted.base_url == "https://api.openai.com/v1"
    assert pick({"provider": "openai", "model": "m", "api_base": "http://h/v1"}).base_url == "http://h/v1"


def test_only_llm_chat_has_a_default_model(pick: Callable[..., Choice]) -> None:
    assert pick(env=STUB, action="llm.chat").model == "gpt-4o-mini"
    assert pick(llm={"model": "m"}, env=STUB, action="llm.chat").model == "m"
    with pytest.raises(ModelUnavailable, match=r"llm\.call needs a model") as caught:
        pick(env=STUB)
    assert caught.value.node == "ask"


def test_a_model_file_in_the_settings_is_not_sent_to_an_api(pick: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="needs a model"):
        pick({"provider": "openai"}, {"model": "mine.gguf"}, env=STUB)


def test_ollama_and_azure(pick: Callable[..., Choice]) -> None:
    assert pick({"provider": "ollama", "model": "m"}).base_url == "http://localhost:11434/v1"
    with pytest.raises(ModelUnavailable, match="azure needs an address and a key"):
        pick({"provider": "azure", "model": "m"})
    env = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://x.example/", "AZURE_OPENAI_DEPLOYMENT": "d"}
    azure = pick({"provider": "azure_openai"}, env=env).endpoint
    assert azure is not None
    assert azure.url == "https://x.example/openai/deployments/d/chat/completions"
    assert azure.api_version == "2024-02-15-preview"
    assert pick({"provider": "azure", "deployment": "e", "model": "m"}, env=env).model == "e"


def test_the_word_api_takes_the_configured_one(pick: Callable[..., Choice]) -> None:
    assert pick({"backend": "api", "model": "m"}, env={"OPENAI_API_KEY": "k"}).base_url == "https://api.openai.com/v1"
    with pytest.raises(ModelUnavailable, match="no API is configured"):
        pick({"model": "m"}, options=LlmOptions(backend="api"))


def test_retries_and_time_outs(pick: Callable[..., Choice]) -> None:
    endpoint = pick({"model": "m", "max_retries": 2, "base_delay": 0.5}, {"timeout": 9, "max_retries": 5}, env=STUB).endpoint
    assert endpoint is not None
    assert (endpoint.timeout, endpoint.retry) == (9.0, Retry(2, 0.5, 60.0))
    for wrong in ({"max_retries": -1}, {"timeout": 0}, {"base_delay": "1"}):
        with pytest.raises(ModelUnavailable, match=next(iter(wrong))):
            pick({"model": "m", **wrong}, env=STUB)


@pytest.mark.parametrize("address", ["h/v1", "file:///etc/passwd", "http://", "http://h:99999/v1"])
def test_an_address_that_is_none_is_refused(pick: Callable[..., Choice], address: str) -> None:
    with pytest.raises(ModelUnavailable, match="address of the API is not valid"):
        pick({"model": "m", "api_base": address})


def test_an_unknown_provider_is_told_with_what_was_meant(pick: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="the node's provider is 'opnai', which is no provider; did you mean 'openai'"):
        pick({"provider": "opnai"})
    with pytest.raises(ModelUnavailable, match=r"settings\.llm\.backend is 3"):
        pick(llm={"backend": 3})


def test_a_shell_provider(pick: Callable[..., Choice]) -> None:
    choice = pick({"provider": "shell"}, {"shell_provider": "cat", "shell_providers": {"cat": {"command": "cat"}}})
    assert (choice.backend, choice.model) == ("shell", "cat")


def test_a_choice_never_shows_a_key(pick: Callable[..., Choice]) -> None:
    assert "very-secret" not in repr(pick({"model": "m", "api_key": "very-secret"}, env=STUB))


@pytest.fixture
def embeds(tmp_path: Path) -> Callable[..., Choice]:
    shutil.copyfile(builtin.embedding_path(), tmp_path / "other.gguf")

    def make(
        parameters: dict[str, Any] | None = None,
        llm: dict[str, Any] | None = None,
        options: LlmOptions | None = None,
        env: dict[str, str] | None = None,
        action: str = "llm.embed",
    ) -> Choice:
        environ = {"HOME": str(tmp_path), **(env or {})}
        return choose_embedding(parameters or {}, {"llm": llm or {}}, options or LlmOptions(), environ, tmp_path, action=action, node="e")

    return make


@pytest.mark.parametrize(
    "llm",
    [
        {"model": "other.gguf"},
        {"model_path": "other.gguf"},
        {"provider": "openai", "model": "gpt", "api_base": "http://127.0.0.1:1/v1"},
        {"provider": "shell", "shell_provider": "x"},
        {"backend": "local", "n_ctx": 128},
    ],
)
def test_what_is_said_about_answers_says_nothing_about_embeddings(
    embeds: Callable[..., Choice], tmp_path: Path, llm: dict[str, Any]
) -> None:
    options = LlmOptions(gguf=tmp_path / "other.gguf")
    for choice in (embeds(llm=llm), embeds(llm=llm, options=options, env={**STUB, "TEA_MODEL_PATH": str(tmp_path / "other.gguf")})):
        assert (choice.backend, choice.path, choice.load) == ("local", builtin.embedding_path(), LoadParameters())
        assert choice.why == "no embedding model is named; it is the built-in one"


def test_a_named_embedding_model_is_taken_the_nodes_first(embeds: Callable[..., Choice], tmp_path: Path) -> None:
    assert embeds(llm={"embedding_model": "other.gguf"}).path == tmp_path / "other.gguf"
    assert embeds({"model_path": "other.gguf"}, {"embedding_model": "text-embedding-3-small"}).path == tmp_path / "other.gguf"
    assert embeds({"model": builtin.EMBEDDING_FILE_NAME}, {"embedding_model": "other.gguf"}).path == builtin.embedding_path()
    assert embeds(llm={"embedding_model": "other.gguf", "provider": "openai"}, options=LlmOptions(backend="api")).backend == "local"
    with pytest.raises(ModelUnavailable, match=r"settings\.llm\.embedding_model names the model none\.gguf, but there is no such file"):
        embeds(llm={"embedding_model": "none.gguf"})


def test_a_named_hosted_model_needs_a_named_api(embeds: Callable[..., Choice]) -> None:
    hosted = {"embedding_model": "text-embedding-3-small"}
    with pytest.raises(ModelUnavailable, match="'text-embedding-3-small' is no file on this machine, and no API is named") as caught:
        embeds(llm=hosted, env={"OPENAI_API_KEY": "k"})
    assert caught.value.node == "e"
    assert "embedding_model:" in (caught.value.hint or "")
    for choice in (embeds(llm=hosted, env=STUB), embeds(llm={**hosted, "provider": "openai", "model": "gpt"}, env=STUB)):
        assert (choice.backend, choice.model, choice.base_url) == ("api", "text-embedding-3-small", STUB["OPENAI_BASE_URL"])
    with pytest.raises(ModelUnavailable, match="needs a model to ask the openai API for"):
        embeds({"provider": "openai"}, {"model": "gpt"}, env=STUB)


def test_the_local_action_never_leaves_the_machine(embeds: Callable[..., Choice]) -> None:
    hosted = {"provider": "openai", "embedding_model": "text-embedding-3-small"}
    assert embeds(llm=hosted, env=STUB, action="llm.local.embed").path == builtin.embedding_path()
    with pytest.raises(ModelUnavailable, match=r"llm\.local\.embed means a local model"):
        embeds({"model": "text-embedding-3-small"}, env=STUB, action="llm.local.embed")


def test_programs_do_not_embed(embeds: Callable[..., Choice]) -> None:
    with pytest.raises(ModelUnavailable, match="a program cannot embed texts"):
        embeds({"provider": "shell"})


def test_an_installation_without_the_embedding_model_says_so(
    embeds: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(builtin, "_FOLDER", tmp_path / "none")
    with pytest.raises(ModelUnavailable, match="no embedding model is named") as caught:
        embeds()
    assert "embedding_model:" in (caught.value.hint or "")
