"""Where a hub has a file: ``OWNER/NAME/FILE``, with ``@REVISION`` behind the name for one that never changes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from the_edge_agent.errors import UsageError

MAIN = "main"
_PART = r"[A-Za-z0-9][\w.-]*"
_WRITTEN = re.compile(rf"(?P<repository>{_PART}/{_PART})(?:@(?P<revision>[\w.-]+(?:/[\w.-]+)*?))?/(?P<file>[^\s?#@]+)")
_OF_THE_BROWSER = re.compile(
    rf"https?://[^/]+/(?P<repository>{_PART}/{_PART})/(?:resolve|blob|raw)/(?P<revision>[\w.-]+)/(?P<file>[^\s?#]+)(?:[?#].*)?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A file of a repository at a hub; ``revision`` is a branch, a tag or a commit."""

    repository: str
    file: str
    revision: str = MAIN

    def __str__(self) -> str:
        at = "" if self.revision == MAIN else f"@{self.revision}"
        return f"{self.repository}{at}/{self.file}"

    @property
    def file_name(self) -> str:
        """The file's name without its folders."""
        return self.file.rpartition("/")[2]

    def at(self, commit: str) -> Reference:
        """The same file as ``commit`` has it."""
        return replace(self, revision=commit)


def parse(text: str) -> Reference:
    """``OWNER/NAME[@REVISION]/FILE``, with ``hf://`` before it or not, or the address of the file's page at the hub.

    Raises:
        UsageError: it is none of these.
    """
    found = _OF_THE_BROWSER.fullmatch(text) or _WRITTEN.fullmatch(text.removeprefix("hf://"))
    if found is None or {"..", "."} & set(found["file"].split("/")) or found["file"].endswith("/"):
        raise UsageError(
            f"{text!r} names no file at a hub", hint="write OWNER/NAME/FILE.gguf, as in unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf"
        )
    return Reference(found["repository"], found["file"], found["revision"] or MAIN)
