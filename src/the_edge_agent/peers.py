"""What other implementations of the dialect accept and tea does not, or accepts without effect: why, and what to use instead.

The facts stand in ``peers.toml``, which says how to write one. It is read when the first one is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Section = Literal["options", "commands", "actions", "ignored", "refused"]
_FILE = Path(__file__).with_name("peers.toml")
_START = "*"
"""Ends a name that stands for every name that starts so."""


@dataclass(frozen=True, slots=True)
class Note:
    """One entry: what is said about ``names``. As a text: why, and what to use instead if there is something."""

    names: tuple[str, ...]
    why: str
    instead: str | None = None

    def __str__(self) -> str:
        return f"{self.why}; {self.instead}" if self.instead else self.why


@cache
def notes() -> Mapping[Section, tuple[Note, ...]]:
    """Every entry, by section and in the order of the file."""
    import tomllib

    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    tables |= tables.pop("keys")
    return {section: tuple(Note(**entry | {"names": tuple(entry["names"])}) for entry in tables[section]) for section in get_args(Section)}


@cache
def _by_name(section: Section) -> Mapping[str, Note]:
    return {name: note for note in notes()[section] for name in note.names}


def option(name: str) -> Note | None:
    """What to say about an option of ``tea run`` that is not here; ``name`` as typed (``--state``)."""
    return _by_name("options").get(name)


def command(name: str) -> Note | None:
    """What to say about a command that is not here."""
    return _by_name("commands").get(name)


def action(name: str) -> Note | None:
    """What to say about an action that is not here; ``actions.web_scrape`` is another spelling of ``web.scrape``."""
    if name.startswith("actions."):
        name = name.removeprefix("actions.").replace("_", ".", 1)
    known = _by_name("actions")
    if name in known:
        return known[name]
    fitting = [start for start in known if start.endswith(_START) and name.startswith(start.removesuffix(_START))]
    return known[max(fitting, key=len)] if fitting else None


@cache
def ignored(record: str) -> Mapping[str, Note]:
    """The keys of a record (``settings.llm``) that have no effect here, each with what to say about it."""
    return _keys("ignored", record)


@cache
def refused(record: str) -> Mapping[str, Note]:
    """The keys of a record that are an error here, each with what to say about it."""
    return _keys("refused", record)


def _keys(section: Section, record: str) -> Mapping[str, Note]:
    places = ((name.rpartition("."), note) for name, note in _by_name(section).items())
    return {key: note for (owner, _, key), note in places if owner == record}
