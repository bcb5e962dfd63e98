"""``vector.*``: texts kept with their vectors and found again by what they mean.

Collections live in the process for as long as the agent does, or in an SQLite file that ``path`` names. A collection belongs
to one embedding model: vectors of two cannot be compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.memory.database import IN_MEMORY
from the_edge_agent.actions.memory.vectorstore import Entry, VectorStore
from the_edge_agent.actions.model.embedding import EMBEDDING_PARAMETERS, chosen, vectors_of
from the_edge_agent.actions.model.question import model_action
from the_edge_agent.actions.needs import Needs, embeds, paths
from the_edge_agent.actions.outside.file import local
from the_edge_agent.actions.registry import action, shown
from the_edge_agent.errors import NodeFailed
from the_edge_agent.llm.protocol import unit

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

Json = Any
Result = dict[str, Any]

_COLLECTION = "default"
_GIVEN = "given"
"""What stands in place of a model's name for vectors that the workflow gives itself."""


def _store(scope: Scope, path: str | None) -> VectorStore:
    where = IN_MEMORY
    if path is not None:
        try:
            where = os.fspath(local(path).absolute())
        except ValueError as problem:
            raise NodeFailed(f"'path': {problem}", error_type="ValueError", hint="name a file on this machine") from None
    return scope.host.resources.get(f"vector:{where}", lambda: VectorStore(where))


@model_action(
    "vector.store",
    needs=Needs(models=embeds("embeddings"), files=paths("path"), access="writes"),
    parameters=EMBEDDING_PARAMETERS,
    returns="{stored, embedded, collection, ids, model, dimensions}",
)
def store(
    scope: Scope,
    /,
    *,
    texts: str | list[Json],
    ids: list[Json] | None = None,
    metadata: dict[str, Json] | list[Json] | None = None,
    embeddings: list[Json] | None = None,
    collection: str = _COLLECTION,
    path: str | None = None,
    **model: Any,
) -> Result:
    """Keep texts with their vectors; what has the same id is replaced, and a text that is there already is not embedded again.

    ``ids`` default to a digest of the text. ``metadata`` is one mapping for all texts, or a list of one each.
    """
    listed = [texts] if isinstance(texts, str) else texts
    if not listed:
        raise NodeFailed("'texts' is an empty list", hint="give at least one text")
    names = _ids(ids, listed)
    notes = _notes(metadata, len(listed))
    kept = _store(scope, path)
    if embeddings is not None:
        name, vectors, embedded = _GIVEN, _given(embeddings, len(listed)), 0
    else:
        name = chosen(scope, model, "vector.store").model
        vectors, embedded = _embedded(scope, kept, collection, listed, model)
    kept.put(collection, name, [Entry(*row) for row in zip(names, listed, notes, vectors, strict=True)])
    return {
        "stored": len(set(names)),
        "embedded": embedded,
        "collection": collection,
        "ids": names,
        "model": name,
        "dimensions": len(vectors[0]),
    }


def _ids(ids: list[Json] | None, texts: list[Json]) -> list[str]:
    if ids is None:
        return [hashlib.sha256(str(text).encode("utf-8", "surrogatepass")).hexdigest()[:16] for text in texts]
    if len(ids) != len(texts):
        raise NodeFailed(f"there are {len(ids)} ids for {len(texts)} texts", hint="give one id for each text, or none")
    for one in ids:
        if isinstance(one, bool) or not isinstance(one, str | int):
            raise NodeFailed(f"an id must be text or a whole number, not {shown(one)}")
    names = [str(one) for one in ids]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise NodeFailed(f"the id {twice!r} is given twice", hint="give every text an id of its own")
    return names


def _notes(metadata: Json, count: int) -> list[dict[str, Json]]:
    notes = [metadata or {}] * count if metadata is None or isinstance(metadata, Mapping) else metadata
    if len(notes) != count:
        raise NodeFailed(
            f"there are {len(notes)} entries of metadata for {count} texts", hint="give one mapping for all, or a list of one each"
        )
    for note in notes:
        if not isinstance(note, Mapping):
            raise NodeFailed(f"metadata must be a mapping for each text, not {shown(note)}")
    try:
        json.dumps(notes, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise NodeFailed(f"the metadata is not JSON: {problem}", error_type="TypeError") from None
    return [dict(note) for note in notes]


def _given(embeddings: list[Json], count: int) -> list[tuple[float, ...]]:
    if len(embeddings) != count:
        raise NodeFailed(f"there are {len(embeddings)} embeddings for {count} texts", hint="give one vector for each text")
    return [_unit(vector, f"embeddings[{number}]") for number, vector in enumerate(embeddings)]


def _unit(vector: Json, where: str) -> tuple[float, ...]:
    numbers = isinstance(vector, list) and all(isinstance(each, int | float) and not isinstance(each, bool) for each in vector)
    try:
        if numbers:
            return unit(vector)
    except (ValueError, OverflowError):
        pass
    raise NodeFailed(f"{where} must be a list of numbers, not all of them zero", hint="take it from llm.embed")


def _embedded(
    scope: Scope, kept: VectorStore, collection: str, texts: list[Json], model: Mapping[str, Any]
) -> tuple[list[tuple[float, ...]], int]:
    """The vectors of ``texts``, and how many had to be computed."""
    known = kept.known(collection, texts, chosen(scope, model, "vector.store").model)
    new = [text for text in dict.fromkeys(texts) if text not in known] if all(isinstance(text, str) for text in texts) else texts
    if new:
        found = vectors_of(scope, new, model, action="vector.store", name="texts")
        known |= dict(zip(new, found.vectors, strict=True))
    return [known[text] for text in texts], len(new)


@model_action(
    "vector.query",
    needs=Needs(models=embeds("vector"), files=paths("path"), access="writes"),
    parameters=EMBEDDING_PARAMETERS,
    returns="{results: [{id, text, score, metadata}], count, query, collection, k}",
    one_of=("query", "vector"),
)
def query(
    scope: Scope,
    /,
    *,
    query: str | None = None,
    vector: list[Json] | None = None,
    k: int = 5,
    collection: str = _COLLECTION,
    filter: dict[str, Json] | None = None,  # noqa: A002 - the name that workflows write
    min_score: float = -1.0,
    include_embeddings: bool = False,
    path: str | None = None,
    **model: Any,
) -> Result:
    """Find the `k` texts whose meaning is closest to a question, best first; `score` is the cosine, 1 for the same.

    ``filter`` keeps texts by their metadata: `{field: value}`, or the field's name with `_ne`, `_gt`, `_gte`, `_lt`, `_lte` or
    `_in` at its end. ``min_score`` leaves out what is less similar. A collection nothing was stored in has no texts.
    """
    if k < 1:
        raise NodeFailed(f"'k' must be 1 or more, not {k}", error_type="ValueError")
    kept = _store(scope, path)
    if vector is not None:
        name, asked = None, _unit(vector, "'vector'")
    else:
        name = chosen(scope, model, "vector.query").model
        kept.check(collection, name)
        asked = vectors_of(scope, [query], model, action="vector.query", name="query").vectors[0]
    close = takewhile(lambda pair: pair[0] >= min_score, kept.near(collection, name, asked))
    fitting = (pair for pair in close if all(_passes(pair[1].metadata, key, wanted) for key, wanted in (filter or {}).items()))
    results = [
        {"id": entry.id, "text": entry.text, "score": score, "metadata": entry.metadata}
        | ({"embedding": list(entry.vector)} if include_embeddings else {})
        for score, entry in islice(fitting, k)
    ]
    return {"results": results, "count": len(results), "query": query, "collection": collection, "k": k}


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "_ne": lambda value, wanted: value != wanted,
    "_gte": lambda value, wanted: value >= wanted,
    "_gt": lambda value, wanted: value > wanted,
    "_lte": lambda value, wanted: value <= wanted,
    "_lt": lambda value, wanted: value < wanted,
    "_in": lambda value, wanted: value in wanted,
}


def _passes(metadata: Mapping[str, Json], key: str, wanted: Json) -> bool:
    """Whether one condition holds; an entry without the field passes none but ``_ne``."""
    ending = next((each for each in _TESTS if key.endswith(each)), None) if key not in metadata else None
    if ending is None:
        return key in metadata and bool(metadata[key] == wanted)
    field = key.removesuffix(ending)
    if field not in metadata:
        return ending == "_ne"
    try:
        return bool(_TESTS[ending](metadata[field], wanted))
    except TypeError:
        raise NodeFailed(f"filter {key}: {shown(metadata[field])} and {shown(wanted)} cannot be compared", error_type="TypeError") from None


@action("vector.delete", returns="{deleted, collection}", needs=Needs(files=paths("path"), access="writes"))
def delete(scope: Scope, /, *, ids: list[Json] | None = None, collection: str = _COLLECTION, path: str | None = None) -> Result:
    """Forget texts by their ids, or a whole collection."""
    names = None if ids is None else [str(one) for one in ids]
    return {"deleted": _store(scope, path).delete(collection, names), "collection": collection}
