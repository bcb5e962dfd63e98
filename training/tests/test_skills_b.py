"""Extraction, classification, tools, relations and rewriting: what the generators make is well-formed and right."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tea_training.corpus import words
from tea_training.corpus.chat import Chat, render
from tea_training.corpus.draw import Draw, Split, held_out
from tea_training.corpus.skills import classification, extraction, relations, rewriting, tools

if TYPE_CHECKING:
    from types import ModuleType

SKILLS = (extraction, classification, tools, relations, rewriting)
COUNTS: dict[Split, int] = {"train": 2500, "test": 500}
JSON_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list}
SPLITS: tuple[Split, ...] = ("train", "test")


@cache
def chats(skill: ModuleType, split: Split, seed: int = 11) -> tuple[Chat, ...]:
    draw = Draw(seed, split)
    return tuple(skill.chat(draw) for _ in range(COUNTS[split]))


def both(skill: ModuleType) -> list[Chat]:
    return [chat for split in SPLITS for chat in chats(skill, split)]


def whole(chat: Chat) -> str:
    return "".join(text for text, _ in render(chat))


def asked(chat: Chat) -> str:
    """Everything the model is given."""
    return "\n".join(turn.content for turn in chat.turns if turn.role != "assistant")


def answers(chat: Chat) -> list[str]:
    return [turn.content for turn in chat.turns if turn.role == "assistant"]


each_skill = pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: str(skill.NAME))
each_split = pytest.mark.parametrize("split", SPLITS)


@each_skill
@each_split
def test_chats_are_well_formed(skill: ModuleType, split: Split) -> None:
    for chat in chats(skill, split):
        assert chat.skill == skill.NAME
        assert chat.kind
        roles = [turn.role for turn in chat.turns]
        assert roles[-1] == "assistant"
        assert "system" not in roles[1:]
        for before, role in pairwise(roles):
            assert (before, role) in {
                ("system", "user"),
                ("user", "assistant"),
                ("assistant", "user"),
                ("assistant", "tool"),
                ("tool", "assistant"),
            }
        for turn in chat.turns:
            assert turn.content or turn.calls
            assert turn.content == turn.content.strip()
            assert "{}" not in turn.content.replace('": {}', "") or turn.role == "tool", turn.content
            assert "  " not in turn.content, turn.content
            assert not re.search(r" \n|\{[a-z]\}", turn.content), turn.content
        assert len(whole(chat)) < 4000


@each_skill
def test_a_seed_gives_the_same_chats(skill: ModuleType) -> None:
    draw = Draw(11)
    assert [skill.chat(draw) for _ in range(300)] == list(chats(skill, "train")[:300])
    assert skill.chat(Draw(12)) != skill.chat(Draw(11))


@each_skill
def test_no_names_of_the_test_half_in_training(skill: ModuleType) -> None:
    # Words which also mean something else (June, Rose, Max …) or belong to a pool that is not split are left out.
    spoken = (
        set(words.FIRST_NAMES + words.COMPANIES + words.CITIES)
        - set(words.CAPITALS)
        - {name for name in words.FIRST_NAMES if name in words.MONTHS}
    )
    secret = {name for name in spoken if held_out(f"entity:{name}", 8)}
    seen = {word for chat in chats(skill, "train") for word in re.findall(r"[A-Z][a-z]+", whole(chat))}
    allowed = {part for name in (*words.LAST_NAMES, *words.COMPANY_KINDS, *words.CITIES) for part in name.split()}
    assert {name for name in secret & seen if name not in allowed} <= {word.capitalize() for word in seen_in_templates()}


def seen_in_templates() -> set[str]:
    """Lower-case words of the pools, which a capital at the start of a sentence may turn into a name."""
    return {
        part
        for pool in (words.THINGS, words.FRUITS, words.ANIMALS, words.FOODS, words.COLORS, words.JOBS, words.HOBBIES)
        for item in pool
        for part in item.split()
    }


@each_skill
def test_hardly_anything_of_the_test_is_in_training(skill: ModuleType) -> None:
    known = {whole(chat) for chat in chats(skill, "train")}
    tested = [whole(chat) for chat in chats(skill, "test")]
    assert len(set(tested)) > 0.97 * len(tested)
    assert sum(text in known for text in tested) <= (0.01 * len(tested) if skill is not classification else 0.05 * len(tested))


@each_skill
def test_there_is_much_variety(skill: ModuleType) -> None:
    assert len({whole(chat) for chat in chats(skill, "train")}) > 0.97 * COUNTS["train"]


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_extracted_values_stand_in_the_text() -> None:
    for chat in both(extraction):
        for answer in answers(chat):
            value = json.loads(answer)
            assert json.dumps(value, ensure_ascii=False) == answer
            for leaf in leaves(value):
                if leaf is not None and not isinstance(leaf, bool):
                    assert str(leaf) in asked(chat), (answer, asked(chat))


def test_extracted_keys_were_asked_for_in_that_order() -> None:
    for chat in both(extraction):
        if chat.kind not in {"keys", "schema", "example", "missing", "unknown keys", "standing", "invoice", "signature"}:
            continue
        prompt = asked(chat)
        keys = list(json.loads(answers(chat)[0]))
        assert all(key in prompt for key in keys)
        if chat.kind == "schema" and '{"type": "object"' in prompt:
            start = prompt.index('{"type": "object"')
            schema, _ = json.JSONDecoder().raw_decode(prompt[start:])
            assert list(schema["properties"]) == keys
            for key, value in json.loads(answers(chat)[0]).items():
                kind = schema["properties"][key]["type"]
                assert value is None or isinstance(value, JSON_TYPES[kind])


def test_what_a_text_does_not_say_is_null() -> None:
    missing = [chat for chat in both(extraction) if chat.kind == "missing"]
    assert len(missing) > 100
    assert all(None in json.loads(answers(chat)[0]).values() for chat in missing)


def test_labels_are_written_as_in_the_prompt() -> None:
    for chat in both(classification):
        prompt = asked(chat)
        for answer in answers(chat):
            label = next(iter(json.loads(answer).values())) if answer.startswith("{") else answer
            if chat.kind == "yes/no":
                assert label.lower() in {"yes", "no", "true", "false"}
                assert label in prompt or label.lower() in prompt.lower()
            elif chat.kind == "sentiment" and label not in prompt:
                assert label in {"positive", "negative", "neutral"}
            else:
                assert label in prompt


def test_sentiments_agree_with_the_words_of_the_text() -> None:
    for chat in both(classification):
        users = [turn.content for turn in chat.turns if turn.role == "user"]
        if chat.kind != "sentiment" or len(users) > 1:
            continue
        text, label = asked(chat), answers(chat)[0].lower()
        if "recommend the" in text or "first" in text:
            continue
        if re.search(r"\b(I love this|Best \w+ ever|works perfectly)\b", text):
            assert re.search("pos|good|happy|^[123]|\\{", label), (text, label)
        if re.search(r"\b(I hate this|Worst \w+ ever|does not work)\b", text):
            assert re.search("neg|bad|unhappy|^[123]|\\{", label), (text, label)


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


FACT = re.compile(r"[a-z][a-z0-9_]*\([a-z0-9][a-z0-9_]*(, [a-z0-9][a-z0-9_]*){0,2}\)\.")


def test_facts_are_prolog_and_name_what_the_sentence_names() -> None:
    for chat in both(relations):
        if chat.kind not in {"fixed predicates", "own words"}:
            continue
        text = asked(chat).lower()
        for line in "\n".join(answers(chat)).splitlines():
            assert FACT.fullmatch(line), line
            for argument in line[line.index("(") + 1 : -2].split(", "):
                assert argument.replace("_", " ") in text, (line, text)


def test_fixed_predicates_are_used() -> None:
    for chat in both(relations):
        if chat.kind == "fixed predicates":
            for line in answers(chat)[0].splitlines():
                name, arity = line[: line.index("(")], line.count(",") + 1
                signature = f"{name}({', '.join('XYZ'[:arity])})"
                assert f"{name}/{arity}" in asked(chat) or signature in asked(chat)


def test_yes_and_no_follow_from_the_facts() -> None:
    checked = 0
    for chat in both(relations):
        if chat.kind != "yes/no":
            continue
        *facts, question = [line for line in chat.turns[0].content.splitlines() if line]
        goal = re.search(r"[a-z_]+\([^()]*\)", question)
        if goal:
            checked += 1
            assert (f"{goal[0]}." in facts) == (answers(chat)[0].lower() in {"yes", "true"})
    assert checked > 50


def test_english_of_a_fact_has_its_arguments() -> None:
    for chat in both(relations):
        if chat.kind == "to English":
            found = re.search(r"\(([^()]+)\)\.", asked(chat))
            assert found
            assert all(argument.replace("_", " ") in answers(chat)[0].lower() for argument in found[1].split(", "))


def pieces(kind: str) -> list[tuple[str, str]]:
    return [(asked(chat), answers(chat)[0]) for chat in both(rewriting) if chat.kind == kind and len(answers(chat)) == 1]


@pytest.mark.parametrize("kind", ["sentence", "summary", "edge word"])
def test_choosing_copies_from_the_text(kind: str) -> None:
    assert pieces(kind)
    for prompt, answer in pieces(kind):
        assert answer in prompt


def test_replacing_changes_nothing_else() -> None:
    ways = r'(?:Replace|Change|Swap|Exchange|the word) "?(?P<o>[\w ]+?)"? (?:with|to|for|into) "?(?P<n>[\w ]+?)"?[.:]'
    checked = 0
    for prompt, answer in pieces("replace"):
        if found := re.search(ways, prompt):
            checked += 1
            assert found["o"] not in re.findall(r"\w+", answer)
            assert re.sub(rf"\b{re.escape(found['n'])}\b", found["o"], answer) in prompt, (prompt, answer)
    assert checked > 50


def test_bullets_are_the_items_of_the_sentence() -> None:
    for prompt, answer in pieces("bullets"):
        for line in answer.splitlines():
            assert line.startswith("- ")
            assert line[2:] in prompt
