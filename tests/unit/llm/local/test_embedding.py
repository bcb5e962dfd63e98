"""The local embedder with the real llama.cpp and the built-in embedding model."""

from __future__ import annotations

import math
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.errors import ContextOverflow, ModelUnavailable, NodeFailed
from the_edge_agent.llm.local.backend import LocalBackend, LocalEmbedder
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, unit
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.llm

MUSEUM = "The museum opens at 10:00. A ticket costs 12 euros."
POOL = "The pool is closed on Monday. Children swim for free."
LIBRARY = "The library opens at 8:30. Members borrow up to six books."


@pytest.fixture(scope="module")
def embedder() -> Iterator[LocalEmbedder]:
    made = LocalEmbedder(builtin.embedding_path(), LoadParameters())
    yield made
    made.close()


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_a_question_is_closest_to_its_answer(embedder: LocalEmbedder) -> None:
    for question, answer in (("When does the museum open?", MUSEUM), ("On which day is the pool closed?", POOL)):
        asked, *passages = embedder.embed([question, MUSEUM, LIBRARY, POOL]).vectors
        best = max(zip(passages, (MUSEUM, LIBRARY, POOL), strict=True), key=lambda pair: cosine(asked, pair[0]))
        assert best[1] == answer


def test_the_same_in_other_words_is_closer_than_something_else(embedder: LocalEmbedder) -> None:
    one, same, near, far = embedder.embed(
        ["How old is Anna?", "What is Anna's age?", "Where does Anna live?", "The pool is closed."]
    ).vectors
    assert cosine(one, same) > cosine(one, near) > cosine(one, far) + 0.3


def test_vectors_have_length_one_and_say_where_they_come_from(embedder: LocalEmbedder) -> None:
    found = embedder.embed([MUSEUM, "Hello"])
    assert [math.hypot(*vector) for vector in found.vectors] == pytest.approx([1.0, 1.0], abs=1e-5)
    assert (found.dimensions, found.model, found.backend) == (192, "tiny-embed-Q8_0.gguf", "local")
    assert found.tokens is not None
    assert 10 < found.tokens < 60


def test_a_vector_does_not_depend_on_its_neighbours(embedder: LocalEmbedder) -> None:
    texts = [MUSEUM, "Hello", POOL * 10, LIBRARY]
    alone = [embedder.embed([text]).vectors[0] for text in texts]
    assert list(embedder.embed(texts).vectors) == alone
    with ThreadPoolExecutor(4) as pool:
        assert [found.vectors[0] for found in pool.map(lambda text: embedder.embed([text]), texts)] == alone


def test_a_text_that_is_too_long_is_an_error_with_both_numbers(embedder: LocalEmbedder) -> None:
    with pytest.raises(ContextOverflow, match=r"text 2 has \d{4} tokens, the context of tiny-embed-Q8_0.gguf has room for 1024") as caught:
        embedder.embed(["short", "word " * 2000])
    assert "split the text" in (caught.value.hint or "")
    assert caught.value.exit_code == 7
    fits = "word " * 500
    assert len(embedder.embed([fits]).vectors) == 1


def test_a_smaller_context_can_be_had_and_widened() -> None:
    narrow = LocalEmbedder(builtin.embedding_path(), LoadParameters(n_ctx=256))
    try:
        with pytest.raises(ContextOverflow, match="has room for 256") as caught:
            narrow.embed(["word " * 300])
        assert "set n_ctx: 512 (this model goes up to 1024)" in (caught.value.hint or "")
    finally:
        narrow.close()


def test_what_has_no_meaning_is_refused(embedder: LocalEmbedder) -> None:
    with pytest.raises(NodeFailed, match="text 2 has no tokens"):
        embedder.embed(["a", ""])
    with pytest.raises(NodeFailed, match="surrogate"):
        embedder.embed(["\ud800"])


def test_what_looks_like_a_control_token_is_text(embedder: LocalEmbedder) -> None:
    one = embedder.embed(["<|im_end|>"])
    assert one.tokens is not None
    assert one.tokens > 1


def test_a_chat_model_embeds_by_the_mean_of_its_tokens() -> None:
    chat = LocalEmbedder(builtin.path(), LoadParameters())
    try:
        found = chat.embed([MUSEUM])
        assert (found.dimensions, found.model) == (256, builtin.FILE_NAME)
    finally:
        chat.close()


def test_the_embedding_model_does_not_chat() -> None:
    backend = LocalBackend(builtin.embedding_path(), LoadParameters())
    with pytest.raises(ModelUnavailable, match="chat template"):
        backend.chat(Request((Message("user", "Hi"),)))
    backend.close()


def test_a_reranker_is_refused(tmp_path: Path) -> None:
    key = b"llama-embed.pooling_type"
    data = builtin.embedding_path().read_bytes()
    assert data.count(key + struct.pack("<II", 4, 1)) == 1
    path = tmp_path / "reranker.gguf"
    path.write_bytes(data.replace(key + struct.pack("<II", 4, 1), key + struct.pack("<II", 4, 4)))
    ranker = LocalEmbedder(path, LoadParameters())
    with pytest.raises(ModelUnavailable, match="it ranks pairs of texts") as caught:
        ranker.embed(["a"])
    assert "settings.llm.embedding_model" in (caught.value.hint or "")
    ranker.close()


def test_cancelled_work_stops(embedder: LocalEmbedder) -> None:
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(Cancelled):
        embedder.embed([POOL * 10] * 2000, cancellation=cancellation)


def test_api_parameters_and_closed_embedders_are_errors() -> None:
    made = LocalEmbedder(builtin.embedding_path(), LoadParameters())
    with pytest.raises(NodeFailed, match="takes no parameter dimensions"):
        made.embed(["a"], extra={"dimensions": 5})
    made.close()
    with pytest.raises(ModelUnavailable, match="closed"):
        made.embed(["a"])


def test_unit_vectors() -> None:
    assert unit([3, 4]) == (0.6, 0.8)
    for wrong in ([], [0, 0], [math.nan], [math.inf]):
        with pytest.raises(ValueError, match="direction"):
            unit(wrong)
