"""Locking the catalogue: what a hub must say, and what changes in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import catalogue, pinning
from the_edge_agent.models.hub import Hub, Trouble
from the_edge_agent.models.pinning import Pin
from the_edge_agent.models.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = catalogue.FILE.read_text(encoding="utf-8")
COMMIT, DIGEST = "0" * 40, "a" * 64


def told(name: str, size: int = 5, digest: str = DIGEST) -> dict[str, Any]:
    return {
        "sha": COMMIT,
        "siblings": [{"rfilename": name, "size": size, "lfs": {"sha256": digest, "size": size}}],
        "tags": ["license:mit"],
    }


class Said(Hub):
    """A hub that says what it is told to say."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        super().__init__()
        self.answers = answers

    def repository(self, name: str, revision: str | None = None) -> Mapping[str, Any]:
        assert revision is None
        answer = self.answers.get(name, Trouble("not there", "absent"))
        if isinstance(answer, Exception):
            raise answer
        found: Mapping[str, Any] = answer
        return found


def model(name: str) -> catalogue.KnownModel:
    found = catalogue.named(name)
    assert found
    return found


def test_the_first_source_that_has_the_file_says_which_bytes_are_meant() -> None:
    gemma = model("gemma")
    unsloth, studio, ggml = (source.repository for source in gemma.sources)
    pin = pinning.pin(gemma, Said({studio: told(gemma.file_name), ggml: told(gemma.file_name, digest="b" * 64)}))
    assert pin == Pin(5, DIGEST, (Reference(studio, gemma.file_name, COMMIT),), pin.left_out, "mit")
    assert [line.partition(":")[0] for line in pin.left_out] == [unsloth, ggml]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"siblings": []},
        {"siblings": "none"},
        told("another.gguf"),
        {**told("gemma-3n-E4B-it-Q4_K_M.gguf"), "sha": None},
        told("gemma-3n-E4B-it-Q4_K_M.gguf", digest="short"),
        {"sha": COMMIT, "siblings": [{"rfilename": "gemma-3n-E4B-it-Q4_K_M.gguf", "size": 5}]},
        Trouble("wants to know who asks", "refused"),
        Trouble("answers 503", "passing"),
    ],
    ids=str,
)
def test_a_hub_that_does_not_say_it_locks_nothing(answer: Any) -> None:
    gemma = model("gemma")
    with pytest.raises(ModelUnavailable):
        pinning.pin(gemma, Said({source.repository: answer for source in gemma.sources}))


def test_a_change_is_taken_over_only_when_it_is_accepted() -> None:
    e2b = model("gemma4-e2b")
    hub = Said({"unsloth/gemma-4-E2B-it-GGUF": told(e2b.file_name)})
    with pytest.raises(ModelUnavailable, match="another file than the catalogue: size 3106736256, not 5"):
        pinning.pin(e2b, hub)
    assert pinning.pin(e2b, hub, accept_changes=True).size == 5


@pytest.mark.parametrize("name", [entry.name for entry in catalogue.catalogue() if entry.sources])
def test_an_entry_is_edited_and_the_rest_of_the_file_stays(name: str) -> None:
    sources = tuple(source.at(COMMIT) for source in model(name).sources)
    once = pinning.edited(TEXT, name, Pin(5, DIGEST, sources, (), ""))
    assert pinning.edited(once, name, Pin(5, DIGEST, sources, (), "")) == once
    before, after = {entry.name: entry for entry in catalogue.catalogue()}, {entry.name: entry for entry in catalogue.read(once)}
    assert list(before) == list(after)
    assert {key for key in before if before[key] != after[key]} == {name}
    changed = after[name]
    assert (changed.size, changed.about, changed.sha256, changed.locked, changed.sources) == (5, None, DIGEST, True, sources)
    assert (changed.title, changed.licence, changed.memory) == (before[name].title, before[name].licence, before[name].memory)
    assert re.findall(r"^#.*$", once, re.MULTILINE) == re.findall(r"^#.*$", TEXT, re.MULTILINE)


def test_an_entry_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError):
        pinning.edited(TEXT, "none", Pin(5, DIGEST, (), (), ""))
