"""A training example: one conversation, and the exact text a model sees of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the assistant makes; ``arguments`` are JSON data."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. ``graded`` marks an assistant turn whose text has one right answer: evaluation compares it."""

    role: Role
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    graded: bool = True


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the assistant may call; ``parameters`` is name → JSON type, those in ``optional`` may be left out."""

    name: str
    description: str
    parameters: dict[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()

    def openai(self) -> dict[str, Any]:
        """The tool as an OpenAI-style mapping, which is what chat templates are given."""
        schema = {
            "type": "object",
            "properties": {name: {"type": kind} for name, kind in self.parameters.items()},
            "required": [name for name in self.parameters if name not in self.optional],
        }
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": schema}}


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation. ``skill`` and ``kind`` (a finer label such as ``absent``) sort the evaluation's table."""

    turns: tuple[Turn, ...]
    skill: str
    kind: str = ""
    tools: tuple[Tool, ...] = ()


def system(content: str) -> Turn:
    """A message of the system."""
    return Turn("system", content)


def user(content: str) -> Turn:
    """A message of the user."""
    return Turn("user", content)


def assistant(content: str = "", *calls: ToolCall, graded: bool = True) -> Turn:
    """An answer, a call of tools, or both; ``graded`` as for :class:`Turn`."""
    return Turn("assistant", content, calls, graded)


def tool(content: str) -> Turn:
    """What a tool gave."""
    return Turn("tool", content)


TOOLS_HEAD = "# Tools\n<tools>\n"
TOOLS_TAIL = '</tools>\nTo call a tool, reply with <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>'


def signature(tool_: Tool) -> str:
    """A tool as the template writes it: ``name(arg: type, opt?: type): description``, a fifth of its JSON schema's tokens."""
    arguments = ", ".join(f"{name}{'?' if name in tool_.optional else ''}: {kind}" for name, kind in tool_.parameters.items())
    return f"{tool_.name}({arguments}): {tool_.description}\n"


def call_text(call: ToolCall) -> str:
    """A call as the assistant writes it."""
    body = f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {json.dumps(call.arguments, ensure_ascii=False)}}}'
    return f"<tool_call>\n{body}\n</tool_call>"


def render(chat: Chat) -> Iterator[tuple[str, bool]]:
    """The text of ``chat`` in pieces, each with whether the model is to learn to write it.

    The chat template in the GGUF (``template.jinja``) gives the same text for the same messages; a test compares them.
    """
    turns = list(chat.turns)
    head = turns.pop(0).content if turns and turns[0].role == "system" else ""
    if chat.tools:
        head = (head + "\n\n" if head else "") + TOOLS_HEAD + "".join(map(signature, chat.tools)) + TOOLS_TAIL
    if head:
        yield f"<|im_start|>system\n{head}<|im_end|>\n", False
    for turn in turns:
        if turn.role == "assistant":
            yield "<|im_start|>assistant\n", False
            yield "\n".join([*([turn.content] if turn.content else []), *map(call_text, turn.calls)]) + "<|im_end|>", True
            yield "\n", False
        elif turn.role == "tool":
            yield f"<|im_start|>user\n<tool_response>\n{turn.content}\n</tool_response><|im_end|>\n", False
        else:
            yield f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n", False
