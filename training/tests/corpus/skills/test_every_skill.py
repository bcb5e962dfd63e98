"""What holds for the chats of every skill: they are well-formed, repeatable, of many kinds, and kept apart by halves."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tea_training.corpus import mixture, words
from tea_training.corpus.draw import Draw, held_out
from training.tests.corpus.skills.chats import COUNTS, SPLITS, chats, whole

if TYPE_CHECKING:
    from types import ModuleType

    from tea_training.corpus.draw import Split

SKILLS = [import_module(f"tea_training.corpus.skills.{name}") for name in mixture.SHARES]
FOLLOWING = {("system", "user"), ("user", "assistant"), ("assistant", "user"), ("assistant", "tool"), ("tool", "assistant")}

each_skill = pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: str(skill.NAME))
# There are few greetings, so they are the same in both halves.
each_but_talk = pytest.mark.parametrize("skill", [skill for skill in SKILLS if skill.NAME != "talk"], ids=lambda skill: str(skill.NAME))
each_split = pytest.mark.parametrize("split", SPLITS)


@each_skill
@each_split
def test_chats_are_well_formed(skill: ModuleType, split: Split) -> None:
    for chat in chats(skill, split):
        assert chat.skill == skill.NAME
        assert chat.kind
        roles = [turn.role for turn in chat.turns]
        assert roles[0] in {"system", "user"}
        assert roles[-1] == "assistant"
        assert set(pairwise(roles)) <= FOLLOWING
        assert chat.tools or "tool" not in roles
        for turn in chat.turns:
            assert turn.content or turn.calls
            # One layout of a context with its question ends with a line break.
            content = turn.content.removesuffix("\n") if skill.NAME == "context" and turn.role == "user" else turn.content
            assert content == content.strip()
            assert "{" not in turn.content or "}" in turn.content
            assert "{}" not in turn.content.replace('": {}', "") or turn.role == "tool", turn.content
            assert "  " not in re.sub(r"\|  (?=\|)", "| ", turn.content), turn.content
            assert not re.search(r" \n|\{[a-z]\}", turn.content), turn.content
        assert len(whole(chat)) < 4000


@each_skill
def test_a_seed_gives_the_same_chats(skill: ModuleType) -> None:
    draw = Draw(11)
    assert [skill.chat(draw) for _ in range(300)] == list(chats(skill)[:300])
    assert chats(skill, count=100, seed=12) != chats(skill)[:100]


@each_skill
def test_every_kind_and_many_wordings_occur(skill: ModuleType) -> None:
    first = [turn.content for chat in chats(skill) for turn in chat.turns if turn.role == "user"]
    assert len(set(first)) > len(first) * 0.5
    assert len({chat.kind for chat in chats(skill)}) >= 2


@each_but_talk
def test_there_is_much_variety(skill: ModuleType) -> None:
    assert len({whole(chat) for chat in chats(skill)}) > 0.97 * COUNTS["train"]


@each_but_talk
def test_hardly_anything_of_the_test_is_in_training(skill: ModuleType) -> None:
    known = {whole(chat) for chat in chats(skill)}
    tested = [whole(chat) for chat in chats(skill, "test")]
    assert len(set(tested)) > 0.97 * len(tested)
    assert sum(text in known for text in tested) <= (0.05 if skill.NAME == "classification" else 0.01) * len(tested)


@each_skill
def test_no_names_of_the_test_half_in_training(skill: ModuleType) -> None:
    # Words which also mean something else (June, Rose, Max …) or belong to a pool that is not split are left out.
    spoken = (
        set(words.FIRST_NAMES + words.COMPANIES + words.CITIES)
        - set(words.CAPITALS)
        - {name for name in words.FIRST_NAMES if name in words.MONTHS}
    )
    secret = {name for name in spoken if held_out(f"entity:{name}", 8)}
    seen = {word for chat in chats(skill) for word in re.findall(r"[A-Z][a-z]+", whole(chat))}
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
