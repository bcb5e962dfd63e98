from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from the_edge_agent import peers
from the_edge_agent.actions import builtin
from the_edge_agent.cli import root, run
from the_edge_agent.workflow import dialect, grammar

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTES = [(section, note) for section, notes in peers.notes().items() for note in notes]


def records(shape: object, seen: set[int] | None = None) -> Iterator[grammar.Record]:
    """Every record inside ``shape``."""
    seen = set() if seen is None else seen
    if id(shape) in seen:
        return
    seen.add(id(shape))
    inner: tuple[object, ...] = ()
    if isinstance(shape, grammar.Record):
        yield shape
        inner = tuple(key.shape for key in shape.keys)
    elif isinstance(shape, grammar.Variants):
        inner = tuple(shape.records.values())
    elif isinstance(shape, grammar.Either):
        inner = shape.shapes
    elif isinstance(shape, grammar.ListOf):
        inner = (shape.item,)
    elif isinstance(shape, grammar.MapOf):
        inner = (shape.value,)
    elif isinstance(shape, grammar.Reference):
        inner = (shape.resolve(),)
    for each in inner:
        yield from records(each, seen)


@pytest.mark.parametrize(("section", "note"), NOTES, ids=lambda value: value.names[0] if isinstance(value, peers.Note) else value)
def test_an_entry_goes_on_in_the_sentence_around_it(section: peers.Section, note: peers.Note) -> None:
    assert note.names
    for words in filter(None, (note.why, note.instead)):
        assert words == words.strip()
        assert "\n" not in words
        assert not words.endswith((".", ";", ","))
    assert (section == "options") == note.why.startswith(("is ", "belongs to "))


def test_nothing_is_explained_twice() -> None:
    for section in get_args(peers.Section):
        names = [name for note in peers.notes()[section] for name in note.names]
        assert sorted(set(names)) == sorted(names)
    refused = {name for note in peers.notes()["refused"] for name in note.names}
    assert not refused & {name for note in peers.notes()["ignored"] for name in note.names}
    said = [(section, note.why, note.instead) for section, note in NOTES]
    assert len(set(said)) == len(said), "one entry may have several names"


def test_nothing_that_is_here_is_said_not_to_be() -> None:
    shown = {spelling for each in run.command.params if not getattr(each, "hidden", False) for spelling in each.opts}
    assert not shown & {name for note in peers.notes()["options"] for name in note.names}
    assert not root.COMMANDS.keys() & {name for note in peers.notes()["commands"] for name in note.names}
    assert not set(builtin()) & {name for note in peers.notes()["actions"] for name in note.names}


def test_keys_belong_to_a_record_of_the_dialect_that_does_not_have_them() -> None:
    here: dict[str, list[set[str]]] = {}
    for record in records(dialect.WORKFLOW):
        spellings = {spelling for key in record.keys for spelling in (key.name, *key.aliases)}
        here.setdefault(record.section or record.title, []).append(spellings)
    for section in ("ignored", "refused"):
        for note in peers.notes()[section]:
            for name in note.names:
                owner, _, key = name.rpartition(".")
                assert any(key not in spellings for spellings in here[owner]), name


def test_the_longest_start_of_a_name_decides() -> None:
    def instead(name: str) -> str:
        return str(getattr(peers.action(name), "instead", None))

    assert "offline" in instead("memory.cloud_store")
    assert "memory.store" in instead("memory.summarize")
    assert "`tea actions`" in instead("tools.list")
    assert "reason.react" in instead("tools.crewai")
    assert peers.action("web") is None
    assert peers.action("webhook") is None


def test_the_second_spelling_of_an_action_is_the_same_action() -> None:
    assert peers.action("actions.web_scrape") is peers.action("web.scrape") is not None
