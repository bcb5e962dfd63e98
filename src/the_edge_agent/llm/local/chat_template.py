"""The chat template a GGUF brings along, rendered in a sandbox.

A template decides how turns are marked. What a message says must not be able to mark turns itself: the
texts of the model's control tokens are broken up wherever they occur in a message, and :meth:`ChatTemplate.render`
returns the pieces between the breaks, to be tokenized one by one. A message without such texts is
rendered exactly as the template has it, in one piece.
"""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from the_edge_agent.errors import ModelUnavailable, NodeFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from the_edge_agent.llm.protocol import Message

_PRIVATE = range(0xE000, 0xF900)
"""Unicode's private use area: no template and hardly a text uses all of it."""


class _TemplateRefusal(Exception):
    """A template called ``raise_exception``."""


class ChatTemplate:
    """One model's template, compiled. Safe to use from several threads.

    ``control`` are the texts of the model's control tokens.
    """

    def __init__(self, source: str, *, bos: str = "", eos: str = "", control: Iterable[str] = ()) -> None:
        """Compile ``source``; raises :class:`ModelUnavailable` when it is no Jinja template."""
        from jinja2 import TemplateError
        from jinja2.ext import LoopControlExtension
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[LoopControlExtension])
        environment.filters["tojson"] = _tojson
        environment.globals.update(raise_exception=_refuse, strftime_now=_now, bos_token=bos, eos_token=eos)
        try:
            self._template = environment.from_string(source)
        except TemplateError as problem:
            raise ModelUnavailable(
                f"the model's chat template is broken: {problem}", hint="get another file of this model, or another model"
            ) from problem
        self._source = source
        self._control = tuple(text for text in control if len(text) > 1)
        self._complete: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def render(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """The prompt that asks for the next answer, in pieces that must not be joined before tokenizing.

        Raises:
            NodeFailed: there is no message, the template refuses these messages, or it would leave one of them out.
        """
        if not messages:
            raise NodeFailed("there is no message for the model", error_type="TemplateRefused", hint="give prompt: or messages:")
        self._check_complete(messages)
        mark = self._unused(messages)
        turns = [{"role": self._broken(turn.role, mark), "content": self._broken(turn.content, mark)} for turn in messages]
        return tuple(piece for piece in self._rendered(turns, messages).split(mark) if piece)

    def _check_complete(self, messages: Sequence[Message]) -> None:
        """Some templates drop a system message without a word; found out once for every order of roles."""
        roles = tuple(message.role for message in messages)
        with self._lock:
            if roles in self._complete:
                return
        probes = [f"probe{number}q{number * 7919}" for number in range(len(messages))]
        turns = [{"role": role, "content": probe} for role, probe in zip(roles, probes, strict=True)]
        text = self._rendered(turns, messages)
        for number, probe in enumerate(probes):
            if probe not in text:
                raise NodeFailed(
                    f"the model's chat template leaves out message {number + 1} of {len(messages)} (role {roles[number]!r})",
                    error_type="TemplateRefused",
                    hint="put its text into the user message; this model knows no such role",
                )
        with self._lock:
            self._complete.add(roles)

    def _rendered(self, turns: list[dict[str, str]], messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        try:
            return self._template.render(messages=turns, add_generation_prompt=True)
        except _TemplateRefusal as refusal:
            reason = str(refusal)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as problem:
            reason = f"{type(problem).__name__}: {problem}"
        roles = ", ".join(message.role for message in messages)
        raise NodeFailed(
            f"the model's chat template refuses these messages (roles: {roles}): {reason}",
            error_type="TemplateRefused",
            hint="use an optional system message first, then user and assistant in turn, a user message last",
        )

    def _broken(self, text: str, mark: str) -> str:
        for token in self._control:
            if token in text:
                text = text.replace(token, token[0] + mark + token[1:])
        return text

    def _unused(self, messages: Sequence[Message]) -> str:
        taken = set(self._source).union(*(message.content + message.role for message in messages))
        free = next((chr(point) for point in _PRIVATE if chr(point) not in taken), None)
        if free is None:
            raise NodeFailed("the messages use all of Unicode's private use area", error_type="TemplateRefused")
        return free


def chat_template(source: str | None, *, model: str, bos: str = "", eos: str = "", control: Iterable[str] = ()) -> ChatTemplate:
    """The template ``source`` of ``model``; raises :class:`ModelUnavailable` where the file has none."""
    if not source or not source.strip():
        raise ModelUnavailable(
            f"the model {model} has no chat template, so it cannot take part in a conversation",
            hint="use an instruction-tuned ('it', 'instruct', 'chat') GGUF of this model",
        )
    return ChatTemplate(source, bos=bos, eos=eos, control=control)


def _refuse(message: object) -> NoReturn:
    raise _TemplateRefusal(str(message))


def _now(layout: str) -> str:
    return datetime.now().astimezone().strftime(layout)


def _tojson(value: Any, indent: int | None = None, **options: Any) -> str:
    """JSON as templates expect it: not escaped for HTML, Unicode as it is."""
    allowed: Mapping[str, Any] = {key: options[key] for key in ("sort_keys", "separators") if key in options}
    return json.dumps(value, ensure_ascii=False, indent=indent, **allowed)
