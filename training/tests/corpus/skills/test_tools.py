"""Calls fit the tools that are offered, and answers their results."""

from __future__ import annotations

import json
import re
from itertools import pairwise

from tea_training.corpus.skills import tools
from training.tests.corpus.skills.chats import JSON_TYPES, answers, both, leaves


def test_calls_fit_their_tools() -> None:
    calls = 0
    for chat in both(tools):
        offered = {tool.name: tool for tool in chat.tools}
        assert len(offered) == len(chat.tools) > 0
        said = ""
        for turn in chat.turns:
            if turn.role == "user":
                said = turn.content
            for call in turn.calls:
                calls += 1
                tool = offered[call.name]
                assert set(call.arguments) <= set(tool.parameters)
                assert set(tool.parameters) - set(call.arguments) <= tool.optional
                assert [name for name in tool.parameters if name in call.arguments] == list(call.arguments)
                for name, value in call.arguments.items():
                    assert isinstance(value, JSON_TYPES[tool.parameters[name]])
                    for leaf in leaves(value):
                        words_said = said.lower() + " what about and times plus minus"
                        assert str(leaf).lower() in words_said or " " in str(leaf) or isinstance(leaf, bool), (said, call)
    assert calls > 2000


def test_without_a_tool_there_is_no_call() -> None:
    for chat in both(tools):
        if chat.kind == "no tool":
            assert not any(turn.calls for turn in chat.turns)
            assert answers(chat) == [tools.NO_TOOL]


def test_a_missing_argument_is_asked_for_by_its_name() -> None:
    for chat in both(tools):
        if chat.kind == "missing argument":
            asked_for = re.fullmatch(r"Please tell me the (.+)\.", answers(chat)[0])
            assert asked_for
            assert any(
                asked_for[1] == name.replace("_", " ") for tool in chat.tools for name in tool.parameters if name not in tool.optional
            )


def test_answers_tell_what_the_tool_gave() -> None:
    for chat in both(tools):
        for before, turn in pairwise(chat.turns):
            if before.role != "tool" or not turn.content or chat.kind == "error" or not before.content.startswith("{"):
                continue
            result = json.loads(before.content)
            for leaf in leaves({key: value for key, value in result.items() if key not in {"status", "sent", "created", "ok"}}):
                assert str(leaf) in turn.content, (before.content, turn.content)
