"""What ``tea models pull`` was asked for → a file that is wanted, and who vouches for its bytes."""

from __future__ import annotations

import os
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from the_edge_agent.errors import ModelUnavailable, UsageError
from the_edge_agent.models import catalogue, elsewhere, embedded, find, installed, is_model, reference
from the_edge_agent.models.download import Fetched, Wanted, download
from the_edge_agent.models.installed import Record
from the_edge_agent.models.part import digest

if TYPE_CHECKING:
    from the_edge_agent.models.download import Patience
    from the_edge_agent.models.hub import Hub
    from the_edge_agent.models.installed import Trust
    from the_edge_agent.models.part import Watch


def wanted(word: str, *, locked: bool = False) -> Wanted:
    """The file that a short name, a file name of the catalogue or ``OWNER/NAME/FILE`` means, with what it has to be as far as that is known.

    Raises:
        UsageError: nothing is known by that word, or it names no whole model.
        ModelUnavailable: what is recorded of the file cannot be read, or it is not locked in the catalogue and has to be.
    """
    entry = catalogue.named(word) or catalogue.known(word)
    if locked and not (entry and entry.locked):
        hint = f"a maintainer confirms them: tea models lock {entry.name}" if entry else "only models of the catalogue can be locked"
        raise ModelUnavailable(f"size and SHA-256 of {word} are not confirmed", hint=hint)
    if entry is None and "/" not in word:
        near = get_close_matches(word, [model.name for model in catalogue.catalogue()], 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no model {word} in the catalogue", hint=f"{meant}`tea models list` shows it; others are named OWNER/NAME/FILE.gguf"
        )
    if entry is None:
        source = reference.parse(word)
        if not is_model(source.file_name):
            raise UsageError(
                f"{source.file_name} is no whole model", hint="name a .gguf file that is no piece of a split model and no projector"
            )
        return Wanted(source.file_name, (source,), *installed.expected(source.file_name))
    if not entry.sources:
        raise UsageError(
            f"the catalogue knows no place that has {entry.name}", hint=f"get the file another way, then: tea models add {entry.file_name}"
        )
    # A commit may be gone while the file is still there.
    sources = tuple(dict.fromkeys((*entry.sources, *(replace(source, revision=reference.MAIN) for source in entry.sources))))
    return Wanted(entry.file_name, sources, *installed.expected(entry.file_name))


def pull(asked: Wanted, hub: Hub, watch: Watch, *, trust_first_use: bool = False, patience: Patience | None = None) -> Fetched:
    """Have the file among the installed models, verified, and record what it is; one that is elsewhere on this machine stays there.

    Raises:
        ModelUnavailable: nobody has said which SHA-256 it must have and ``trust_first_use`` is not set, or what :func:`download` raises.
    """
    if asked.sha256 is None and not trust_first_use:
        page = hub.page(asked.sources[0].repository)
        raise ModelUnavailable(
            f"nobody has confirmed which SHA-256 {asked.file_name} must have, so it could not be verified",
            hint=f"read {page}; to take what comes and record it for later: --trust-first-use",
        )
    here = _here(asked, watch)
    if here is not None:
        return here
    before = installed.record(asked.file_name)
    entry = catalogue.known(asked.file_name)
    trust: Trust = "catalogue" if entry and entry.sha256 else before.trust if before else "first use"

    def keep(fetched: Fetched) -> None:
        installed.keep(asked.file_name, Record(fetched.sha256, fetched.size, str(fetched.source), trust))

    return download(asked, installed.folder(), hub, watch, keep=keep, patience=patience)


def _here(asked: Wanted, watch: Watch) -> Fetched | None:
    """The wanted bytes in another search folder, or as another program has them under a name that means this file."""
    if asked.sha256 is None:
        return None
    found = find.by_name(asked.file_name, os.environ)
    if found is not None and found.parent == installed.folder():
        return None
    known = catalogue.known(asked.file_name) is not None
    there = (
        one.path for one in elsewhere.elsewhere(os.environ) if one.is_called(asked.file_name) or (known and one.sha256 == asked.sha256)
    )
    for path in (*([found] if found else []), *there):
        size = (embedded.region(path) or embedded.whole(path)).length
        if asked.size in {None, size} and digest(path, watch) == asked.sha256:
            watch.say("it is on this machine already, and is used where it lies")
            return Fetched(path, asked.sha256, size, None)
    return None
