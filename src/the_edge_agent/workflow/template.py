"""Templates and conditions: sandboxed Jinja, compiled once, rendered any number of times from any thread.

Compiling reports what is wrong with a text (:data:`Report`) and never raises. Rendering raises
:class:`~the_edge_agent.errors.NodeFailed` with the key, the expression and the reason. Jinja itself is
imported at the first text that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from the_edge_agent.errors import NodeFailed, Problem, Spot
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from jinja2 import nodes

    from the_edge_agent.workflow.model import Condition, Context, Json, Path, Value
    from the_edge_agent.workflow.sandbox import Root, Sandbox

Report = Callable[[Problem], None]

NAMES = frozenset(["state", "variables", "secrets", "settings", "data", "env", "checkpoint", "result", "action_result", "parallel_results"])
"""The root names a template may use; which of them have a value depends on where it stands."""

FALSE_WORDS = frozenset(["", "false", "0", "no", "none"])
"""Texts that are false in a ``goto`` rule and in a condition rendered to text."""

_OPERATORS = {"=": "==", "&": "and", "|": "or", "?": "A if CONDITION else B"}
_WORDS = {
    **dict.fromkeys(("null", "nil", "undefined"), "none"),
    **{name: f"VALUE | {name}" for name in ("int", "float", "round", "min", "max", "sum")},
    "len": "VALUE | length",
    "str": "VALUE | string",
    "sorted": "VALUE | sort",
}
"""What is called by these names elsewhere, as a template has it."""

_DOLLAR = re.compile(r"\$\{(\w+)\}")
_SCALARS = (str, bool, int, float, type(None))
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_JINJA = ("{{", "{%", "{#")
_LITERALS = {"true": True, "false": False}
_VALUE = "_value"


class Expression(Protocol):
    """One compiled Jinja expression."""

    def evaluate(self, context: Context) -> Json:
        """Its value as plain data, null for a missing key; raises ``NodeFailed``."""

    def text(self, context: Context) -> str:
        """Its value as it appears inside a text; raises ``NodeFailed``, for a missing key too."""


def compile_value(data: Json, *, key: str, spot_of: Callable[[Path], Spot | None], report: Report) -> Value:
    """Compile every string in ``data`` at any depth; mapping keys are left alone.

    ``key`` names the data in messages (``with``), ``spot_of`` gives the place of what lies at a path in it.
    """
    return _compile(data, key, (), spot_of, report)


def compile_text(text: str, *, key: str, spot: Spot | None, report: Report) -> Value:
    """Compile one string."""
    if not any(mark in text for mark in _JINJA):
        return _Dollars(tuple(_DOLLAR.split(text))) if _DOLLAR.search(text) else _Constant(text)
    with _Reporting(text, key, spot, report) as problems:
        from the_edge_agent.workflow.sandbox import environment

        jinja = environment()
        stripped = text.strip()
        tree = jinja.parse(stripped)
        sole = _sole(stripped, tree)
        if sole is None:
            tree = jinja.parse(text)
        problems.unknown_names(jinja, tree)
        return _sole_value(jinja, sole, stripped, key) if sole is not None else _text_value(jinja, tree, text, key)
    return _Constant(text)


def compile_expression(source: str, *, key: str, spot: Spot | None, report: Report) -> Expression:
    """Compile one expression written without braces."""
    with _Reporting(source, key, spot, report) as problems:
        from the_edge_agent.workflow.sandbox import environment

        jinja = environment()
        tree = jinja.expression(source)
        problems.unknown_names(jinja, tree)
        return _sole_value(jinja, tree, source.strip(), key)
    return _Constant(None)


def compile_condition(source: str | bool, *, key: str, spot: Spot | None, report: Report, lenient_text: bool = False) -> Condition:  # noqa: FBT001 - a condition may be written as a boolean
    """Compile a condition: a boolean, ``!name``, a state key, or an expression with or without ``{{ }}``.

    A value that is missing from the state makes it false. ``lenient_text``: a text among
    :data:`FALSE_WORDS` is false too (rules of a ``goto``).
    """
    text = str(source).strip()
    if text.lower() in _LITERALS:
        return _Always(str(source), _LITERALS[text.lower()])
    bare = text.removeprefix("!").strip()
    if _IDENTIFIER.fullmatch(bare) and bare not in NAMES and bare.lower() != "none":
        return _StateKey(text, bare, bare != text, lenient_text)
    if "{%" in text:
        return _TextCondition(text, compile_text(text, key=key, spot=spot, report=report))
    negated, inner = bare != text, bare
    with _Reporting(text, key, spot, report) as problems:
        from the_edge_agent.workflow.sandbox import environment

        jinja = environment()
        tree = _condition_tree(jinja, inner)
        if negated and "{{" not in inner:
            negated, tree = _negated(jinja, inner)
        problems.unknown_names(jinja, tree)
        return _Truth(text, key, _expression_root(jinja, tree), jinja, negated, lenient_text)
    return _Always(text, value=False)


# Compiling


def _compile(data: Json, key: str, path: Path, spot_of: Callable[[Path], Spot | None], report: Report) -> Value:
    if isinstance(data, str):
        return compile_text(data, key=key, spot=spot_of(path), report=report)
    if isinstance(data, Mapping):
        return _Mapping(tuple((name, _compile(item, f"{key}.{name}", (*path, name), spot_of, report)) for name, item in data.items()))
    if isinstance(data, list | tuple):
        return _Sequence(tuple(_compile(item, f"{key}[{index}]", (*path, index), spot_of, report) for index, item in enumerate(data)))
    return _Constant(data)


def _sole(stripped: str, tree: nodes.Template) -> nodes.Expr | None:
    """The expression of a template that is nothing but one ``{{ }}``."""
    if not (stripped.startswith("{{") and stripped.endswith("}}")) or len(tree.body) != 1:
        return None
    from jinja2 import nodes

    output = tree.body[0]
    if isinstance(output, nodes.Output) and len(output.nodes) == 1 and not isinstance(output.nodes[0], nodes.TemplateData):
        return output.nodes[0]
    return None


def _condition_tree(jinja: Sandbox, text: str) -> nodes.Expr:
    from jinja2.exceptions import TemplateSyntaxError

    if not text:
        raise TemplateSyntaxError("a condition is empty", 1)
    if "{{" not in text:
        return jinja.expression(text)
    sole = _sole(text, jinja.parse(text))
    if sole is None:
        raise TemplateSyntaxError("{{ }} goes around the whole condition, or is left out", 1)
    return sole


def _negated(jinja: Sandbox, inner: str) -> tuple[bool, nodes.Expr]:
    """What ``!inner`` means, where ``!`` binds as ``not`` does: whether all of the expression is negated, and the expression."""
    from jinja2 import nodes

    tree = jinja.expression(f"not {inner}")
    return (True, tree.node) if isinstance(tree, nodes.Not) else (False, tree)


def _expression_root(jinja: Sandbox, tree: nodes.Expr) -> Root:
    from jinja2 import nodes

    return jinja.root([nodes.Assign(nodes.Name(_VALUE, "store", lineno=1), tree, lineno=1)])


def _sole_value(jinja: Sandbox, tree: nodes.Expr, text: str, key: str) -> _Sole:
    return _Sole(key, text, _expression_root(jinja, tree), jinja, _is_path(tree))


def _is_path(tree: nodes.Node) -> bool:
    """Whether an expression only looks something up, so its value is data already."""
    from jinja2 import nodes

    while isinstance(tree, nodes.Getattr | nodes.Getitem):
        tree = tree.node
    return isinstance(tree, nodes.Name)


def _text_value(jinja: Sandbox, tree: nodes.Template, text: str, key: str) -> _Text:
    from jinja2 import nodes

    for output in tree.find_all(nodes.Output):
        output.nodes = [part for node in output.nodes for part in _with_dollars(node)]
    flat = all(isinstance(part, nodes.Output) for part in tree.body)
    return _Text(key, text, jinja.root(tree.body), jinja, flat)


def _with_dollars(node: nodes.Expr) -> list[nodes.Expr]:
    """Split literal text at its ``${name}``, which only the author of the template can have written."""
    from jinja2 import nodes

    if not isinstance(node, nodes.TemplateData) or "${" not in node.data:
        return [node]
    found: list[nodes.Expr] = []
    for index, part in enumerate(_DOLLAR.split(node.data)):
        if index % 2:
            arguments: list[nodes.Expr] = [nodes.ContextReference(), nodes.Const(part)]
            found.append(nodes.Call(nodes.EnvironmentAttribute("dollar"), arguments, [], None, None, lineno=node.lineno))
        elif part:
            found.append(nodes.TemplateData(part, lineno=node.lineno))
    return found


class _Reporting:
    """Turns what compiling raises into a problem, and swallows it."""

    def __init__(self, text: str, key: str, spot: Spot | None, report: Report) -> None:
        self.text = text
        self.key = key
        self.spot = spot
        self.report = report

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if error is None:
            return False
        if isinstance(error, RecursionError | MemoryError):
            reason = "it is nested too deeply"
        elif isinstance(error, SyntaxError | ValueError | OverflowError):
            reason = str(error)
        else:
            from jinja2.exceptions import TemplateError

            if not isinstance(error, TemplateError):
                return False
            reason = (error.message or "it cannot be read").rstrip(".")
        self.report(Problem("BAD_TEMPLATE", f"{self.key}: {_shown(self.text)}: {reason}", self.spot, hint=_hint(reason)))
        return True

    def unknown_names(self, jinja: Sandbox, tree: nodes.Template | nodes.Expr) -> None:
        for name in jinja.unknown(tree, NAMES):
            here = _WORDS.get(name)
            others = f"a key of the state is written state.{name}; besides state there are {', '.join(sorted(NAMES - {'state'}))}"
            hint = f"here that is written {here}" if here else meant(name, NAMES, others, cutoff=0.7)
            message = f"{self.key}: {_shown(self.text)}: unknown name '{name}'"
            self.report(Problem("UNKNOWN_NAME", message, self.spot, hint=hint))


def _hint(reason: str) -> str | None:
    """What was meant: an operator of another language, or which filter or test."""
    operator = re.match(r"(?:unexpected (?:char )?|expected token 'name', got )'(=|&|\||\?)'", reason)
    if operator is not None:
        return f"here that is written {_OPERATORS[operator[1]]}"
    found = re.match(r"No (filter|test) named '(\w+)'", reason)
    if found is None:
        return None
    from the_edge_agent.workflow.sandbox import environment

    return meant(found[2], environment().filters if found[1] == "filter" else environment().tests, cutoff=0.7)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return f"`{line if len(line) <= 120 else line[:119] + '…'}`"  # noqa: PLR2004 - a line of a terminal


def _failure(key: str, text: str, error: Exception) -> NodeFailed:
    """``error``, raised while ``text`` was rendered, as the failure of a node."""
    from jinja2.exceptions import UndefinedError

    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error) or type(error).__name__
    hint = None
    if isinstance(error, UndefinedError):
        hint = "a value that may be missing is written {{ state.name | default('…') }}"
        if "secrets." in text:
            hint = "secrets come from --secrets, --secrets-env PREFIX, or settings.secrets"
    return NodeFailed(f"{key}: {_shown(text)}: {reason}", error_type=type(error).__name__, hint=hint)


# Compiled


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Json

    def render(self, _: Context) -> Json:
        return self.value if type(self.value) in _SCALARS else deepcopy(self.value)

    evaluate = render

    def text(self, _: Context) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class _Mapping:
    items: tuple[tuple[Any, Value], ...]

    def render(self, context: Context) -> Json:
        return {name: item.render(context) for name, item in self.items}


@dataclass(frozen=True, slots=True)
class _Sequence:
    items: tuple[Value, ...]

    def render(self, context: Context) -> Json:
        return [item.render(context) for item in self.items]


@dataclass(frozen=True, slots=True)
class _Dollars:
    """A text with ``${name}`` and no Jinja; every second part is a name."""

    parts: tuple[str, ...]

    def render(self, context: Context) -> Json:
        variables = context.get("variables") or {}
        return "".join(
            (str(variables[part]) if part in variables else f"${{{part}}}") if index % 2 else part for index, part in enumerate(self.parts)
        )


@dataclass(frozen=True, slots=True)
class _Sole:
    """A string that is one ``{{ expression }}``: its value keeps its type."""

    key: str
    source: str
    root: Root
    jinja: Sandbox
    is_path: bool

    def render(self, context: Context) -> Json:
        try:
            return self._plain(_evaluate(self.root, self.jinja, context))
        except Exception as error:
            raise _failure(self.key, self.source, error) from error

    evaluate = render

    def text(self, context: Context) -> str:
        from the_edge_agent.workflow.values import printable

        try:
            return str(printable(_evaluate(self.root, self.jinja, context)))
        except Exception as error:
            raise _failure(self.key, self.source, error) from error

    def _plain(self, value: Any) -> Json:
        kind = type(value)
        if kind in _SCALARS or (self.is_path and kind in (dict, list)):
            return value
        from the_edge_agent.workflow.values import Missing, plain

        if isinstance(value, Missing) and value.is_root:
            str(value)  # raises: a name, in contrast to a key, must have a value
        return plain(value)


@dataclass(frozen=True, slots=True)
class _Text:
    """A template that gives a text; ``is_flat``: without statements, so without loops."""

    key: str
    source: str
    root: Root
    jinja: Sandbox
    is_flat: bool

    def render(self, context: Context) -> Json:
        from the_edge_agent.workflow.bounds import bounded_output

        try:
            parts = self.root(self.jinja.names(context))
            return "".join(parts if self.is_flat else bounded_output(parts))
        except Exception as error:
            raise _failure(self.key, self.source, error) from error


def _evaluate(root: Root, jinja: Sandbox, context: Context) -> Any:
    names = jinja.names(context)
    for _ in root(names):
        pass
    return names.vars[_VALUE]


@dataclass(frozen=True, slots=True)
class _Always:
    source: str
    value: bool

    def holds(self, _: Context) -> bool:
        return self.value


def _is_true(value: Any, lenient_text: bool) -> bool:  # noqa: FBT001 - private, and called by position for speed
    if lenient_text and isinstance(value, str):
        return value.strip().lower() not in FALSE_WORDS
    if type(value) in _SCALARS or isinstance(value, list | dict):
        return bool(value)
    from the_edge_agent.workflow.values import printable

    return bool(printable(value))


@dataclass(frozen=True, slots=True)
class _StateKey:
    source: str
    name: str
    negated: bool
    lenient_text: bool

    def holds(self, context: Context) -> bool:
        return _is_true(context["state"].get(self.name), self.lenient_text) is not self.negated


@dataclass(frozen=True, slots=True)
class _TextCondition:
    source: str
    value: Value

    def holds(self, context: Context) -> bool:
        return str(self.value.render(context)).strip().lower() not in FALSE_WORDS


@dataclass(frozen=True, slots=True)
class _Truth:
    source: str
    key: str
    root: Root
    jinja: Sandbox
    negated: bool
    lenient_text: bool

    def holds(self, context: Context) -> bool:
        try:
            value = _evaluate(self.root, self.jinja, context)
            return _is_true(value, self.lenient_text) is not self.negated
        except Exception as error:
            from jinja2.exceptions import UndefinedError

            if isinstance(error, UndefinedError):
                return False
            raise _failure(self.key, self.source, error) from error
