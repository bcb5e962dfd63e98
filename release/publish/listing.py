"""``release.txt``: which files a release has, in lines that a shell reads without a parser.

::

    tea-release 1
    version 0.1.0
    variant tea-python-llm 500000000 the same, llama.cpp and the built-in model
    file tea-python-llm-0.1.0-x86_64.AppImage tea-python-llm x86_64 44369525
    part NAME SIZE
    url URL
    end 4

A variant has its memory in bytes and what it is; a file its variant, architecture and size. Parts and other addresses belong to the file
before them. The last line counts those before it, so that a list that was cut short is none. Digests stand in ``SHA256SUMS``, which is
signed and names this file too: a fact that is written down once cannot contradict itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from release.build.machine import MACHINES
from release.publish.artifact import write
from the_edge_agent.errors import UsageError
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from release.build.variants import Variant
    from release.publish.artifact import Artifact

NAME = "release.txt"
FIRST = "tea-release 1"
_VERSION = re.compile(r"[0-9][0-9A-Za-z.-]*")
_ABOUT = re.compile(r"[!-~]+( [!-~]+){0,90}")


_ENGINE, _LLM, _CONTEXT = 100_000_000, 500_000_000, 1_000_000_000
"""Bytes beside a model: the engine alone, the engine with the built-in models, and the context of a large one."""


def memory(row: Variant) -> int:
    """Bytes of memory that should be free to work with the image: it maps its model whole, and a context needs room besides.

    Raises:
        UsageError: the catalogue does not know the model.
    """
    if row.own_model is None:
        return _LLM if row.llm else _ENGINE
    known = catalogue.known(row.own_model)
    if known is None:
        raise UsageError(f"the catalogue does not know {row.own_model}, the model of {row.name}")
    return known.memory or (known.expected_size or 0) + _CONTEXT


def text(version: str, variants: Mapping[str, Variant], artifacts: Iterable[Artifact]) -> str:
    """The list of ``artifacts`` that are images; variants that none of them is are named all the same, as missing.

    Raises:
        UsageError: a version or a description would not be read back.
    """
    if not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is no version", hint="digits first, then letters, digits, '.' and '-'")
    lines = [FIRST, f"version {version}", *(line for row in variants.values() for line in _about(row))]
    for one in artifacts:
        if one.variant is not None:
            lines += _file(one)
    return "\n".join([*lines, f"end {len(lines)}", ""])


def _about(row: Variant) -> Iterator[str]:
    if not _ABOUT.fullmatch(row.summary):
        raise UsageError(f"the summary of {row.name} is not plain text in one line: {row.summary!r}")
    yield f"variant {row.name} {memory(row)} {row.summary}"


def _file(one: Artifact) -> Iterator[str]:
    yield f"file {one.name} {one.variant} {one.architecture} {one.size}"
    for part in one.parts:
        yield f"part {part.name} {part.size}"
    for url in one.urls:
        yield f"url {url}"


def write_list(folder: Path, version: str, variants: Mapping[str, Variant], artifacts: Iterable[Artifact]) -> Path:
    """Write ``release.txt`` into ``folder``; returns it."""
    path = folder / NAME
    write(path, text(version, variants, artifacts))
    return path


def missing(variants: Mapping[str, Variant], artifacts: Iterable[Artifact]) -> tuple[tuple[str, str], ...]:
    """Variant and architecture of each image that a release should have and this one has not."""
    there = {(one.variant, one.architecture) for one in artifacts}
    return tuple(pair for name in variants for machine in MACHINES if (pair := (name, machine)) not in there)
