"""What the training renders and what the chat template renders is the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

import tea_training
from tea_training.corpus import mixture
from tea_training.corpus.chat import Chat, render
from tea_training.corpus.draw import Draw
from tea_training.evaluate import messages
from the_edge_agent.llm.local import chat_template

SOURCE = (Path(tea_training.__file__).parent / "template.jinja").read_text(encoding="utf-8").strip()


def _openai(chat: Chat) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for turn in chat.turns:
        calls = [{"type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in turn.calls]
        made.append({"role": turn.role, "content": turn.content} | ({"tool_calls": calls} if calls else {}))
    return made


@pytest.mark.parametrize("skill", mixture.SHARES)
def test_template_and_training_render_alike(skill: str) -> None:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = chat_template._tojson
    template = environment.from_string(SOURCE)
    draw = Draw(77)
    for _ in range(60):
        chat = mixture.skills()[skill](draw)
        tools = [tool.openai() for tool in chat.tools] or None
        assert template.render(messages=_openai(chat), tools=tools) == "".join(text for text, _ in render(chat))


def test_evaluation_asks_the_prompts_that_training_showed() -> None:
    template = chat_template.ChatTemplate(SOURCE)
    draw = Draw(78)
    for _ in range(300):
        chat = mixture.chat(draw)
        at = max(number for number, turn in enumerate(chat.turns) if turn.role == "assistant")
        seen = "".join(text for text, _ in render(Chat(chat.turns[:at], chat.skill, tools=chat.tools)))
        assert "".join(template.render(messages(chat, at))) == f"{seen}<|im_start|>assistant\n"
