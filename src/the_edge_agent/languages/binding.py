"""``{{ expression }}`` and ``${name}`` in a Python block: values bound to names, never text pasted into code.

Every template is replaced by a unique name before Python sees the text. In code that name is a variable
with the value; inside a string literal it becomes a replacement field of an f-string; in a comment it is
gone. So the text of a value can neither end a string nor become code.
"""

from __future__ import annotations

import ast
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import Problem, Spot
from the_edge_agent.workflow.template import Expression, Report, compile_expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.workflow.model import Context

_OPENING = re.compile(r"\{\{|\{%|\$\{(\w+)\}")
_STATEMENT_END = "%}"
# The value is bound as it is, so what would have turned it into source text is left out.
_AS_SOURCE = re.compile(r"(?:\|\s*(?:tojson|json|safe)\s*(?:\(\s*\))?\s*)+$")
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_BOUND = "{{ }} in a block is bound as one value; it cannot be"


@dataclass(frozen=True, slots=True)
class Slot:
    """One template of a block: the name it is bound to and how its value comes about."""

    name: str
    value: Callable[[Context], Any]


@dataclass(frozen=True, slots=True)
class _Template:
    """A template as found in the text, on line ``line`` (from 1) of it."""

    source: str
    spot: Spot | None


class Binding:
    """The templates of one block.

    ``text`` is the block with a name for every template. After :meth:`bind`, ``used_slots`` are those
    that code or a string really uses. Problems go to ``report``.
    """

    def __init__(self, text: str, spot: Spot | None, variables: frozenset[str], report: Report) -> None:
        self._spot = spot
        self._report = report
        self._prefix = "_tea_"
        while self._prefix in text:
            self._prefix += "_"
        self._marker = re.compile(rf"{self._prefix}(\d+)_")
        self._removed: list[tuple[int, int]] = []
        self.slots: list[_Template] = []
        self._used: dict[str, Slot] = {}
        self.text = self._replaced(text, variables)

    @property
    def used_slots(self) -> tuple[Slot, ...]:
        """The values the block needs, after :meth:`bind`."""
        return tuple(self._used.values())

    def bind(self, tree: ast.Module) -> None:
        """Turn the names in ``tree`` into values; those in impossible places are reported."""
        if self.slots:
            _Binder(self).visit(tree)

    def place(self, tree: ast.Module, first: int) -> None:
        """Number the lines of ``tree`` as in the file in which the block starts on line ``first``."""
        for node in ast.walk(tree):
            if isinstance(node, ast.expr | ast.stmt | ast.excepthandler | ast.arg | ast.keyword | ast.alias | ast.pattern):
                node.lineno = self.line(node.lineno, first)
                if node.end_lineno is not None:
                    node.end_lineno = self.line(node.end_lineno, first)

    def line(self, number: int, first: int) -> int:
        """The line in the file of line ``number`` of :attr:`text`; templates of several lines became one."""
        return number + first - 1 + sum(removed for line, removed in self._removed if line < number)

    # Finding templates

    def _replaced(self, text: str, variables: frozenset[str]) -> str:
        parts: list[str] = []
        position = 0
        while found := _OPENING.search(text, position):
            start, end, source = found.start(), found.end(), None
            if found[1] is not None:
                source = f"variables['{found[1]}']" if found[1] in variables else None
            elif found[0] == "{{":
                close = _closing(text, end)
                if close is not None:
                    source, end = text[end:close], close + 2
            elif _STATEMENT_END in text[end:]:
                self._problem("{% %} is no Python: write the if or for of Python itself", self._at(text, start))
                return "pass"
            if source is None:
                parts.append(text[position:end])
            else:
                parts.append(text[position:start] + self._slot(source, self._at(text, start)))
                self._note_lines(parts, text[start:end].count("\n"))
            position = end
        return "".join([*parts, text[position:]])

    def _slot(self, source: str, spot: Spot | None) -> str:
        self.slots.append(_Template(source.strip().strip("-").strip(), spot))
        return f"{self._prefix}{len(self.slots) - 1}_"

    def _note_lines(self, parts: list[str], removed: int) -> None:
        if removed:
            self._removed.append((sum(part.count("\n") for part in parts) + 1, removed))

    def _at(self, text: str, position: int) -> Spot | None:
        if self._spot is None:
            return None
        before = text.count("\n", 0, position)
        column = position - (text.rfind("\n", 0, position) + 1)
        return replace(self._spot, line=self._spot.line + before, column=self._spot.column + column)

    def _problem(self, message: str, spot: Spot | None) -> None:
        self._report(Problem("BAD_TEMPLATE", message, spot))

    # Binding

    def split(self, text: str) -> list[str]:
        """``text`` cut at its slots; every second part is the number of one."""
        return self._marker.split(text)

    def misplaced(self, text: str, where: str) -> bool:
        """Report a slot in ``text`` that stands where no value can; whether there is one."""
        found = self._marker.search(text)
        if found:
            template = self.slots[int(found[1])]
            self._problem(f"{_BOUND} {where}: {{{{ {template.source} }}}}", template.spot)
        return found is not None

    def in_code(self, number: int) -> str:
        """The variable that holds the value of slot ``number``."""
        template = self.slots[number]
        return self._use(f"{self._prefix}{number}_", template, _AS_SOURCE.sub("", template.source), as_text=False)

    def in_text(self, number: int) -> str:
        """The variable that holds the text of slot ``number``."""
        template = self.slots[number]
        return self._use(f"{self._prefix}{number}_text", template, template.source, as_text=True)

    def _explained(self, problem: Problem) -> None:
        """Report what is wrong with a template that may have been meant as braces of Python."""
        if "did you mean" not in (problem.hint or ""):
            hint = (
                "{{ }} in a block is a template: a value is {{ state.name }}; a brace in an f-string is {'{'}, nested ones stand apart: { {"
            )
            problem = replace(problem, hint=hint)
        self._report(problem)

    def _use(self, name: str, template: _Template, source: str, *, as_text: bool) -> str:
        if name not in self._used:
            compiled = compile_expression(source, key="run", spot=template.spot, report=self._explained)
            self._used[name] = Slot(name, compiled.text if as_text else _Copied(compiled))
        return name


@dataclass(frozen=True, slots=True)
class _Copied:
    """Gives a block a value of its own: changing it does not change the state."""

    expression: Expression

    def __call__(self, context: Context) -> Any:
        value = self.expression.evaluate(context)
        return deepcopy(value) if isinstance(value, dict | list) else value


def _closing(text: str, position: int) -> int | None:
    """Where the ``}}`` of an expression that starts at ``position`` is; strings and brackets in it are skipped."""
    depth = 0
    while position < len(text):
        character = text[position]
        if character in "\"'":
            end = _string_end(text, position)
            if end is None:
                return None
            position = end
            continue
        if character == "}" and depth == 0:
            return position if text.startswith("}}", position) else None
        depth += _BRACKETS.get(character, 0)
        position += 1
    return None


def _string_end(text: str, start: int) -> int | None:
    position = start + 1
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == text[start]:
            return position + 1
        position += 1
    return None


class _Binder(ast.NodeTransformer):
    """Puts slots into a syntax tree."""

    def __init__(self, binding: Binding) -> None:
        self._binding = binding

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for value in _names_in(node):
            self._binding.misplaced(value, "part of a name")
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        parts = self._binding.split(node.id)
        if len(parts) == 1:
            return node
        if len(parts) > 3 or parts[0] or parts[2]:  # noqa: PLR2004 - before, number, after
            self._binding.misplaced(node.id, "part of a name")
        elif not isinstance(node.ctx, ast.Load):
            self._binding.misplaced(node.id, "assigned to")
        else:
            node.id = self._binding.in_code(int(parts[1]))
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bytes):
            self._binding.misplaced(node.value.decode("latin-1"), "inside bytes")
        if not isinstance(node.value, str) or len(self._binding.split(node.value)) == 1:
            return node
        return ast.copy_location(ast.JoinedStr(self._fields(node)), node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        values: list[ast.expr] = []
        for value in node.values:
            if isinstance(value, ast.Constant):
                values += self._fields(value)
            else:
                values.append(self.visit(value))
        node.values = values
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                self._binding.misplaced(part.value, "a pattern")
        return node

    def _fields(self, node: ast.Constant) -> list[ast.expr]:
        """A string literal as the parts of an f-string."""
        found: list[ast.expr] = []
        for index, part in enumerate(self._binding.split(str(node.value))):
            if index % 2:
                name = ast.copy_location(ast.Name(self._binding.in_text(int(part)), ast.Load()), node)
                found.append(ast.copy_location(ast.FormattedValue(name, -1, None), node))
            elif part:
                found.append(ast.copy_location(ast.Constant(part), node))
        return found


def _names_in(node: ast.AST) -> list[str]:
    """The identifiers a node holds besides :class:`ast.Name` nodes."""
    if isinstance(node, ast.Constant):
        return []
    found: list[str] = []
    for _, value in ast.iter_fields(node):
        found += [value] if isinstance(value, str) else [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return found
