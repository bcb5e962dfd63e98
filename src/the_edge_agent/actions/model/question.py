"""A question to a model: what every action that needs one shares.

One table of parameters, one table of defaults (``settings.llm``), one result shape, one error rule, and one way
to find JSON in a reply. The actions add prompts and order.
"""

from __future__ import annotations

import inspect
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_type_hints

from the_edge_agent import peers
from the_edge_agent.actions import registry
from the_edge_agent.actions.needs import ASKS, Needs
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.scope import Scope
from the_edge_agent.errors import LimitReached, NodeFailed, Problem, TeaError
from the_edge_agent.llm.protocol import Message, OnToken, Reply, Request
from the_edge_agent.parameters import PARAMETERS, Sampling, numbers, takers
from the_edge_agent.redaction import Redactor
from the_edge_agent.workflow.dialect import LLM
from the_edge_agent.workflow.grammar import FREE_PREFIX

if TYPE_CHECKING:
    from the_edge_agent.llm.connect import Models
    from the_edge_agent.llm.policy import Choice

Json = Any
F = TypeVar("F", bound=Callable[..., Any])

RETURNS = "{content, model, backend, finish_reason, usage, tokens_used, response}"
"""The one result shape, for the ``returns`` of an action."""


_RETRIES = frozenset({"max_retries", "base_delay", "max_delay"})


def declared(*, embedding: bool = False, local: bool = False, retries: bool = True) -> dict[str, Any]:
    """The parameters of an action that asks a model, each with the type of its value; null is the same as not given.

    ``embedding``: it embeds texts; ``local``: it asks only models on this machine, which leaves nothing to choose or to repeat;
    ``retries``: it leaves repeating to the backend.
    """
    names = [name for name in PARAMETERS if takers(name, embedding=embedding) and (retries or name not in _RETRIES)]
    if local:
        names = [name for name in names if "local" in takers(name, embedding=embedding) and name not in _RETRIES | {"provider", "backend"}]
    return {**{name: PARAMETERS[name].kind | None for name in names}, "on_error": Literal["raise", "return"]}


MODEL_PARAMETERS = declared()
"""What any model can be told, which one is meant, and how often a question is repeated when an API cannot answer now."""


def model_action(
    name: str,
    *,
    returns: str = RETURNS,
    parameters: Mapping[str, Any] = MODEL_PARAMETERS,
    one_of: tuple[str, ...] = (),
    needs: Needs = ASKS,
) -> Callable[[F], F]:
    """Declare an action that asks a model: its ``**rest`` stands for ``parameters``; ``needs`` says which model, by default the one of these.

    The declared function gets of those only what was given and is not null. With ``on_error: return`` a
    failure comes back as ``{error, error_type, success: false}`` instead of being raised, a success with ``success: true``.
    """

    def declare(function: F) -> F:
        @wraps(function)
        def call(scope: Scope, /, **given: Any) -> Json:
            returning = given.pop("on_error", None) == "return"
            known = {key: value for key, value in given.items() if value is not None or key not in parameters}
            try:
                result = function(scope, **known)
            except TeaError as error:
                if not returning:
                    raise
                return failure(Redactor(scope.host.secrets.values()).error(error))
            return {**result, "success": result.get("success", True)} if returning else result

        _spell_out(call, function, parameters)
        return registry.action(name, returns=returns, needs=needs, one_of=one_of)(call)  # type: ignore[return-value]

    return declare


def _spell_out(call: Any, function: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Give ``call`` the signature of ``function`` with its ``**rest`` replaced by one keyword each."""
    # Modules of actions import Scope for type checkers only.
    own_hints = get_type_hints(function, localns={"Scope": Scope})
    own = [
        each.replace(annotation=own_hints.get(each.name, Any))
        for each in inspect.signature(function).parameters.values()
        if each.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    more = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for key, kind in parameters.items()]
    call.__signature__ = inspect.Signature([*own, *more])


def failure(error: TeaError) -> dict[str, Json]:
    """The error object of ``on_error: return``; ``status_code`` where an API gave one."""
    kind = error.error_type if isinstance(error, NodeFailed) else type(error).__name__
    status = getattr(error.__cause__, "status", None)
    more = {"status_code": status} if isinstance(status, int) else {}
    return {"error": error.message, "error_type": kind, "success": False, **more}


def conversation(*, prompt: str | None = None, system: str | None = None, messages: object = None) -> tuple[Message, ...]:
    """The messages of a call; exactly one of ``prompt`` and ``messages`` is needed.

    Raises :class:`NodeFailed` that names the entry which is wrong.
    """
    if (prompt is None) == (messages is None):
        fault = "neither of them" if prompt is None else "both"
        raise NodeFailed(f"expected either 'prompt' or 'messages', got {fault}", hint="write with: {prompt: ...}")
    turns = [Message("user", prompt)] if prompt is not None else _turns(messages)
    if system is None:
        return tuple(turns)
    if any(turn.role == "system" for turn in turns):
        raise NodeFailed("'system' is given although 'messages' has a system message", hint="keep one of the two")
    return (Message("system", system), *turns)


def _turns(messages: object) -> list[Message]:
    if not isinstance(messages, list) or not messages:
        raise NodeFailed("'messages' must be a list with at least one message", hint="write messages: [{role: user, content: ...}]")
    return [_turn(each, f"messages[{number}]") for number, each in enumerate(messages)]


def _turn(entry: object, where: str) -> Message:
    if not isinstance(entry, Mapping) or set(entry) != {"role", "content"}:
        got = f"the keys {sorted(map(str, entry))}" if isinstance(entry, Mapping) else _kind(entry)
        raise NodeFailed(f"{where} must be {{role, content}}, got {got}", hint="write {role: user, content: ...}")
    role, content = entry["role"], entry["content"]
    if role not in ("system", "user", "assistant"):
        raise NodeFailed(f"{where}.role must be system, user or assistant, got {role!r}")
    if isinstance(content, list) and content and all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise NodeFailed(f"{where}.content must be text, got {_kind(content)}", hint="turn a value into text with | tojson")
    return Message(role, content)


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", bool: "a boolean", int: "a number", float: "a number", type(None): "null", str: "text"}
    return names.get(type(value), type(value).__name__)


def text_of(value: Json) -> str:
    """``value`` as a prompt shows it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def ask(
    scope: Scope, messages: Sequence[Message], parameters: Mapping[str, Any], *, live: bool = True, action: str = "llm.call"
) -> dict[str, Json]:
    """Ask the model that ``parameters``, ``settings.llm`` and the user choose; the answer in the one result shape.

    ``live`` passes the answer on piece by piece as token events; without it, an answer can still be given up between
    two pieces. ``action`` is what the node uses, where that
    decides about the backend. Raises what :meth:`Backend.chat` raises, and :class:`NodeFailed` for a parameter that the chosen backend
    does not take. ``timeout`` is in seconds.
    """
    on_token = (scope.token if scope.emit is not None else None) if live else _ignore
    reply = _reply(scope, messages, parameters, on_token, action)
    return _result(reply)


def ask_in_pieces(scope: Scope, messages: Sequence[Message], parameters: Mapping[str, Any], *, action: str) -> dict[str, Json]:
    """:func:`ask`, and how many pieces the answer came in."""
    reply = _reply(scope, messages, parameters, scope.token, action)
    return {**_result(reply), "streamed": True, "chunk_count": reply.chunks}


def _reply(scope: Scope, messages: Sequence[Message], parameters: Mapping[str, Any], on_token: OnToken | None, action: str) -> Reply:
    given = {key: value for key, value in parameters.items() if value is not None}
    settings = rendered_settings(scope)
    choice = chosen(scope, given, settings, action, embedding=False)
    defaults = {
        key: value for key, value in settings["llm"].items() if choice.backend in takers(key, embedding=False) and value is not None
    }
    system = settings["llm"].get("system")
    if system is not None and not any(message.role == "system" for message in messages):
        messages = (Message("system", text_of(system)), *messages)
    # An API keeps its own time. Anything else is stopped from here, and only when the node asks for it:
    # settings.llm.timeout is written with a network in mind.
    limit = None if choice.backend == "api" else given.get("timeout")
    backend = scope.host.models.chat(choice)
    with deadline(scope.cancellation, limit) as cancellation:
        reply: Reply = backend.chat(_request(tuple(messages), defaults | given), on_token=on_token, cancellation=cancellation)
    return reply


def chosen(scope: Scope, given: Mapping[str, Any], settings: Mapping[str, Any], action: str, *, embedding: bool) -> Choice:
    """The model that answers, or embeds, a node that gave these parameters under ``settings``. Loads nothing.

    Raises what :func:`~the_edge_agent.llm.policy.choose` raises, and :class:`NodeFailed` for a parameter that the chosen backend
    does not take.
    """
    from the_edge_agent.llm.policy import choose, choose_embedding

    models: Models = scope.host.models
    base = scope.workflow.path.parent if scope.workflow.path else Path.cwd()
    decide = choose_embedding if embedding else choose
    choice = decide(given, settings, models.options, models.environ, base, action=action, node=scope.node)
    for key in given:
        takes = takers(key, embedding=embedding)
        if choice.backend not in takes:
            homes = " or ".join(name for name in ("local", "api", "shell") if name in takes)
            hint = f"remove it, or choose a backend that takes it ({homes})" if homes else "remove it"
            raise NodeFailed(f"the {choice.backend} backend takes no parameter {key!r}", hint=hint)
    return choice


def _ignore(_piece: str) -> None:
    """Take a piece of an answer that is not to be shown yet."""


def rendered_settings(scope: Scope) -> dict[str, Any]:
    """The workflow's settings with ``llm`` rendered; raises :class:`NodeFailed` for a key that is no parameter."""
    settings = dict(scope.workflow.settings)
    llm = settings.get("llm") or {}
    if not isinstance(llm, Mapping):
        raise NodeFailed(f"settings.llm must be a mapping, got {_kind(llm)}", hint="write settings: {llm: {model_path: ...}}")
    known = {key.name for key in LLM.keys}
    unknown = sorted(key for key in llm if key not in known.union(peers.ignored("settings.llm")) and not str(key).startswith(FREE_PREFIX))
    if unknown:
        raise NodeFailed(f"settings.llm has no key {unknown[0]!r}", hint=f"it takes: {', '.join(sorted(known))}")
    own = {key: value for key, value in llm.items() if key != "shell_providers"}
    settings["llm"] = {**llm, **_rendered(scope, own)}
    return settings


def _rendered(scope: Scope, data: dict[str, Any]) -> dict[str, Any]:
    if not any(isinstance(value, str) and "{{" in value for value in data.values()):
        return data
    from the_edge_agent.workflow.template import compile_value

    problems: list[Problem] = []
    value = compile_value(data, key="settings.llm", spot_of=lambda _path: None, report=problems.append)
    if problems:
        raise NodeFailed(problems[0].message, hint=problems[0].hint)
    rendered: dict[str, Any] = value.render(scope.context())
    return rendered


def _request(messages: tuple[Message, ...], effective: Mapping[str, Any]) -> Request:
    sampling = Sampling(**{name: effective[name] for name in numbers(Sampling) if name in effective})
    extra = dict(effective.get("extra") or {})
    if effective.get("response_format") is not None:
        extra["response_format"] = effective["response_format"]
    return Request(messages, effective.get("max_tokens"), _stops(effective.get("stop")), sampling, extra)


def _stops(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) and each for each in found):
        raise NodeFailed(f"'stop' must be a text or a list of texts, none of them empty, got {text_of(value)[:40]}")
    return tuple(found)


def _result(reply: Reply) -> dict[str, Json]:
    usage = reply.usage
    counts = {each: getattr(usage, each) for each in ("prompt_tokens", "completion_tokens", "total_tokens")} if usage else {}
    result: dict[str, Json] = {
        "content": reply.content,
        "model": reply.model,
        "backend": reply.backend,
        "finish_reason": reply.finish_reason,
        "usage": counts,
        "tokens_used": counts.get("total_tokens"),
        "response": reply.content,
    }
    if reply.backend == "shell":
        result |= {"provider": "shell", "shell_provider": reply.model}
    return result


@contextmanager
def deadline(parent: Cancellation, seconds: float | None) -> Iterator[Cancellation]:
    """A cancellation below ``parent`` that is requested after ``seconds``; then :class:`LimitReached` is raised."""
    if seconds is None:
        yield parent
        return
    own = Cancellation(parent)
    timer = threading.Timer(seconds, own.request)
    timer.daemon = True
    timer.start()
    try:
        yield own
    except Cancelled:
        if parent.requested:
            raise
        raise LimitReached(f"the model did not answer within {seconds:g} s", hint="raise 'timeout' or lower 'max_tokens'") from None
    finally:
        timer.cancel()


_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
_TRIES = 100


def mapping_in(text: str) -> dict[str, Json] | None:
    """The JSON mapping a reply holds: the whole text, else a fenced block, else the first ``{…}`` that is one.

    A leading ``<think>`` block is skipped. Numbers that JSON does not have (NaN, Infinity) do not count.
    """
    text = _THOUGHTS.sub("", text)
    for candidate in (text, *_FENCE.findall(text)):
        found = _mapping_at(candidate.strip(), 0, whole=True)
        if found is not None:
            return found
    starts = (match.start() for match in re.finditer(r"\{", text))
    for _, start in zip(range(_TRIES), starts, strict=False):
        found = _mapping_at(text, start, whole=False)
        if found is not None:
            return found
    return None


def _mapping_at(text: str, start: int, *, whole: bool) -> dict[str, Json] | None:
    try:
        value, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and (not whole or end == len(text)) else None


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")
