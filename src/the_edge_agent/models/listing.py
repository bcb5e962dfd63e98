"""All models there are, for people: installed, of other programs, and known to the catalogue but not here."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.errors import ModelUnavailable
from the_edge_agent.models import catalogue, elsewhere, find, header, installed
from the_edge_agent.models.part import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from the_edge_agent.models.catalogue import KnownModel

Where = Literal["installed", "elsewhere", "known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A model. ``None`` and ``""`` are unknown; sizes are bytes.

    Attributes:
        name: what to type for it.
        where: ``installed`` in a search folder, ``elsewhere`` in another program's, or only ``known``.
        title: what people call it.
        file_name: what its file is called.
        path: where it lies, ``None`` where it is not here.
        origin: the folder, the program, or what named it.
        source: where its bytes came from, as far as that was recorded.
        size: of the file; ``exact`` unless it is only known roughly.
        context: tokens it was trained for.
        licence: and ``terms``, where its text stands.
        memory: what answering takes, an estimate.
        sha256: of the file as the catalogue, a record or the other program knows it.
        locked: the catalogue's size and digest are confirmed.
        embeds: it makes vectors.
        part: bytes of an unfinished download.
        problem: what is wrong with the file.
    """

    name: str
    where: Where
    title: str
    file_name: str
    path: Path | None = None
    origin: str = ""
    source: str = ""
    size: int | None = None
    exact: bool = True
    context: int | None = None
    licence: str = ""
    terms: str = ""
    memory: int | None = None
    sha256: str | None = None
    locked: bool = False
    embeds: bool = False
    part: int = 0
    problem: str | None = None


def rows(environ: Mapping[str, str]) -> tuple[Row, ...]:
    """Every model, those that can be used first, in the order in which they would be taken."""
    here = [_installed(listed) for listed in find.found(environ)]
    there = {row.path: row for row in map(_elsewhere, elsewhere.elsewhere(environ)) if row.path not in {one.path for one in here}}
    present = {row.file_name for row in (*here, *there.values())}
    return (*here, *there.values(), *(_known(entry) for entry in catalogue.catalogue() if entry.file_name not in present))


def names(environ: Mapping[str, str]) -> Iterator[str]:
    """Everything that can be typed for a model that is here."""
    for listed in find.found(environ):
        entry = catalogue.known(listed.path.name)
        yield entry.name if entry else listed.path.stem
    for one in elsewhere.elsewhere(environ):
        yield one.names[0]


def _installed(listed: find.Listed) -> Row:
    name, entry, problem, before = listed.path.name, catalogue.known(listed.path.name), listed.problem, None
    try:
        before = installed.record(name)
    except ModelUnavailable as damaged:
        problem = problem or damaged.message
    row = Row(
        name=listed.path.stem,
        where="installed",
        title=listed.name,
        file_name=name,
        path=listed.path,
        origin=listed.origin,
        source=before.source if before else "",
        size=listed.size,
        sha256=before.sha256 if before else None,
        problem=problem,
        **_of_header(listed),
    )
    return replace(row, **_facts(entry)) if entry else row


def _elsewhere(one: elsewhere.Elsewhere) -> Row:
    listed = find.listed(one.path, one.origin)
    return Row(
        name=one.names[0],
        where="elsewhere",
        title=one.names[0] if listed.problem else listed.name,
        file_name=one.file_name,
        path=one.path,
        origin=one.origin,
        size=listed.size,
        sha256=one.sha256,
        problem=listed.problem,
        **_of_header(listed),
    )


def _of_header(listed: find.Listed) -> dict[str, Any]:
    """What an intact file says about itself."""
    if listed.problem:
        return {}
    said = header.read(listed.path)
    return {
        "context": said.context_length,
        "licence": said.text("general.license") or "",
        "embeds": said.pooling and said.chat_template is None,
    }


def _facts(entry: KnownModel) -> dict[str, Any]:
    """What the catalogue knows better than the file."""
    facts = {name: getattr(entry, name) for name in ("name", "title", "licence", "terms", "memory", "locked", "embeds")}
    return facts | ({"sha256": entry.sha256} if entry.sha256 else {})


def _known(entry: KnownModel) -> Row:
    try:
        part = os.stat(path_of(installed.folder() / entry.file_name)).st_size  # noqa: PTH116 - one call
    except OSError:
        part = 0
    row = Row(
        name=entry.name,
        where="known",
        title=entry.title,
        file_name=entry.file_name,
        source=entry.sources[0].repository if entry.sources else "",
        size=entry.expected_size,
        exact=entry.size is not None,
        context=entry.context,
        part=part,
    )
    return replace(row, **_facts(entry))
