"""llm.*: what is sent, what comes back, what is refused."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.events import Token, Warned
from the_edge_agent.errors import ContextOverflow, LimitReached, ModelUnavailable, NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.events import Event

CAPITAL = "What is the capital of Japan? Respond with only the city name."
SHAPE = {"content", "model", "backend", "finish_reason", "usage", "tokens_used", "response"}


@pytest.mark.llm
@pytest.mark.parametrize("name", ["llm.call", "llm.chat", "llm.local.call", "llm.local.chat"])
def test_without_any_setting_the_model_on_this_machine_answers(local: Any, name: str) -> None:
    told: list[Event] = []
    result = local(name, prompt=CAPITAL, temperature=0, told=told)
    assert set(result) == SHAPE
    assert (result["content"], result["response"], result["backend"], result["finish_reason"]) == ("Tokyo", "Tokyo", "local", "stop")
    usage = result["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"] == result["tokens_used"] > 0
    assert "".join(event.text for event in told if isinstance(event, Token)) == "Tokyo"


@pytest.mark.llm
def test_local_stream_counts_its_pieces(local: Any) -> None:
    told: list[Event] = []
    result = local("llm.local.stream", messages=[{"role": "user", "content": CAPITAL}], temperature=0, told=told)
    assert result["streamed"] is True
    assert result["chunk_count"] == len([event for event in told if isinstance(event, Token)]) > 0


@pytest.mark.llm
def test_a_reply_cut_by_max_tokens_says_so(local: Any) -> None:
    result = local("llm.call", prompt=CAPITAL, temperature=0, max_tokens=1)
    assert result["finish_reason"] == "length"
    assert result["usage"]["completion_tokens"] == 1


@pytest.mark.llm
def test_local_actions_never_go_to_the_api_that_the_settings_name(local: Any, api: Any) -> None:
    settings = {"llm": {"provider": "openai", "api_base": api.url, "temperature": 0}}
    assert local("llm.local.chat", prompt=CAPITAL, settings=settings)["content"] == "Tokyo"
    assert api.asked == []


@pytest.mark.llm
def test_a_local_answer_stops_at_the_timeout_of_the_node(local: Any) -> None:
    with pytest.raises(LimitReached, match=r"within 0\.001 s"):
        local("llm.call", prompt="word " * 1500, timeout=0.001, n_ctx=2048)


@pytest.mark.llm
def test_a_prompt_that_does_not_fit_is_an_error(local: Any) -> None:
    with pytest.raises(ContextOverflow):
        local("llm.call", prompt="word " * 2000, n_ctx=256)


def test_a_model_path_that_does_not_exist_is_an_error(local: Any) -> None:
    with pytest.raises(ModelUnavailable, match=r"absent\.gguf"):
        local("llm.call", prompt="hi", model_path="absent.gguf")


def test_the_settings_are_defaults_and_the_node_wins(run: Any, api: Any) -> None:
    settings = {"llm": {"temperature": 0.5, "max_tokens": 9, "seed": 1, "stop": ["END"], "n_ctx": 512, "model_path": None}}
    run("llm.call", prompt="hi", settings=settings, temperature=0, extra={"logit_bias": {"5": 1}}, response_format={"type": "json_object"})
    sent = api.asked[0]
    assert (sent["model"], sent["temperature"], sent["max_tokens"], sent["seed"], sent["stop"]) == ("m", 0, 9, 1, ["END"])
    assert (sent["logit_bias"], sent["response_format"]) == ({"5": 1}, {"type": "json_object"})
    assert "n_ctx" not in sent
    assert sent["messages"] == [{"role": "user", "content": "hi"}]


def test_an_api_answer_has_the_one_shape(run: Any) -> None:
    result = run("llm.call", prompt="hi", system="be kind")
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert result == {
        "content": "hello",
        "model": "m",
        "backend": "api",
        "finish_reason": "stop",
        "usage": usage,
        "tokens_used": 7,
        "response": "hello",
    }


def test_stream_passes_every_piece_on(run: Any, api: Any) -> None:
    api.says("one two three")
    told: list[Event] = []
    result = run("llm.stream", prompt="hi", told=told)
    assert [event.text for event in told if isinstance(event, Token)] == ["one", " two", " three"]
    assert (result["content"], result["streamed"], result["chunk_count"]) == ("one two three", True, 3)
    assert run("llm.stream", prompt="hi")["chunk_count"] == 3


def test_a_system_message_of_the_settings_is_a_default(run: Any, api: Any) -> None:
    settings = {"llm": {"system": "default"}}
    run("llm.call", prompt="hi", settings=settings)
    run("llm.call", prompt="hi", system="own", settings=settings)
    run("llm.call", messages=[{"role": "system", "content": "first"}, {"role": "user", "content": "hi"}], settings=settings)
    assert [[turn["content"] for turn in body["messages"]] for body in api.asked] == [["default", "hi"], ["own", "hi"], ["first", "hi"]]


def test_templates_in_the_settings_see_the_state(run: Any, api: Any) -> None:
    run("llm.call", prompt="hi", settings={"llm": {"model": "{{ state.which }}"}}, state={"which": "chosen"})
    assert api.asked[0]["model"] == "chosen"


def test_chat_on_an_api_has_a_default_model_and_call_has_none(local: Any, api: Any) -> None:
    settings = {"llm": {"provider": "openai", "api_base": api.url}}
    assert local("llm.chat", prompt="hi", settings=settings)["model"] == "gpt-4o-mini"
    with pytest.raises(ModelUnavailable, match="needs a model"):
        local("llm.call", prompt="hi", settings=settings)


def test_a_failed_call_is_raised_unless_it_is_to_be_returned(run: Any, api: Any) -> None:
    api.says(400)
    with pytest.raises(NodeFailed, match="says 400"):
        run("llm.call", prompt="hi")
    error = run("llm.call", prompt="hi", on_error="return")
    assert (error["success"], error["status_code"], error["error_type"]) == (False, 400, "BadRequestError")
    assert "says 400" in error["error"]
    api.says("fine")
    assert run("llm.call", prompt="hi", on_error="return")["success"] is True


def test_retry_repeats_what_may_pass(run: Any, api: Any) -> None:
    api.says(503, 503, "at last")
    told: list[Event] = []
    assert run("llm.retry", prompt="hi", base_delay=0.01, told=told)["content"] == "at last"
    assert len(api.asked) == 3
    assert [event.code for event in told if isinstance(event, Warned)] == ["DEPRECATED_ACTION"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "needs .prompt. or .messages."),
        ({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "both"),
        ({"messages": []}, "at least one message"),
        ({"messages": ["hi"]}, r"messages\[0\] must be"),
        ({"messages": [{"role": "user", "text": "hi"}]}, r"messages\[0\] must be .* got the keys \['role', 'text'\]"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, r"messages\[0\]\.role must be"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": None}]},
            r"messages\[1\]\.content must be text, got null",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "must be text, got a list"),
        ({"messages": [{"role": "system", "content": "a"}], "system": "b"}, "has a system message"),
        ({"prompt": "a", "promt": "b"}, "no parameter 'promt'"),
        ({"prompt": "a", "temperature": "hot"}, "'temperature' must be number or null"),
        ({"prompt": "a", "n_ctx": 512}, "the api backend takes no parameter 'n_ctx'"),
    ],
)
def test_wrong_parameters_are_named_before_anything_is_sent(run: Any, api: Any, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        run("llm.call", **parameters)
    assert api.asked == []


@pytest.mark.parametrize("foreign", [{"response_format": {"type": "json_object"}}, {"extra": {"user": "x"}}, {"api_key": "k"}])
def test_a_local_model_takes_no_parameter_of_an_api(local: Any, foreign: dict[str, Any]) -> None:
    with pytest.raises(NodeFailed, match=f"the local backend takes no parameter '{next(iter(foreign))}'"):
        local("llm.call", prompt="hi", provider="local", **foreign)


def test_a_typing_error_in_the_settings_is_an_error(run: Any, api: Any) -> None:
    with pytest.raises(NodeFailed, match=r"settings\.llm has no key 'temprature'"):
        run("llm.call", prompt="hi", settings={"llm": {"temprature": 1}})
    assert api.asked == []


def test_text_parts_are_joined(run: Any, api: Any) -> None:
    run("llm.call", messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])
    assert api.prompts == ["ab"]


def test_a_command_answers_what_it_is_given(local: Any) -> None:
    messages = [{"role": role, "content": role[0].upper()} for role in ("system", "user", "assistant")]
    settings = {"llm": {"temperature": 0, "shell_providers": {"copy": {"command": "cat"}}}}
    result = local("llm.call", provider="shell", shell_provider="copy", messages=messages, settings=settings)
    assert result["content"] == "System: S\n\nU\n\nAssistant: A"
    assert (result["provider"], result["shell_provider"], result["usage"], result["tokens_used"]) == ("shell", "copy", {}, None)
    with pytest.raises(NodeFailed, match="the shell backend takes no parameter 'seed'"):
        local("llm.call", provider="shell", shell_provider="copy", messages=messages, settings=settings, seed=1)


def test_a_cancelled_node_stops_a_call_in_flight(local: Any) -> None:
    settings = {"llm": {"shell_providers": {"slow": {"command": "sleep", "args": ["60"]}}}}
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.request).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        local("llm.call", provider="shell", shell_provider="slow", prompt="", settings=settings, cancellation=cancellation)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("a", "b", "cosine", "word"),
    [
        ([1, 0], [1, 0], 1.0, "Very similar"),
        ([1, 0], [0, 1], 0.0, "Not similar"),
        ([1, 2, 3], [-1, -2, -3], -1.0, "Not similar"),
        ([1e200, 1e200], [1e200, 0], 0.5**0.5, "Similar"),
    ],
)
def test_similarity_of_vectors(local: Any, a: list[float], b: list[float], cosine: float, word: str) -> None:
    result = local("llm.similarity", vector_a=a, vector_b=b)
    assert result == {"cosine_similarity": pytest.approx(cosine), "interpretation": word}


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([1], [1, 2], "1 and 2 numbers"), ([0, 0], [1, 2], "zeros"), ([], [], "empty"), (["1"], [1], "'vector_a' must be a list of numbers")],
)
def test_vectors_that_cannot_be_compared(local: Any, a: list[Any], b: list[Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        local("llm.similarity", vector_a=a, vector_b=b)


@pytest.mark.parametrize(
    ("llm", "message"),
    [
        ({"temperature": "warm"}, "temperature must be a number from 0 to 100, not 'warm'"),
        ({"seed": 1.5}, "seed must be a whole number, not 1.5"),
        ({"stop": ["a", 1]}, "'stop' must be a text or a list of texts"),
    ],
)
def test_defaults_of_a_wrong_kind_are_named(run: Any, api: Any, llm: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeFailed, match=message):
        run("llm.call", prompt="hi", settings={"llm": llm})
    assert api.asked == []
