"""Size and SHA-256 of the catalogue's models as a hub has them now, written into ``catalogue.toml`` for a person to review."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import catalogue
from the_edge_agent.models.hub import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.models.catalogue import KnownModel
    from the_edge_agent.models.hub import Hub
    from the_edge_agent.models.reference import Reference


@dataclass(frozen=True, slots=True)
class Pin:
    """What a hub says of a model.

    Attributes:
        size: of the file in bytes.
        sha256: of the file.
        sources: the places that have these bytes, each at its commit.
        left_out: the other places of the catalogue, each with the reason.
        licence: what the hub calls the licence of the first source; ``""`` where it says nothing.
    """

    size: int
    sha256: str
    sources: tuple[Reference, ...]
    left_out: tuple[str, ...]
    licence: str


def pin(model: KnownModel, hub: Hub, *, accept_changes: bool = False) -> Pin:
    """Ask ``hub`` about every source of ``model``: the first one that has the file says which bytes are meant.

    Raises:
        ModelUnavailable: no source has the file, the hub does not answer, or it has other bytes than the catalogue
            knows and ``accept_changes`` is not set.
    """
    first: _Known | None = None
    sources: list[Reference] = []
    left_out: list[str] = []
    for source in model.sources:
        try:
            found = _asked(source, hub)
        except Trouble as trouble:
            if trouble.reason not in {"absent", "refused"}:
                raise ModelUnavailable(f"{model.name}: {trouble}", hint=trouble.hint) from trouble
            left_out.append(f"{source.repository}: {trouble}")
            continue
        first = first or found
        if found.sha256 == first.sha256:
            sources.append(source.at(found.commit))
        else:
            left_out.append(f"{source.repository}: it has other bytes (SHA-256 {found.sha256})")
    if first is None:
        raise ModelUnavailable(f"{model.name}: no source has {model.file_name}", hint="; ".join(left_out) or "the catalogue names none")
    changed = [f"{what} {old}, not {new}" for what, old, new in _facts(model, first) if old is not None and old != new]
    if changed and not accept_changes:
        raise ModelUnavailable(
            f"{model.name}: the hub has another file than the catalogue: {', '.join(changed)}",
            hint="find out why it changed; to take it over: --accept-changes",
        )
    return Pin(first.size, first.sha256, tuple(sources), tuple(left_out), first.licence)


def edited(text: str, name: str, what: Pin) -> str:
    """The text of a catalogue file with ``what`` in the entry ``name``; everything else of it stays, comments too."""
    start = re.search(rf'^\[(?:{re.escape(name)}|"{re.escape(name)}")\]\n', text, re.MULTILINE)
    if start is None:
        raise KeyError(name)
    end = text.find("\n[", start.end())
    entry = text[start.end() : end + 1 if end >= 0 else len(text)]
    sources = [f"{source.repository}@{source.revision}" for source in what.sources]
    entry = re.sub(r"^(?:size|about|sha256|locked) = .*\n", "", entry, flags=re.MULTILINE)
    facts = f"sources = {_list(sources)}\nsize = {what.size:_}\nsha256 = {json.dumps(what.sha256)}\nlocked = true\n"
    entry = re.sub(r"^sources = \[[^\]]*\][^\n]*\n", lambda _: facts, entry, count=1, flags=re.MULTILINE)
    return text[: start.end()] + entry + (text[end + 1 :] if end >= 0 else "")


@dataclass(frozen=True, slots=True)
class _Known:
    size: int
    sha256: str
    commit: str
    licence: str


def _asked(source: Reference, hub: Hub) -> _Known:
    said = hub.repository(source.repository)
    files = said.get("siblings")
    file = (
        next((one for one in files if isinstance(one, dict) and one.get("rfilename") == source.file), None)
        if isinstance(files, list)
        else None
    )
    if file is None:
        raise Trouble(f"it has no file {source.file}", "absent")
    lfs, commit = file.get("lfs"), said.get("sha")
    size, sha256 = (lfs.get("size"), lfs.get("sha256")) if isinstance(lfs, dict) else (None, None)
    if not isinstance(size, int) or not re.fullmatch(r"[0-9a-f]{64}", str(sha256)) or not re.fullmatch(r"[0-9a-f]{40}", str(commit)):
        raise Trouble(f"the hub says neither size nor SHA-256 of {source}", "other")
    return _Known(size, str(sha256), str(commit), _licence(said))


def _licence(said: Mapping[str, Any]) -> str:
    card = said.get("cardData")
    named = (card.get("license_name") or card.get("license")) if isinstance(card, dict) else None
    if isinstance(named, str):
        return named
    tags = said.get("tags")
    return next((tag.removeprefix("license:") for tag in (tags if isinstance(tags, list) else ()) if str(tag).startswith("license:")), "")


def _facts(model: KnownModel, found: _Known) -> tuple[tuple[str, object, object], ...]:
    return (("SHA-256", model.sha256, found.sha256), ("size", model.size, found.size))


def _list(texts: list[str]) -> str:
    if len(texts) == 1:
        return f"[{json.dumps(texts[0])}]"
    return "[\n" + "".join(f"    {json.dumps(text)},\n" for text in texts) + "]"


def write(pins: Mapping[str, Pin]) -> None:
    """Put ``pins``, by the name of their models, into the catalogue file of the source tree; raises :class:`OSError`."""
    text = catalogue.FILE.read_text(encoding="utf-8")
    for name, what in pins.items():
        text = edited(text, name, what)
    catalogue.read(text)
    new = catalogue.FILE.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(catalogue.FILE)
