"""One request: how its prompt is evaluated, how its answer is drawn, and where it ends."""

from __future__ import annotations

import pytest

from the_edge_agent.errors import ContextOverflow
from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.llm.protocol import Message, Request, Sampling
from the_edge_agent.models import builtin

pytestmark = pytest.mark.llm

GREEDY = Sampling(temperature=0)
WILD = Sampling(temperature=3.0, top_k=0, top_p=1.0, min_p=0.0, seed=7)
TOKYO = "What is the capital of Japan? Respond with only the city name."


def ask(text: str, sampling: Sampling = GREEDY, *, max_tokens: int | None = 60, stop: tuple[str, ...] = ()) -> Request:
    return Request((Message("user", text),), max_tokens=max_tokens, sampling=sampling, stop=stop)


def test_a_stop_string_ends_the_answer_and_is_not_part_of_it(backend: LocalBackend) -> None:
    pieces: list[str] = []
    whole = backend.chat(ask(TOKYO)).content
    reply = backend.chat(ask(TOKYO, stop=(whole[2:4],)), on_token=pieces.append)
    assert (reply.content, reply.finish_reason, "".join(pieces)) == (whole[:2], "stop", whole[:2])


def test_a_cut_answer_says_so(backend: LocalBackend) -> None:
    reply = backend.chat(ask("Who are you?", max_tokens=2))
    assert reply.finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 2


def test_a_seed_makes_a_draw_repeatable(backend: LocalBackend) -> None:
    def drawn(seed: int | None) -> str:
        return backend.chat(ask("Write a poem.", Sampling(3.0, 1.0, 0, 0.0, seed=seed), max_tokens=30)).content

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert drawn(None) != drawn(None)


def test_penalties_change_the_answer(backend: LocalBackend) -> None:
    plain = backend.chat(ask("Repeat: la la la la la la la la")).content
    penalised = backend.chat(ask("Repeat: la la la la la la la la", Sampling(temperature=0, repeat_penalty=5.0))).content
    assert plain != penalised


def test_what_was_asked_before_changes_nothing(backend: LocalBackend) -> None:
    rules = "".join(f"Rule {number}: be kind. " for number in range(40))
    question = Request((Message("system", rules), Message("user", TOKYO)), max_tokens=40, sampling=WILD)
    first = backend.chat(question)
    backend.chat(ask("Hello"))
    assert first.usage is not None
    assert first.usage.prompt_tokens > 256
    cold = backend.chat(question).content
    warm = backend.chat(question).content
    assert first.content == cold == warm


def test_a_prompt_that_does_not_fit_names_both_numbers() -> None:
    backend = LocalBackend(builtin.path(), LoadParameters(n_ctx=64, n_threads=1))
    try:
        with pytest.raises(ContextOverflow, match=r"prompt has \d{3} tokens, the context has room for 64") as caught:
            backend.chat(ask("word " * 100, max_tokens=None))
        assert "n_ctx: " in (caught.value.hint or "")
        with pytest.raises(ContextOverflow, match=r"max_tokens asks for 60 more, the context has room for 64"):
            backend.chat(ask(TOKYO, max_tokens=60))
        assert backend.chat(ask(TOKYO, max_tokens=10)).content == "Tokyo"
    finally:
        backend.close()


def test_an_answer_that_fills_the_context_is_an_overflow_unless_max_tokens_allows_it() -> None:
    backend = LocalBackend(builtin.path(), LoadParameters(n_ctx=64, n_threads=1))
    wild = Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0, seed=1)
    try:
        with pytest.raises(ContextOverflow, match=r"did not end within the context: \d+ tokens of prompt and \d+ of answer fill all 64"):
            backend.chat(ask("Tell me everything.", wild, max_tokens=None))
    finally:
        backend.close()


def test_characters_of_several_bytes_come_whole(backend: LocalBackend) -> None:
    pieces: list[str] = []
    reply = backend.chat(ask("Repeat: 日本語 👍 é", Sampling(3.0, 1.0, 0, 0.0, seed=3), max_tokens=200), on_token=pieces.append)
    assert "".join(pieces) == reply.content
    assert reply.content.encode().decode() == reply.content
