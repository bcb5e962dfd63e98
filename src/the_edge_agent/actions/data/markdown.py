"""``markdown.parse``: the outline of a Markdown document. Blocks only; inline markup stays as it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from the_edge_agent.actions.registry import Json, action

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$")
_TASK = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[([ xX])\][ \t]+(.*\S)")
_NOT_TEXT = re.compile(r"[ \t]*(?:$|[-*+>|][ \t]|\d{1,9}[.)][ \t]|\||#)| {4}|\t")


@dataclass(slots=True)
class _Section:
    """What stands under one heading, up to the next."""

    level: int
    title: str
    lines: list[str] = field(default_factory=list)
    checklist: list[Json] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        result: dict[str, Json] = {"level": self.level, "title": self.title, "content": "\n".join(self.lines).strip("\n")}
        return {**result, "checklist": self.checklist} if self.checklist else result


@action(
    "markdown.parse",
    returns="{title, sections: [{level, title, content, checklist?}], tasks, code_blocks, front_matter, success}",
)
def parse(_: Scope, /, *, content: str | None = None, text: str | None = None) -> Json:
    """Split Markdown (``content`` or ``text``) into sections by its headings.

    A section holds what stands between its heading and the next; text before the first heading is a section of
    level 0 without a title. ``title`` is the first level-1 heading, else the ``title`` of the front matter.
    ``tasks`` are all checklist items ``{text, done, section}``, ``code_blocks`` all fenced blocks
    ``{language, code, section}``; headings and tasks inside a fenced block are code.
    """
    source = content if content is not None else text
    if source is None:
        return {"success": False, "error": "markdown.parse needs `content`", "error_type": "missing"}
    lines = source.lstrip("\ufeff").splitlines()
    try:
        front_matter, start = _front_matter(lines)
    except ValueError as error:
        return {"success": False, "error": f"the front matter is not YAML data: {error}", "error_type": "front_matter"}
    outline = _Outline()
    for line in lines[start:]:
        outline.take(line)
    sections = outline.finish()
    title = next((section.title for section in sections if section.level == 1), None)
    return {
        "title": title if title is not None else front_matter.get("title"),
        "sections": [section.as_json() for section in sections],
        "tasks": outline.tasks,
        "code_blocks": outline.code_blocks,
        "front_matter": front_matter,
        "success": True,
    }


class _Outline:
    """Reads a document line by line."""

    def __init__(self) -> None:
        self._sections = [_Section(0, "")]
        self._fence: str | None = None
        self._code: list[str] = []
        self._language = ""
        self.tasks: list[Json] = []
        self.code_blocks: list[Json] = []

    def take(self, line: str) -> None:
        """Read the next line."""
        if self._fence is not None:
            self._take_code(line)
        elif fence := _FENCE.match(line):
            self._fence, self._language, self._code = fence[1], fence[2].strip().partition(" ")[0], []
            self._section.lines.append(line)
        elif heading := _HEADING.match(line):
            self._sections.append(_Section(len(heading[1]), (heading[2] or "").strip()))
        elif (underline := _UNDERLINE.match(line)) and self._underlines():
            title = self._section.lines.pop().strip()
            self._sections.append(_Section(1 if underline[1][0] == "=" else 2, title))
        else:
            self._take_text(line)

    def finish(self) -> list[_Section]:
        """The sections; a fence that nobody closed ends with the document. The first is left out when it is empty."""
        if self._fence is not None:
            self._close()
        first, *rest = self._sections
        return [first, *rest] if "".join(first.lines).strip() else rest

    @property
    def _section(self) -> _Section:
        return self._sections[-1]

    def _underlines(self) -> bool:
        """Whether the line before is one paragraph line, so that an underline makes it a heading."""
        lines = self._section.lines
        return bool(lines) and not _NOT_TEXT.match(lines[-1]) and not _FENCE.match(lines[-1])

    def _take_code(self, line: str) -> None:
        self._section.lines.append(line)
        end = _FENCE.match(line)
        if end and self._fence is not None and end[1].startswith(self._fence) and not end[2].strip():
            self._close()
        else:
            self._code.append(line)

    def _close(self) -> None:
        self.code_blocks.append({"language": self._language, "code": "\n".join(self._code), "section": self._section.title})
        self._fence = None

    def _take_text(self, line: str) -> None:
        self._section.lines.append(line)
        if task := _TASK.match(line):
            item = {"text": task[2], "done": task[1] != " "}
            self._section.checklist.append(item)
            self.tasks.append({**item, "section": self._section.title})


def _front_matter(lines: list[str]) -> tuple[dict[str, Json], int]:
    """The YAML mapping between two ``---`` at the very start, and the line after it; raises ``ValueError``."""
    if not lines or lines[0].rstrip() != "---":
        return {}, 0
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        return {}, 0
    import yaml

    try:
        data = yaml.load("\n".join(lines[1:end]), _loader())  # noqa: S506 - a SafeLoader with fewer rules
        json.dumps(data, allow_nan=False)
    except (yaml.YAMLError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from None
    if data is None:
        return {}, end + 1
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ValueError("it must be a mapping with text keys")
    return data, end + 1


def _loader() -> type:
    """YAML as JSON has it: dates stay text, and no aliases, which can stand for more data than there is memory."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to declare them
            first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
            for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("aliases are not allowed")
            return super().compose_node(parent, index)

    return Loader
