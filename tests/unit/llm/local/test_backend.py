"""The local backend with the real llama.cpp and the built-in model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.errors import ModelUnavailable, NodeFailed
from the_edge_agent.llm.local import backend as local
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.llm

GREEDY = Sampling(temperature=0)
TOKYO = "What is the capital of Japan? Respond with only the city name."


def ask(text: str, sampling: Sampling = GREEDY, *, max_tokens: int | None = 60) -> Request:
    return Request((Message("user", text),), max_tokens=max_tokens, sampling=sampling)


def test_it_knows_the_capital_of_japan(backend: LocalBackend) -> None:
    reply = backend.chat(ask(TOKYO))
    assert (reply.content, reply.finish_reason, reply.backend, reply.model) == ("Tokyo", "stop", "local", builtin.path().name)
    assert reply.usage is not None
    assert reply.usage.prompt_tokens > 20
    assert 0 < reply.usage.completion_tokens < 10


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (LoadParameters(n_ctx=-1), "n_ctx"),
        (LoadParameters(n_threads=0), "n_threads"),
        (LoadParameters(n_gpu_layers=-2), "n_gpu_layers"),
        (LoadParameters(n_ctx=True), "n_ctx"),
        (LoadParameters(n_ctx="big"), "n_ctx"),  # type: ignore[arg-type]
    ],
)
def test_numbers_that_would_abort_the_process_are_refused(load: LoadParameters, name: str) -> None:
    with pytest.raises(NodeFailed, match=f"{name} must be a whole number"):
        LocalBackend(builtin.path(), load)


@pytest.mark.parametrize(
    "sampling", [Sampling(temperature=-1), Sampling(temperature=float("nan")), Sampling(top_p=1.5), Sampling(top_k=-1), Sampling(seed=-1)]
)
def test_sampling_that_means_nothing_is_refused(backend: LocalBackend, sampling: Sampling) -> None:
    with pytest.raises(NodeFailed, match=r"must be a (whole )?number from"):
        backend.chat(ask(TOKYO, sampling))


def test_unknown_parameters_and_empty_budgets_are_refused(backend: LocalBackend) -> None:
    with pytest.raises(NodeFailed, match="takes no parameter logit_bias"):
        backend.chat(Request((Message("user", "x"),), extra={"logit_bias": {}}))
    with pytest.raises(NodeFailed, match="max_tokens must be a whole number from 1 on, not 0"):
        backend.chat(ask("x", max_tokens=0))


def test_a_model_is_loaded_once_and_freed_with_its_last_user(backend: LocalBackend) -> None:
    backend.chat(ask(TOKYO))
    load = LoadParameters(n_threads=1, n_ctx=512)
    one, two, three = (LocalBackend(builtin.path(), load) for _ in range(3))
    before = set(local._POOL)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda each: each.chat(ask(TOKYO)).content, (one, two, three))) == ["Tokyo"] * 3
    (key,) = set(local._POOL) - before
    one.close()
    two.close()
    assert local._POOL[key][1] == 1
    assert three.chat(ask(TOKYO)).content == "Tokyo"
    three.close()
    three.close()
    assert key not in local._POOL
    with pytest.raises(ModelUnavailable, match="is closed"):
        three.chat(ask(TOKYO))


def test_a_file_that_vanished_is_an_error_each_time(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "none.gguf", LoadParameters())
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="there is no such file"):
            backend.chat(ask(TOKYO))
