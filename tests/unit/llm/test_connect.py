"""One backend for all who choose the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.connect import Models
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.policy import Choice, choose, choose_embedding
from the_edge_agent.llm.protocol import Message, Request, Sampling

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.llm.protocol import Backend

CAPITAL = Request((Message("user", "What is the capital of Japan? Respond with only the city name."),), 20, sampling=Sampling(0.0))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return Models(environ={"HOME": str(tmp_path)})


def chosen(models: Models, **parameters: object) -> Choice:
    return choose(parameters, {}, models.options, models.environ, None)


@pytest.mark.llm
def test_equal_choices_share_a_backend_and_models_close_it(models: Models) -> None:
    backends = [models.chat(chosen(models, n_ctx=size)) for size in (256, 256, 512)]
    assert backends[0] is backends[1] is not backends[2]
    assert backends[0].chat(CAPITAL).content == "Tokyo"
    models.close()
    models.close()
    with pytest.raises(ModelUnavailable, match="is closed"):
        backends[0].chat(CAPITAL)
    assert models.chat(chosen(models, n_ctx=256)).chat(CAPITAL).content == "Tokyo"
    models.close()


def test_why_it_was_chosen_does_not_matter(models: Models) -> None:
    choice = chosen(models, n_ctx=256)
    assert models.chat(choice) is models.chat(replace(choice, why="for another reason"))


def test_different_keys_do_not_share_a_connection(models: Models) -> None:
    api = {"model": "m", "api_base": "http://127.0.0.1:1"}
    made: list[Backend] = [models.chat(chosen(models, **api, api_key=key)) for key in ("a", "b")]
    assert made[0] is not made[1]
    models.close()


def test_a_model_that_answers_and_one_that_embeds_are_two(models: Models) -> None:
    choice = choose_embedding({"model": "m", "api_base": "http://127.0.0.1:1"}, {}, models.options, models.environ, None)
    made: list[object] = [models.embedder(choice), models.embedder(choice), models.chat(choice)]
    assert made[0] is made[1] is not made[2]
    models.close()


def test_what_cannot_be_meant_is_refused_by_the_backend(models: Models) -> None:
    nonsense = replace(chosen(models), load=LoadParameters(n_ctx=["a"]))  # type: ignore[arg-type]
    with pytest.raises(NodeFailed, match="n_ctx must be a whole number from 0 to"):
        models.chat(nonsense)


def test_nothing_is_imported_before_the_first_question() -> None:
    code = (
        "import sys, the_edge_agent.llm.connect as connect; connect.Models();"
        " print([name for name in sys.modules if 'llm.local' in name or name.endswith(('llm.api', 'llm.shell', 'llm.policy'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
