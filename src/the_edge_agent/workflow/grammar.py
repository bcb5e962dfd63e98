"""Shapes: what a piece of a workflow file may look like.

The dialect is written down once as a tree of shapes (:mod:`the_edge_agent.workflow.dialect`). From it come
the check of a file (:meth:`Shape.check`, with file:line:col and did-you-mean) and the JSON Schema for editors
(:meth:`Shape.schema`), so that the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from the_edge_agent import peers
from the_edge_agent.errors import Problem
from the_edge_agent.wording import meant
from the_edge_agent.workflow.source import Map, Report, Scalar, Seq, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FREE_PREFIX = "x-"
"""Keys that start with it are the user's own, everywhere."""


class Shape(Protocol):
    """What a value may be."""

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        """Report everything wrong with ``tree``, which stands at ``where`` (such as ``nodes[2].with``); ``True`` if nothing is."""

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema (draft 2020-12)."""

    def noun(self) -> str:
        """How an error message calls it."""


def _kind(tree: Tree) -> str:
    if isinstance(tree, Map):
        return "a mapping"
    if isinstance(tree, Seq):
        return "a list"
    value = tree.value
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {value[:30]!r}"
    return f"{'true' if value is True else 'false' if value is False else value}"


def _wrong(shape: Shape, tree: Tree, where: str, report: Report, hint: str | None = None) -> bool:
    report(Problem("WRONG_TYPE", f"'{where}' must be {shape.noun()}, not {_kind(tree)}", tree.spot, hint=hint))
    return False


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""

    def check(self, tree: Tree, where: str, report: Report) -> bool:  # noqa: ARG002 - the protocol's signature
        return True

    def schema(self) -> dict[str, Any]:
        return {}

    def noun(self) -> str:
        return "anything"


@dataclass(frozen=True, slots=True)
class Text:
    """A string; ``empty`` allows the empty one."""

    empty: bool = True

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if isinstance(tree, Scalar) and isinstance(tree.value, str) and (self.empty or tree.value.strip()):
            return True
        hint = None
        if isinstance(tree, Scalar) and not isinstance(tree.value, str) and tree.value is not None:
            hint = "put it in quotes"
        return _wrong(self, tree, where, report, hint)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"} if self.empty else {"type": "string", "pattern": "\\S"}

    def noun(self) -> str:
        return "a text" if self.empty else "a text that is not empty"


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        return (isinstance(tree, Scalar) and isinstance(tree.value, bool)) or _wrong(self, tree, where, report)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def noun(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds; ``whole`` ones have no fraction."""

    low: float | None = None
    high: float | None = None
    whole: bool = False
    above: bool = False
    """``low`` itself is excluded."""

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        value = tree.value if isinstance(tree, Scalar) else None
        if isinstance(value, int if self.whole else int | float) and not isinstance(value, bool) and self._inside(value):
            return True
        return _wrong(self, tree, where, report)

    def _inside(self, value: float) -> bool:
        if self.low is not None and (value < self.low or (self.above and value == self.low)):
            return False
        return self.high is None or value <= self.high

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        if self.low is not None:
            schema["exclusiveMinimum" if self.above else "minimum"] = self.low
        if self.high is not None:
            schema["maximum"] = self.high
        return schema

    def noun(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low} to {self.high}"
        if self.low is not None:
            return f"{kind} above {self.low}" if self.above else f"{kind}, at least {self.low}"
        return kind


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            if tree.value in self.words:
                return True
            return _wrong(self, tree, where, report, meant(tree.value, self.words))
        return _wrong(self, tree, where, report)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}

    def noun(self) -> str:
        return f"'{self.words[0]}'" if len(self.words) == 1 else "one of " + ", ".join(self.words)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one shape."""

    item: Shape
    least: int = 0

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if not isinstance(tree, Seq):
            return _wrong(self, tree, where, report)
        if len(tree.items) < self.least:
            report(Problem("EMPTY_LIST", f"'{where}' must not be empty", tree.spot))
            return False
        right = [self.item.check(item, f"{where}[{i}]", report) for i, item in enumerate(tree.items)]
        return all(right)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()} | ({"minItems": self.least} if self.least else {})

    def noun(self) -> str:
        return "a list"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping with free keys and values of one shape."""

    value: Shape = field(default_factory=Anything)

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if not isinstance(tree, Map):
            return _wrong(self, tree, where, report)
        right = [self.value.check(item, f"{where}.{key}", report) for key, item in tree.items.items()]
        return all(right)

    def schema(self) -> dict[str, Any]:
        inner = self.value.schema()
        return {"type": "object", "additionalProperties": inner} if inner else {"type": "object"}

    def noun(self) -> str:
        return "a mapping"


@dataclass(frozen=True, slots=True)
class Either:
    """One of several shapes, told apart by the kind of YAML value; the last one's message is used when none fits."""

    shapes: tuple[Shape, ...]

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        for shape in self.shapes:
            if shape.check(tree, where, lambda _: None):
                return True
        fitting = [shape for shape in self.shapes if _fits(shape, tree)]
        if fitting:
            return fitting[0].check(tree, where, report)
        return _wrong(self, tree, where, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [shape.schema() for shape in self.shapes]}

    def noun(self) -> str:
        return " or ".join(shape.noun() for shape in self.shapes)


def _fits(shape: Shape, tree: Tree) -> bool:
    """Whether ``tree`` is of the YAML kind that ``shape`` is about, so that its message is the useful one."""
    if isinstance(shape, Record | Variants | MapOf | Reference):
        return isinstance(tree, Map)
    if isinstance(shape, ListOf):
        return isinstance(tree, Seq)
    if isinstance(shape, Choice | Text):
        return isinstance(tree, Scalar) and isinstance(tree.value, str)
    return (
        isinstance(shape, Number) and isinstance(tree, Scalar) and isinstance(tree.value, int | float) and not isinstance(tree.value, bool)
    )


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record. ``aliases`` are other spellings of it."""

    name: str
    shape: Shape
    doc: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    code: str = "MISSING_FIELD"
    """Code of the problem when it is required and not there."""


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys.

    ``lenient`` accepts unknown keys unless they look like a typing error. ``near`` are keys of related records, which an
    unknown key may have been meant to be. ``section`` is the record's name in ``peers.toml``, which lists the keys that
    other implementations have: some are accepted with a warning that they have no effect here, others are an error.
    """

    title: str
    keys: tuple[Key, ...]
    lenient: bool = False
    near: frozenset[str] = frozenset()
    section: str = ""
    """Without it: the title."""

    @property
    def _ignored(self) -> Mapping[str, peers.Note]:
        return peers.ignored(self.section or self.title)

    @property
    def _refused(self) -> Mapping[str, peers.Note]:
        return peers.refused(self.section or self.title)

    def noun(self) -> str:
        return f"a mapping ({self.title})"

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if not isinstance(tree, Map):
            return _wrong(self, tree, where, report)
        known = {spelling: key for key in self.keys for spelling in (key.name, *key.aliases)}
        checked = [self._check_key(name, known, tree, where, report) for name in tree.items]
        right = all(checked)
        for key in self.keys:
            given = [name for name in (key.name, *key.aliases) if name in tree.items]
            if key.required and not given:
                report(Problem(key.code, f"{self.title} needs '{key.name}'", tree.spot, hint=f"add '{key.name}: …' ({key.doc})"))
                right = False
            if len(given) > 1:
                report(
                    Problem(
                        "DUPLICATE_KEY",
                        f"'{given[0]}' and '{given[1]}' say the same thing",
                        tree.keys[given[1]],
                        hint="keep one of the two",
                    )
                )
                right = False
        return right

    def _check_key(self, name: str, known: Mapping[str, Key], tree: Map, where: str, report: Report) -> bool:
        value, spot = tree.items[name], tree.keys.get(name, tree.spot)
        if name in known:
            return known[name].shape.check(value, f"{where}.{name}" if where else name, report)
        if name.startswith(FREE_PREFIX):
            return True
        if note := self._ignored.get(name):
            report(Problem("NO_EFFECT", f"'{name}' has no effect here: {note.why}", spot, hint=note.instead, severity="warning"))
            return True
        if note := self._refused.get(name):
            report(Problem("OUT_OF_SCOPE", f"'{name}' is not supported: {note.why}", spot, hint=note.instead or "remove it"))
            return False
        hint = meant(name, {*known, *self.near}, cutoff=0.75 if self.lenient else 0.6)
        if self.lenient and not hint:
            return True
        hint = hint or f"known keys: {', '.join(sorted(known))}"
        report(Problem("UNKNOWN_KEY", f"{self.title} has no key '{name}'", spot, hint=hint))
        return False

    def schema(self) -> dict[str, Any]:
        properties = {spelling: key.shape.schema() | {"description": key.doc} for key in self.keys for spelling in (key.name, *key.aliases)}
        properties = {name: {"description": f"no effect here: {note}"} for name, note in self._ignored.items()} | properties
        properties |= {name: {"description": f"not supported: {note}", "not": {}} for name, note in self._refused.items()}
        schema: dict[str, Any] = {"title": self.title, "type": "object", "properties": properties}
        plain = [key.name for key in self.keys if key.required and not key.aliases]
        if plain:
            schema["required"] = plain
        rules = [_exactly_one(key) if key.required else _at_most_one(key) for key in self.keys if key.aliases]
        if rules:
            schema["allOf"] = rules
        if not self.lenient:
            schema |= {"patternProperties": {f"^{FREE_PREFIX}": {}}, "additionalProperties": False}
        return schema


def _exactly_one(key: Key) -> dict[str, Any]:
    return {"oneOf": [{"required": [spelling]} for spelling in (key.name, *key.aliases)]}


def _at_most_one(key: Key) -> dict[str, Any]:
    spellings = (key.name, *key.aliases)
    pairs = [(a, b) for i, a in enumerate(spellings) for b in spellings[i + 1 :]]
    return {"not": {"anyOf": [{"required": list(pair)} for pair in pairs]}}


@dataclass(frozen=True, slots=True)
class Variants:
    """A mapping whose keys depend on which kind it is; ``pick`` tells the kind (reporting when it cannot)."""

    title: str
    pick: Callable[[Map, str, Report], str | None]
    records: Mapping[str, Record]

    def noun(self) -> str:
        return f"a mapping ({self.title})"

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        if not isinstance(tree, Map):
            return _wrong(self, tree, where, report)
        kind = self.pick(tree, where, report)
        return kind is not None and self.records[kind].check(tree, where, report)

    def schema(self) -> dict[str, Any]:
        return {"title": self.title, "anyOf": [record.schema() for record in self.records.values()]}


@dataclass(frozen=True, slots=True)
class Reference:
    """A shape named once in the schema's ``$defs`` and used in several places, itself included."""

    name: str
    resolve: Callable[[], Shape]

    def noun(self) -> str:
        return self.resolve().noun()

    def check(self, tree: Tree, where: str, report: Report) -> bool:
        return self.resolve().check(tree, where, report)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}
