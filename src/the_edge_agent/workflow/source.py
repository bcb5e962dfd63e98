"""YAML that remembers where every key and value stood.

PyYAML's event stream (YAML 1.1, as the dialect has it) is composed into :class:`Map`, :class:`Seq` and
:class:`Scalar`. Composing from events keeps it iterative where the text is hostile: nesting, the number of
nodes after alias expansion, and the size of the text are bounded, so a "billion laughs" file costs nothing.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import Problem, Source, Spot, UsageError, WorkflowInvalid
from the_edge_agent.wording import closest

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

Report = Callable[[Problem], None]

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 2_000_000


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain JSON scalar. ``content`` is where its text starts: for a block (``|``) the line below ``spot``."""

    value: Any
    spot: Spot
    content: Spot


@dataclass(frozen=True, slots=True)
class Seq:
    """A list."""

    items: tuple[Tree, ...]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Map:
    """Keys are strings, in file order; ``keys`` has the place of each."""

    items: dict[str, Tree]
    spot: Spot
    keys: dict[str, Spot] = field(default_factory=dict)

    def get(self, key: str) -> Tree | None:
        """The value under ``key``, if it is there."""
        return self.items.get(key)


Tree = Scalar | Seq | Map


def plain(tree: Tree) -> Any:
    """The tree as plain JSON data, fresh."""
    if isinstance(tree, Map):
        return {key: plain(value) for key, value in tree.items.items()}
    if isinstance(tree, Seq):
        return [plain(item) for item in tree.items]
    return tree.value


def read(path: Path) -> Source:
    """The text of the file at ``path``; ``-`` is standard input, which is read once and remembered.

    Raises:
        UsageError: there is no such file, it is a folder, unreadable, too large, or not UTF-8.
    """
    name = str(path)
    try:
        if name == "-":
            return _standard_input()
        size = path.stat().st_size
        if path.is_dir():
            raise UsageError(f"{name} is a folder, not a workflow file", hint=f"name a YAML file in it: tea run {name}/FILE.yaml")
        if size > MAX_BYTES:
            raise UsageError(f"{name} is too large for a workflow: {size} bytes, at most {MAX_BYTES}")
        return Source(name, path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"workflow file not found: {name}", hint=_similar(path)) from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not UTF-8 text: byte 0x{error.object[error.start]:02x} at offset {error.start}",
            hint="a workflow is a YAML text file, saved as UTF-8",
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror or error}") from None


@cache
def _standard_input() -> Source:
    # As much as a file may have: what is larger is no workflow.
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(f"standard input is too large for a workflow: more than {MAX_BYTES} bytes")
    return Source("<stdin>", content.decode("utf-8-sig"))


def _similar(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in {".yaml", ".yml"}]
    except OSError:
        return f"the folder {path.parent} does not exist" if not path.parent.exists() else "check the path"
    near = closest(path.name, names)
    return f"did you mean {path.parent / near}?" if near else "check the path"


def compose(source: Source, report: Report) -> Tree | None:
    """The document in ``source`` as a tree, an empty text as null; ``None`` after a problem that leaves nothing to look at.

    Duplicate keys, unknown tags and values JSON has no form for are reported and composing goes on.
    """
    import yaml

    composer = _Composer(source, report)
    try:
        tree = composer.document()
        start = Spot(source, 1, 1)
        return tree if tree is not None else Scalar(None, start, start)
    except yaml.YAMLError as error:
        report(_yaml_problem(source, error))
    except WorkflowInvalid as error:
        report(error.problems[0])
    return None


def _yaml_problem(source: Source, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    spot = Spot(source, mark.line + 1, mark.column + 1) if mark else Spot(source, 1, 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    indentation = source.line(spot.line)[: spot.column]
    hint = "indent with spaces: YAML allows no tabs" if "\t" in indentation and not indentation.strip() else None
    if what == "mapping values are not allowed in this context":
        hint = "a text with ': ' in it is put in quotes, or below a '|'"
    return Problem("YAML_PARSE", f"not valid YAML: {what}" + (f" ({context})" if context else ""), spot, hint=hint)


@dataclass(slots=True)
class _Frame:
    """A collection being composed."""

    mapping: bool
    spot: Spot
    anchor: str | None
    children: list[Tree] = field(default_factory=list)
    nodes: int = 1


class _Composer:
    """One pass over the events of one text, with an explicit stack instead of recursion."""

    def __init__(self, source: Source, report: Report) -> None:
        import yaml

        self._yaml = yaml
        self._source = source
        self._lines = source.text.splitlines()
        self._report = report
        self._resolver: Any = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()
        self._anchors: dict[str, tuple[Tree, int]] = {}
        self._stack: list[_Frame] = []
        self._total = 0
        self._root: Tree | None = None

    def document(self) -> Tree | None:
        yaml = self._yaml
        documents = 0
        for event in self._events():
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fail(
                        "MULTIPLE_DOCUMENTS", "a workflow file holds one document, a second one starts here", event, hint="remove the '---'"
                    )
            elif isinstance(event, yaml.ScalarEvent):
                self._close(self._scalar(event), 1, event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                frame = self._stack.pop()
                self._close(self._map(frame) if frame.mapping else Seq(tuple(frame.children), frame.spot), frame.nodes, frame.anchor)
        return self._root

    def _events(self) -> Iterator[Any]:
        yaml = self._yaml
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events: Iterator[Any] = yaml.parse(self._source.text, Loader=loader)
        return events

    def _spot(self, event: Any) -> Spot:
        return Spot(self._source, event.start_mark.line + 1, event.start_mark.column + 1)

    def _fail(self, code: str, message: str, event: Any, hint: str | None = None) -> None:
        raise WorkflowInvalid((Problem(code, message, self._spot(event), hint=hint),))

    def _open(self, event: Any) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._fail("TOO_DEEP", f"nested more than {MAX_DEPTH} levels deep", event)
        mapping = isinstance(event, self._yaml.MappingStartEvent)
        default = f"tag:yaml.org,2002:{'map' if mapping else 'seq'}"
        if event.tag not in (None, "!", default):
            self._report(Problem("UNKNOWN_TAG", f"the tag {event.tag} is not supported", self._spot(event), hint="remove it"))
        self._stack.append(_Frame(mapping, self._spot(event), event.anchor))

    def _close(self, tree: Tree, nodes: int, anchor: str | None) -> None:
        """``tree`` is complete (``nodes`` nodes, aliases expanded): give it to its parent."""
        if anchor:
            self._anchors[anchor] = (tree, nodes)
        self._total += 1
        if nodes > MAX_NODES or self._total > MAX_NODES:
            raise WorkflowInvalid((Problem("TOO_LARGE", f"more than {MAX_NODES} values once its aliases are expanded", tree.spot),))
        if self._stack:
            self._stack[-1].children.append(tree)
            self._stack[-1].nodes += nodes
        else:
            self._root = tree

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self._fail("YAML_PARSE", f"the alias *{event.anchor} refers to nothing above it, or to what contains it", event)
        tree, nodes = self._anchors[event.anchor]
        self._close(tree, nodes, None)

    def _scalar(self, event: Any) -> Scalar:
        spot = self._spot(event)
        content = self._below(spot, event.value) if event.style in ("|", ">") else spot
        tag = event.tag
        if tag in (None, "!"):
            tag = self._resolver.resolve(self._yaml.ScalarNode, event.value, event.implicit)
        return Scalar(self._value(str(tag).removeprefix("tag:yaml.org,2002:"), event, spot), spot, content)

    def _below(self, spot: Spot, text: str) -> Spot:
        """Where the text of the block that starts at ``spot`` begins: one line below, behind its indentation."""
        filled = next((i for i, line in enumerate(text.splitlines()) if line.strip()), None)
        if filled is None:
            return Spot(self._source, spot.line + 1, 1)
        line, own = self._lines[spot.line + filled : spot.line + filled + 1], text.splitlines()[filled]
        indentation = sum(len(each) - len(each.lstrip(" ")) for each in line) - (len(own) - len(own.lstrip(" ")))
        return Spot(self._source, spot.line + 1, max(1, indentation + 1))

    def _value(self, kind: str, event: Any, spot: Spot) -> Any:
        text = event.value
        try:
            if kind == "null":
                return None
            if kind in ("bool", "int", "float"):
                node = self._yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", text)
                value = getattr(self._constructor, f"construct_yaml_{kind}")(node)
                if isinstance(value, float) and not math.isfinite(value):
                    self._report(
                        Problem("NOT_JSON", f"{text} is a number that JSON has no form for", spot, hint=f'write "{text}" for the text')
                    )
                return value
        except (ValueError, KeyError, IndexError):
            self._report(Problem("NOT_JSON", f"{text[:40]!r} is not a valid {kind}", spot, hint="put it in quotes for the text"))
            return text
        # A date stays the text it was written as: state is JSON. "=" and "<<" as values are text too.
        if kind not in ("str", "timestamp", "value", "merge"):
            self._report(Problem("UNKNOWN_TAG", f"the tag {event.tag} is not supported", spot, hint="remove it"))
        return text

    def _map(self, frame: _Frame) -> Map:
        items: dict[str, Tree] = {}
        keys: dict[str, Spot] = {}
        merged: list[Tree] = []
        pairs = iter(frame.children)
        for key_tree, value in zip(pairs, pairs, strict=True):
            key = self._key(key_tree)
            if key is None:
                continue
            if key == "<<":
                merged.append(value)
            elif key in items:
                first = keys[key]
                self._report(
                    Problem(
                        "DUPLICATE_KEY",
                        f"the key '{key}' is here a second time, first at line {first.line}",
                        key_tree.spot,
                        hint="keep one of the two",
                    )
                )
            else:
                items[key] = value
                keys[key] = key_tree.spot
        for value in merged:
            self._merge(value, items, keys)
        return Map(items, frame.spot, keys)

    def _key(self, tree: Tree) -> str | None:
        if not isinstance(tree, Scalar) or tree.value is None:
            self._report(Problem("BAD_KEY", "a key must be a text", tree.spot))
            return None
        if isinstance(tree.value, str):
            return tree.value
        # `on:`, `yes:` and `1:` are booleans and numbers to YAML 1.1; as keys they mean what was typed.
        line = tree.spot.source.line(tree.spot.line)[tree.spot.column - 1 :]
        return line.split(":", 1)[0].strip().strip("'\"") or str(tree.value)

    def _merge(self, value: Tree, items: dict[str, Tree], keys: dict[str, Spot]) -> None:
        for source in value.items if isinstance(value, Seq) else (value,):
            if not isinstance(source, Map):
                self._report(Problem("BAD_KEY", "'<<' merges a mapping or a list of mappings", value.spot))
                continue
            for key, item in source.items.items():
                if key not in items:
                    items[key] = item
                    keys[key] = source.keys[key]
