"""vector.*: what is stored is found by its meaning, once embedded, in memory or in a file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import NodeFailed
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from pathlib import Path

MUSEUM = "The museum opens at 10:00. A ticket costs 12 euros."
LIBRARY = "The library opens at 8:30. Members borrow up to six books."
POOL = "The pool is closed on Monday. Children swim for free."


def found(result: dict[str, Any]) -> list[str]:
    return [each["id"] for each in result["results"]]


@pytest.mark.llm
def test_texts_are_found_by_what_they_mean(local: Any) -> None:
    result = local("vector.store", texts=[MUSEUM, LIBRARY, POOL], ids=["museum", "library", "pool"])
    assert result == {
        "stored": 3,
        "embedded": 3,
        "collection": "default",
        "ids": ["museum", "library", "pool"],
        "model": builtin.EMBEDDING_FILE_NAME,
        "dimensions": 192,
    }
    answer = local("vector.query", query="When does the museum open?", k=2)
    assert {key: answer[key] for key in ("count", "query", "collection", "k")} == {
        "count": 2,
        "query": "When does the museum open?",
        "collection": "default",
        "k": 2,
    }
    best, second = answer["results"]
    assert (best["id"], best["text"], best["metadata"], set(best)) == ("museum", MUSEUM, {}, {"id", "text", "score", "metadata"})
    assert 1 >= best["score"] > second["score"] + 0.1
    assert found(local("vector.query", query="On which day is the pool closed?", k=1)) == ["pool"]
    assert found(local("vector.query", query="When does the museum open?", min_score=best["score"])) == ["museum"]
    assert found(local("vector.query", query="When does the museum open?", min_score=1.0)) == []


@pytest.mark.llm
def test_a_text_that_is_there_is_not_embedded_again(local: Any) -> None:
    first = local("vector.store", texts=[MUSEUM, POOL])
    again = local("vector.store", texts=[POOL, LIBRARY, LIBRARY], metadata={"new": True})
    assert (first["embedded"], again["embedded"], again["stored"]) == (2, 1, 2)
    assert again["ids"][0] == first["ids"][1]
    results = local("vector.query", query="pool", k=9)["results"]
    assert len(results) == 3
    assert {each["text"]: each["metadata"] for each in results} == {MUSEUM: {}, POOL: {"new": True}, LIBRARY: {"new": True}}


@pytest.mark.llm
def test_a_file_keeps_what_was_stored(local: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    local("vector.store", texts=[MUSEUM, POOL], ids=["museum", "pool"], metadata=[{"n": 1}, {"n": 2}], path="notes/places.db")
    assert (tmp_path / "notes" / "places.db").is_file()
    assert local("vector.query", query="museum")["results"] == []
    (best,) = local(
        "vector.query", query="When does the museum open?", k=1, path=str(tmp_path / "notes" / "places.db"), include_embeddings=True
    )["results"]
    assert (best["id"], best["metadata"]) == ("museum", {"n": 1})
    assert math.hypot(*best["embedding"]) == pytest.approx(1, abs=1e-5)
    assert local("vector.store", texts=POOL, ids=["p2"], path="notes/places.db")["embedded"] == 0


def test_given_vectors_need_no_model(local: Any) -> None:
    result = local("vector.store", texts=["a", "b", "c"], ids=["a", "b", "c"], embeddings=[[2, 0], [0, 3], [1, 1]])
    assert (result["model"], result["embedded"], result["dimensions"]) == ("given", 0, 2)
    results = local("vector.query", vector=[5, 1], k=3)["results"]
    assert [each["id"] for each in results] == ["a", "c", "b"]
    assert [each["score"] for each in results] == pytest.approx([5 / 26**0.5, 6 / 52**0.5, 1 / 26**0.5], abs=1e-5)


def test_collections_do_not_meet_and_can_be_emptied(local: Any) -> None:
    for name in ("x", "y"):
        local("vector.store", texts=["a", "b"], ids=[1, "2"], embeddings=[[1, 0], [0, 1]], collection=name)
    assert local("vector.delete", ids=[1, "none"], collection="x") == {"deleted": 1, "collection": "x"}
    assert found(local("vector.query", vector=[1, 0], collection="x")) == ["2"]
    assert local("vector.delete", collection="y") == {"deleted": 2, "collection": "y"}
    assert found(local("vector.query", vector=[1, 0], collection="y")) == []
    assert found(local("vector.query", vector=[1, 0, 0], collection="never")) == []


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ({"year": 2020}, ["b"]),
        ({"year_gte": 2020}, ["b", "c"]),
        ({"year_gt": 2020}, ["c"]),
        ({"year_lte": 2020}, ["a", "b"]),
        ({"year_lt": 2020}, ["a"]),
        ({"year_ne": 2020}, ["a", "c", "d"]),
        ({"kind_in": ["x", "z"]}, ["a", "c"]),
        ({"year_gt": 2000, "kind": "x"}, ["a"]),
        ({"check_in": "noon"}, ["d"]),
        ({"missing": 1}, []),
    ],
)
def test_metadata_filters(local: Any, condition: dict[str, Any], ids: list[str]) -> None:
    notes = [{"year": 2019, "kind": "x"}, {"year": 2020, "kind": "y"}, {"year": 2021, "kind": "z"}, {"check_in": "noon"}]
    local("vector.store", texts=list("abcd"), ids=list("abcd"), metadata=notes, embeddings=[[1.0]] * 4)
    assert found(local("vector.query", vector=[1], filter=condition)) == ids


@pytest.mark.llm
def test_vectors_of_two_models_do_not_mix(local: Any, run: Any) -> None:
    hosted = {"settings": {"llm": {"embedding_model": "e"}}}
    local("vector.store", texts=["abc"])
    with pytest.raises(NodeFailed, match=r"'default' was embedded with tiny-embed-Q8_0\.gguf, this node uses e") as caught:
        run("vector.query", query="abc", **hosted)
    assert "vector.delete" in (caught.value.hint or "")
    with pytest.raises(NodeFailed, match="this node uses e"):
        run("vector.store", texts=["x"], **hosted)
    with pytest.raises(NodeFailed, match="this node uses given"):
        local("vector.store", texts=["x"], embeddings=[[1.0] * 192])
    run("vector.store", texts=["abc"], collection="other", **hosted)
    assert run("vector.query", query="abc", collection="other", **hosted)["results"][0]["score"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("vector.store", {"texts": []}, "'texts' is an empty list"),
        ("vector.store", {"texts": ["a", 5]}, r"texts\[1\] must be text"),
        ("vector.store", {"texts": ["a", "b"], "ids": ["x"]}, "1 ids for 2 texts"),
        ("vector.store", {"texts": ["a", "b"], "ids": ["x", "x"]}, "'x' is given twice"),
        ("vector.store", {"texts": ["a"], "ids": [None]}, "an id must be text or a whole number, not null"),
        ("vector.store", {"texts": ["a"], "metadata": [{}, {}]}, "2 entries of metadata for 1 texts"),
        ("vector.store", {"texts": ["a"], "metadata": [5]}, "metadata must be a mapping"),
        ("vector.store", {"texts": ["a"], "metadata": {"x": math.nan}}, "not JSON"),
        ("vector.store", {"texts": ["a"], "embeddings": []}, "0 embeddings for 1 texts"),
        ("vector.store", {"texts": ["a"], "embeddings": [[0, 0]]}, r"embeddings\[0\] must be a list of numbers"),
        ("vector.store", {"texts": ["a"], "embeddings": [["x"]]}, r"embeddings\[0\] must be a list of numbers"),
        ("vector.store", {"texts": ["a", "b"], "embeddings": [[1], [1, 2]]}, "vectors of 1 and 2 numbers"),
        ("vector.store", {"texts": ["a"], "path": "https://example.org/x.db"}, "Not a local path"),
        ("vector.query", {"query": "a", "vector": [1]}, "either 'query' or 'vector', not both"),
        ("vector.query", {"vector": "a"}, "'vector' must be list"),
        ("vector.query", {"vector": [1], "k": 0}, "'k' must be 1 or more"),
        ("vector.query", {"query": " "}, "'query' is empty"),
    ],
)
def test_what_cannot_be_meant_is_said(local: Any, name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        local(name, **given)


def test_other_wrong_questions(local: Any, tmp_path: Path) -> None:
    local("vector.store", texts=["a"], ids=["a"], metadata={"n": "x"}, embeddings=[[1, 0]])
    with pytest.raises(NodeFailed, match="a vector of 3 numbers cannot be compared with those of 2"):
        local("vector.query", vector=[1, 0, 0])
    with pytest.raises(NodeFailed, match="filter n_gt: string 'x' and integer 5 cannot be compared"):
        local("vector.query", vector=[1, 0], filter={"n_gt": 5})
    (tmp_path / "letter.txt").write_text("Dear Ada, this is no database at all." * 50, encoding="utf-8")
    with pytest.raises(NodeFailed, match="cannot open the vectors in"):
        local("vector.query", vector=[1, 0], path=str(tmp_path / "letter.txt"))
