"""llm.embed and its other names: which model embeds, what comes back, what is refused."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import ContextOverflow, LimitReached, ModelUnavailable, NodeFailed
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from pathlib import Path

ONE = {"embedding", "dimensions", "model", "backend", "tokens_used"}
MANY = {"embeddings", "count", "dimensions", "model", "backend", "tokens_used"}


@pytest.mark.llm
@pytest.mark.parametrize("name", ["llm.embed", "llm.local.embed", "memory.embed", "embedding.create"])
def test_without_any_setting_the_model_on_this_machine_embeds(local: Any, name: str) -> None:
    result = local(name, text="When does the museum open?")
    assert set(result) == ONE
    assert (result["model"], result["backend"], result["dimensions"]) == (builtin.EMBEDDING_FILE_NAME, "local", 192)
    assert len(result["embedding"]) == 192
    assert math.hypot(*result["embedding"]) == pytest.approx(1, abs=1e-5)
    assert result["tokens_used"] > 3
    assert json.loads(json.dumps(result)) == result


@pytest.mark.llm
def test_several_texts_are_embedded_at_once_and_as_alone(local: Any) -> None:
    result = local("llm.embed", texts=["one", "two"])
    assert set(result) == MANY
    assert result["count"] == 2
    assert result["embeddings"][1] == local("llm.embed", text="two")["embedding"]
    assert local("embedding.create", text=["one", "two"]) == result
    assert local("embedding.create", text="two", batch=True)["embeddings"] == [result["embeddings"][1]]


def test_a_model_for_answers_says_nothing_about_embeddings(run: Any, api: Any) -> None:
    result = run("llm.embed", text="private")
    assert (result["backend"], api.asked) == ("local", [])


def test_an_api_embeds_where_its_embedding_model_is_named(run: Any, api: Any) -> None:
    result = run("llm.embed", texts=["abc", "a"], settings={"llm": {"embedding_model": "e-1"}})
    assert (result["model"], result["backend"], result["tokens_used"]) == ("e-1", "api", 2)
    assert result["embeddings"][1] == pytest.approx([0.5**0.5, 0.5**0.5])
    assert api.asked == [{"model": "e-1", "input": ["abc", "a"]}]
    run("memory.embed", text="abc", provider="openai", model="e-2", extra={"dimensions": 2})
    assert api.asked[1] == {"model": "e-2", "input": ["abc"], "dimensions": 2}


@pytest.mark.llm
def test_a_file_can_be_named(local: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(builtin.embedding_path(), tmp_path / "mine.gguf")
    assert local("llm.embed", text="a", model="mine.gguf")["model"] == "mine.gguf"
    assert local("llm.embed", text="a", settings={"llm": {"embedding_model": "mine.gguf"}})["model"] == "mine.gguf"
    with pytest.raises(ModelUnavailable, match="there is no such file"):
        local("llm.embed", text="a", model="none.gguf")


@pytest.mark.llm
def test_a_text_is_never_cut(local: Any) -> None:
    with pytest.raises(ContextOverflow, match=r"text 1 has \d+ tokens, .* room for 1024"):
        local("llm.embed", text="word " * 2000)
    assert local("llm.embed", text="word " * 2000, on_error="return")["error_type"] == "ContextOverflow"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs 'text' or 'texts'"),
        ({"text": "a", "texts": ["a"]}, "either 'text' or 'texts', not both"),
        ({"texts": []}, "'texts' is an empty list"),
        ({"texts": ["a", " "]}, r"texts\[1\] is empty"),
        ({"texts": ["a", 5]}, r"texts\[1\] must be text, not int"),
        ({"text": "a", "temperature": 0}, "no parameter 'temperature'"),
        ({"text": "a", "api_base": "http://127.0.0.1:1/v1", "model": "m", "n_ctx": 5}, "the api backend takes no parameter 'n_ctx'"),
        ({"text": "a", "n_ctx": -1}, "n_ctx must be a whole number"),
    ],
)
def test_what_cannot_be_embedded_is_said(local: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        local("llm.embed", **given)


def test_a_cancelled_node_and_a_short_timeout_stop(local: Any) -> None:
    texts = ["The pool is closed on Monday. " * 20] * 3000
    with pytest.raises(LimitReached, match=r"within 0\.05 s"):
        local("llm.embed", texts=texts, timeout=0.05)
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(Cancelled):
        local("llm.embed", texts=texts, cancellation=cancellation)


@pytest.mark.llm
def test_similarity_of_texts(local: Any) -> None:
    same = local("llm.similarity", text_a="Where does Bob live?", text_b="In which city does Bob live?")
    other = local("llm.similarity", text_a="Where does Bob live?", text_b="The printer is broken.")
    assert same["cosine_similarity"] > 0.7
    assert other["cosine_similarity"] < 0.5
    assert same["interpretation"] in {"Similar", "Very similar"}
    assert local("llm.similarity", text_a="same", text_b="same") == {
        "cosine_similarity": pytest.approx(1),
        "interpretation": "Very similar",
    }


def test_similarity_needs_both_sides(local: Any) -> None:
    with pytest.raises(NodeFailed, match="needs the parameter 'vector_b' as well"):
        local("llm.similarity", vector_a=[1, 0])
    with pytest.raises(NodeFailed, match="needs the parameter 'text_b' as well"):
        local("llm.similarity", text_a="a")
    with pytest.raises(NodeFailed, match="needs 'text_a' or 'vector_a'"):
        local("llm.similarity", text_b="a")
