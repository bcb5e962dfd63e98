"""Connecting to what was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.llm.connect import connect
from the_edge_agent.llm.options import LlmOptions
from the_edge_agent.llm.policy import choose
from the_edge_agent.llm.protocol import Message, Request, Sampling
from the_edge_agent.resources import Resources

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = LlmOptions()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.llm
def test_equal_choices_share_a_backend_and_resources_close_it(home: Path) -> None:
    resources = Resources()
    environ = {"HOME": str(home)}
    choices = [choose({"n_ctx": size}, {}, OPTIONS, environ, None) for size in (256, 256, 512)]
    backends = [connect(choice, resources) for choice in choices]
    assert backends[0] is backends[1] is not backends[2]
    question = Request((Message("user", "What is the capital of Japan? Respond with only the city name."),), 20, sampling=Sampling(0.0))
    assert backends[0].chat(question).content == "Tokyo"
    resources.close()
    with pytest.raises(ModelUnavailable, match="is closed"):
        backends[0].chat(question)


def test_different_keys_do_not_share_a_connection(home: Path) -> None:
    resources = Resources()
    made = [
        connect(choose({"model": "m", "api_base": "http://127.0.0.1:1", "api_key": key}, {}, OPTIONS, {"HOME": str(home)}, None), resources)
        for key in ("a", "b")
    ]
    assert made[0] is not made[1]
    resources.close()
