"""``markdown.parse``: the outline of a Markdown document. Blocks only; inline markup stays as it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from the_edge_agent.actions.registry import Json, action

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope

_TASK = re.compile(r"\[([ xX])\][ \t]+(.*\S)")


@dataclass(slots=True)
class _Section:
    """What stands under one heading, up to the next; ``start`` and ``end`` number its lines."""

    level: int
    title: str
    start: int
    end: int = 0
    checklist: list[Json] = field(default_factory=list)

    def as_json(self, lines: list[str]) -> dict[str, Json]:
        result: dict[str, Json] = {"level": self.level, "title": self.title, "content": "\n".join(lines[self.start : self.end]).strip("\n")}
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
    body = lines[start:]
    outline = _Outline(body)
    title = next((section.title for section in outline.sections if section.level == 1), None)
    return {
        "title": title if title is not None else front_matter.get("title"),
        "sections": [section.as_json(body) for section in outline.sections],
        "tasks": outline.tasks,
        "code_blocks": outline.code_blocks,
        "front_matter": front_matter,
        "success": True,
    }


class _Outline:
    """The blocks of a document, as CommonMark has them, sorted by the headings they stand under."""

    def __init__(self, lines: list[str]) -> None:
        from markdown_it import MarkdownIt

        self.sections = [_Section(0, "", 0)]
        self.tasks: list[Json] = []
        self.code_blocks: list[Json] = []
        # What stands inside a line is of no use here and takes most of the time.
        tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse("\n".join(lines))
        for number, token in enumerate(tokens):
            if token.type == "heading_open" and token.level == 0 and token.map is not None:
                self._heading(int(token.tag[1:]), tokens[number + 1].content, token.map)
            elif token.type == "fence":
                language = token.info.strip().partition(" ")[0]
                self.code_blocks.append({"language": language, "code": token.content.removesuffix("\n"), "section": self._section.title})
            elif token.type == "list_item_open" and tokens[number + 1].type == "paragraph_open":
                self._item(tokens[number + 2].content)
        self._section.end = len(lines)
        first = self.sections[0]
        if not "".join(lines[first.start : first.end]).strip():
            del self.sections[0]

    @property
    def _section(self) -> _Section:
        return self.sections[-1]

    def _heading(self, level: int, title: str, place: list[int]) -> None:
        self._section.end = place[0]
        self.sections.append(_Section(level, title.strip(), place[1]))

    def _item(self, text: str) -> None:
        """The text of a list's item; its first line may say that it is a task."""
        if task := _TASK.match(text.partition("\n")[0]):
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
