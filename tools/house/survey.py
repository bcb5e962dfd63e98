"""What the tree is like: its modules, their imports, and what of them breaks the rule."""

from __future__ import annotations

import ast
import sys
from collections import Counter, deque
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tools.house import rule as rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

When = Literal["load", "run", "types"]
"""An import happens when the module is loaded, when a function runs, or only for type checkers."""
OTHER_SOURCE = frozenset({"c", "h", "json", "lua", "pl", "sh", "toml", "yaml"})
"""Suffixes of source that is not Python."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import of a module of the house by another."""

    source: str
    target: str
    line: int
    when: When


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file; ``path`` counts from the root of the tree."""

    name: str
    room: str
    path: Path
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Circle:
    """A way round: rooms, or modules of one room, of which each imports the next; the last is the first again."""

    steps: tuple[str, ...]
    imports: tuple[Import, ...]
    """One for each step."""

    def __str__(self) -> str:
        return " → ".join(self.steps)


@dataclass(frozen=True)
class House:
    """The rooms of a tree, as they are and as the rule wants them."""

    root: Path
    rule: rules.Rule
    modules: Mapping[str, Module]
    imports: tuple[Import, ...]
    lines: Mapping[str, Counter[str]]
    """Room → suffix → lines; ``py`` and those of :data:`OTHER_SOURCE`."""

    @cached_property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that are there, from the top down."""
        levels = self.levels
        return tuple(sorted(levels, key=lambda room: (-levels[room], room)))

    @cached_property
    def levels(self) -> dict[str, int]:
        """Level of each room that is there; 0 is the ground."""
        return self.rule.levels({module.room for module in self.modules.values()})

    @cached_property
    def running(self) -> tuple[Import, ...]:
        """The imports that happen when the house is loaded or runs."""
        return tuple(each for each in self.imports if each.when != "types")

    @cached_property
    def arrows(self) -> Counter[tuple[str, str]]:
        """How many imports lead from a room to another."""
        pairs = map(self.between, self.imports)
        return Counter(pair for pair in pairs if pair[0] != pair[1])

    @cached_property
    def forbidden(self) -> tuple[Import, ...]:
        """The imports that the rule does not allow. Those for type checkers count: they say what a reader has to know."""
        return tuple(each for each in self.imports if not self.rule.allows(*self.between(each)))

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Rooms that the rule does not name."""
        return tuple(room for room in self.rooms if not self.rule.knows(room))

    def between(self, each: Import) -> tuple[str, str]:
        """The rooms that an import leads from and to."""
        return self.modules[each.source].room, self.modules[each.target].room

    def place(self, each: Import) -> str:
        """Where an import stands: ``src/the_edge_agent/agent/host.py:12``."""
        return f"{self.modules[each.source].path}:{each.line}"

    @cached_property
    def circles(self) -> list[Circle]:
        """Circles of imports that happen when the house is loaded or runs: of each knot the shortest way round."""
        return [*self._circles(self.running)]

    @cached_property
    def type_circles(self) -> list[Circle]:
        """Circles that only type checkers see."""
        known = {circle.steps for circle in self.circles}
        return [circle for circle in self._circles(self.imports) if circle.steps not in known]

    def _circles(self, imports: Iterable[Import]) -> Iterator[Circle]:
        rooms: dict[tuple[str, str], Import] = {}
        modules: dict[tuple[str, str], Import] = {}
        for each in imports:
            here, there = self.between(each)
            if here == there:
                modules.setdefault((self.short(each.source), self.short(each.target)), each)
            else:
                rooms.setdefault((here, there), each)
        yield from _round(rooms)
        yield from _round(modules)

    def short(self, module: str) -> str:
        """The name of a module without that of the package."""
        return module.removeprefix(f"{Path(self.rule.package).name}.")

    @cached_property
    def libraries(self) -> tuple[tuple[Module, str], ...]:
        """The libraries that modules import which the rule wants to need none."""
        own = {name.partition(".")[0] for name in self.modules} | sys.stdlib_module_names
        starts = tuple(f"{self.rule.package}/{start}" for start in self.rule.standard_only)
        plain = (module for module in self.modules.values() if str(module.path).startswith(starts))
        return tuple((module, name) for module in plain for name in sorted({name.partition(".")[0] for name in named(module)} - own))

    def faults(self) -> list[str]:
        """Everything that breaks the rule, one line each."""
        return [
            *(f"the room {room} is not in the rule (pyproject.toml, [tool.house.may-import])" for room in self.unknown),
            *(f"{self.place(each)}: {' must not import '.join(self.between(each))} ({self.short(each.target)})" for each in self.forbidden),
            *(f"{module.path}: needs the standard library only, but imports {name}" for module, name in self.libraries),
            *(f"circle: {self.told(circle)}" for circle in self.circles),
        ]

    def told(self, circle: Circle) -> str:
        """A circle in words, with the places of the imports that lead round."""
        return f"{circle} ({', '.join(map(self.place, circle.imports))})"


def _round(ways: Mapping[tuple[str, str], Import]) -> Iterator[Circle]:
    """Of each knot in a graph with the edges ``ways``, the shortest way round."""
    after: dict[str, list[str]] = {}
    for source, target in sorted(ways):
        after.setdefault(source, []).append(target)
    paths = {member: _paths(member, after) for member in after}
    tied = [member for member in paths if member in paths[member]]
    seen: set[str] = set()
    for member in sorted(tied, key=lambda member: len(paths[member][member])):
        if member not in seen:
            seen |= {other for other in paths[member] if member in paths.get(other, ())}
            steps = paths[member][member]
            yield Circle(steps, tuple(ways[pair] for pair in pairwise(steps)))


def _paths(start: str, after: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """What can be reached from ``start``, itself included if a way leads back, with the shortest way there."""
    found: dict[str, tuple[str, ...]] = {}
    waiting: deque[tuple[str, ...]] = deque([(start,)])
    while waiting:
        path = waiting.popleft()
        for step in after.get(path[-1], ()):
            if step not in found:
                found[step] = (*path, step)
                waiting.append(found[step])
    return found


def survey(root: Path) -> House:
    """Read the tree at ``root``.

    Raises:
        SyntaxError: a file is no Python, or an import is relative.
    """
    rule = rules.read(root)
    package = root / rule.package
    modules: dict[str, Module] = {}
    lines: dict[str, Counter[str]] = {}
    for folder in (package, *(root / name for name in rule.outside)):
        for path in sorted(folder.rglob("*")):
            inner = path.relative_to(folder.parent)
            room = inner.parts[1].partition(".")[0] if folder == package else inner.parts[0]
            suffix = path.suffix.removeprefix(".")
            if "__pycache__" in inner.parts or suffix not in {"py", *OTHER_SOURCE}:
                continue
            text = path.read_text(encoding="utf-8")
            lines.setdefault(room, Counter())[suffix] += len(text.splitlines())
            if suffix == "py":
                name = ".".join(inner.with_suffix("").parts).removesuffix(".__init__")
                modules[name] = Module(name, room, path.relative_to(root), ast.parse(text, str(path)))
    found = (each for module in modules.values() for each in _imports(module, modules))
    return House(root, rule, modules, tuple(found), lines)


def _imports(module: Module, modules: Mapping[str, Module]) -> Iterator[Import]:
    for node, when in statements(module.tree):
        if when == "types" and "." not in module.name:
            continue  # What the package offers: loaded when a user asks for it, not used by the package.
        for target in sorted({home for name in names(node, module) if (home := _home(name, modules))} - {module.name}):
            yield Import(module.name, target, node.lineno, when)


def named(module: Module) -> set[str]:
    """Everything that ``module`` imports when it is loaded or runs, as dotted names."""
    return {name for node, when in statements(module.tree) if when != "types" for name in names(node, module)}


def statements(tree: ast.AST, when: When = "load") -> Iterator[tuple[ast.Import | ast.ImportFrom, When]]:
    """Every import below ``tree`` with when it happens, in the order of the file."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, when
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from statements(ast.Module(node.body, []), "types")
            yield from statements(ast.Module(node.orelse, []), when)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(node, "run" if when == "load" else when)
        else:
            yield from statements(node, when)


def _is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))


def names(node: ast.Import | ast.ImportFrom, module: Module) -> list[str]:
    """What an import statement names, each as a dotted name."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        message = f"{module.path}:{node.lineno} imports relatively: write the whole name"
        raise SyntaxError(message)
    return [f"{node.module}.{alias.name}" for alias in node.names]


def _home(name: str, modules: Mapping[str, Module]) -> str | None:
    """The module of the house that ``name``, or what it is part of, stands in."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None
