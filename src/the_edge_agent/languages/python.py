"""Python blocks: compiled once, run with only the names they use.

A block with a ``return`` of its own is the body of a function; one without is a small module whose
assigned names are the result. ``{{ expression }}`` and ``${name}`` in a block are bound to their
values (:mod:`the_edge_agent.languages.binding`), never pasted into the code.
"""

from __future__ import annotations

import ast
import builtins
import types
import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from the_edge_agent.engine.branches import Stopped
from the_edge_agent.engine.scope import NOTHING, Program, Scope
from the_edge_agent.engine.state import copy
from the_edge_agent.errors import Problem, WorkflowInvalid
from the_edge_agent.languages.binding import Binding, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Code

_FUNCTION = "block"
_NOTHING = "_tea_nothing"
_UNPLACED = "<block>"
"""File name in errors whose lines count from the start of the block."""


def compile_block(code: Code) -> Program:
    """The program of ``code``; raises :class:`WorkflowInvalid` when :func:`check` finds an error in it."""
    block = _block(code)
    if block.program is None:
        raise WorkflowInvalid(block.problems)
    return block.program


def check(code: Code) -> list[Problem]:
    """Syntax errors and templates that cannot be bound, each with its line in the workflow file."""
    return list(_block(code).problems)


def failure_line(error: BaseException, code: Code) -> int | None:
    """The line of the workflow file at which ``error`` left ``code``, ``None`` when it was not raised in there."""
    return _Place.of(code.text, code.spot).line(error)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a block stands: ``name`` is the file that tracebacks show, ``first`` and ``last`` are lines of it."""

    name: str
    first: int
    last: int
    start: Spot | None

    @classmethod
    def of(cls, text: str, spot: Spot | None) -> _Place:
        first = spot.line if spot else 1
        return cls(spot.source.name if spot else "<run>", first, first + text.count("\n"), spot)

    def line(self, error: BaseException) -> int | None:
        """The innermost line of the block that ``error`` went through."""
        found = None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.name and self.first <= trace.tb_lineno <= self.last:
                found = trace.tb_lineno
            trace = trace.tb_next
        if found is None and error.__cause__ is not None:
            return self.line(error.__cause__)
        return found

    def spot(self, error: BaseException) -> Spot | None:
        """As :meth:`line`, as a spot."""
        line = self.line(error)
        return None if line is None else self.at(line)

    def at(self, line: int) -> Spot | None:
        """The first character of ``line``."""
        if self.start is None:
            return None
        text = self.start.source.line(line)
        column = self.start.column if line == self.first else len(text) - len(text.lstrip()) + 1
        return replace(self.start, line=line, column=column)


# Names in scope


def _parallel_results(scope: Scope) -> Any:
    return scope.state.get("parallel_results", NOTHING)


def _actions(scope: Scope) -> Any:
    return scope.host.action_view(scope)


def _client(scope: Scope, module: str, attribute: str | None, package: str) -> Any:
    try:
        found = import_module(module)
    except ImportError as error:
        raise ImportError(f"node '{scope.node}' uses {attribute or module}, which is not installed: pip install {package}") from error
    return getattr(found, attribute) if attribute else found


_NAMES: dict[str, Callable[[Scope], Any]] = {
    "state": lambda scope: scope.state,
    "variables": lambda scope: scope.constants.get("variables", scope.workflow.variables),
    "actions": _actions,
    "config": lambda scope: copy(scope.workflow.config),
    "node": lambda scope: scope.node,
    "graph": lambda _: None,
    "secrets": lambda scope: scope.host.secrets,
    "parallel_results": _parallel_results,
    "json": lambda _: import_module("json"),
    "datetime": lambda _: import_module("datetime"),
    _NOTHING: lambda _: NOTHING,
}
_CLIENTS: dict[str, Callable[[Scope], Any]] = {
    "requests": lambda scope: _client(scope, "requests", None, "requests"),
    "OpenAI": lambda scope: _client(scope, "openai", "OpenAI", "openai"),
}
"""Given only to blocks that use the name and do not bind it themselves."""


# Running


@dataclass(frozen=True, slots=True)
class _Block:
    program: Program | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """What a block reads from outside: names, and the slots of its templates."""

    getters: tuple[tuple[str, Callable[[Scope], Any]], ...]
    slots: tuple[Slot, ...]

    def values(self, scope: Scope) -> dict[str, Any]:
        """The global names of one run."""
        found: dict[str, Any] = {"__builtins__": builtins, "__name__": "__tea_block__"}
        for name, getter in self.getters:
            value = getter(scope)
            if value is not NOTHING or name == _NOTHING:
                found[name] = value
        if self.slots:
            context = scope.context()
            if "parallel_results" in scope.state:
                context.setdefault("parallel_results", scope.state["parallel_results"])
            for slot in self.slots:
                found[slot.name] = slot.value(context)
        return found


@dataclass(frozen=True, slots=True)
class _Function:
    """A block that returns. ``parameters``: names from outside that it also assigns, so they are its locals."""

    code: types.CodeType
    names: _Names
    place: _Place
    parameters: tuple[str, ...]
    result_key: str | None

    def run(self, scope: Scope) -> object:
        values = self.names.values(scope)
        call = types.FunctionType(self.code, values)
        result = _guarded(call, *(values.get(name) for name in self.parameters))
        return result if self.result_key is None else {self.result_key: result}

    def spot(self, error: BaseException) -> Spot | None:
        return self.place.spot(error)


@dataclass(frozen=True, slots=True)
class _Module:
    """A block that assigns; ``assigned`` are the names that make up its result."""

    code: types.CodeType
    names: _Names
    place: _Place
    assigned: tuple[str, ...]

    def run(self, scope: Scope) -> object:
        values = self.names.values(scope)
        _guarded(exec, self.code, values)
        found = {name: values[name] for name in self.assigned if name in values}
        return found or NOTHING

    def spot(self, error: BaseException) -> Spot | None:
        return self.place.spot(error)


def _guarded(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call; a block must not end the process."""
    try:
        return call(*arguments)
    except (Exception, KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:
        raise RuntimeError(f"a block cannot end the program ({type(error).__name__}); return, or raise an error") from error


# Compiling


def _block(code: Code) -> _Block:
    return _compiled(code.text, code.result_key, code.spot, frozenset(code.variables))


@lru_cache(maxsize=1024)
def _compiled(text: str, result_key: str | None, spot: Spot | None, variables: frozenset[str]) -> _Block:
    problems: list[Problem] = []
    binding = Binding(text, spot, variables, problems.append)
    place = _Place.of(text, spot)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("always", SyntaxWarning)
        try:
            tree = _parsed(binding, is_expression=result_key is not None)
            binding.bind(tree)
            binding.place(tree, place.first)
            program = None if problems else _program(tree, binding, place, result_key)
        except SyntaxError as error:
            program = None
            if not problems:
                problems.append(_syntax_problem(error, binding, place))
        except (ValueError, RecursionError, MemoryError) as error:
            program = None
            reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
            problems.append(Problem("BAD_CODE", f"this Python cannot be compiled: {reason}", spot))
    problems.extend(_warning_problem(warning, binding, place) for warning in caught)
    return _Block(program, tuple(problems))


def _parsed(binding: Binding, *, is_expression: bool) -> ast.Module:
    """The syntax tree of a block; of an expression, that of a block which returns it."""
    if not is_expression:
        return ast.parse(binding.text, _UNPLACED)
    leading = len(binding.text) - len(binding.text.lstrip())
    # Parentheses let an expression go over several lines, as a folded YAML text may.
    found = ast.parse(f"{binding.text[:leading].count(chr(10)) * chr(10)}({binding.text.strip()}\n)", _UNPLACED, mode="eval")
    returned = ast.copy_location(ast.Return(found.body), found.body)
    return ast.Module([returned], [])


def _program(tree: ast.Module, binding: Binding, place: _Place, result_key: str | None) -> Program:
    own = list(_own_level(tree))
    used, bound = _used_and_bound(tree)
    yielded = next((node for node in own if isinstance(node, ast.Yield | ast.YieldFrom)), None)
    if yielded is not None:
        raise SyntaxError("'yield' outside function", (place.name, yielded.lineno, None, None))
    returns = [node for node in own if isinstance(node, ast.Return)]
    for node in returns:
        if node.value is None:
            node.value = ast.copy_location(ast.Name(_NOTHING, ast.Load()), node)
    if returns:
        used.add(_NOTHING)
        tree.body.append(ast.copy_location(ast.Return(ast.Name(_NOTHING, ast.Load())), tree.body[-1]))
    getters = [(known, getter) for known, getter in _NAMES.items() if known in used]
    getters += [(known, getter) for known, getter in _CLIENTS.items() if known in used - bound]
    names = _Names(tuple(getters), binding.used_slots)
    assigned = _assigned(own)
    if not returns:
        ast.fix_missing_locations(tree)
        visible = tuple(sorted(assigned - {"state"}, key=list(_order(own)).index))
        return _Module(compile(tree, place.name, "exec", dont_inherit=True), names, place, visible)
    outside = {known for known, _ in getters}
    declared = {known for node in own if isinstance(node, ast.Global) for known in node.names}
    # In a block, as in a script, the names of its top level are what `global` in a function of it means.
    shared = sorted({known for node in ast.walk(tree) if isinstance(node, ast.Global) for known in node.names} - declared)
    if shared:
        tree.body.insert(0, ast.copy_location(ast.Global(shared), tree.body[0]))
    parameters = tuple(sorted((assigned & outside) - declared - set(shared)))
    function = _function(tree, parameters)
    module = compile(ast.fix_missing_locations(ast.Module([function], [])), place.name, "exec", dont_inherit=True)
    code = next(constant for constant in module.co_consts if isinstance(constant, types.CodeType))
    return _Function(code, names, place, parameters, result_key)


def _function(tree: ast.Module, parameters: tuple[str, ...]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg(name) for name in parameters], None, [], [], None, [])
    function = ast.FunctionDef(_FUNCTION, arguments, tree.body, [], None)
    return ast.copy_location(function, tree.body[0])


_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def _own_level(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a block in the order of its text, without what lies in scopes of its own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(tree, ast.comprehension) and node is tree.target:
            continue
        yield node
        if not isinstance(node, _INNER):
            yield from _own_level(node)


def _used_and_bound(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Names the block reads anywhere, and names it binds anywhere."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.alias):
            bound.add(_imported(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            # `state += …` reads its target too, though the tree says only that it is stored.
            used.add(node.target.id)
    return used, bound


def _imported(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _order(own: list[ast.AST]) -> dict[str, None]:
    """Names in the order in which the text stores them."""
    found: dict[str, None] = {}
    for node in own:
        for name in _stored(node):
            found.setdefault(name)
    return found


def _stored(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return (node.id,)
    if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
        return (node.name,)
    if isinstance(node, ast.MatchMapping) and node.rest:
        return (node.rest,)
    return ()


def _assigned(own: list[ast.AST]) -> set[str]:
    """Names that are results: assigned, public, and nobody's function, class, import or open file."""
    names = set(_order(own))
    for node in own:
        if isinstance(node, ast.alias):
            names.discard(_imported(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.discard(node.name)
        elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            names.discard(node.optional_vars.id)
    return {name for name in names if not name.startswith("_")}


# Problems


def _syntax_problem(error: SyntaxError, binding: Binding, place: _Place) -> Problem:
    # Only what the compiler finds has lines of the file; the parser counts from the start of the block.
    line = error.lineno if error.lineno and error.filename == place.name else binding.line(error.lineno or 1, place.first)
    hint = "{{ }} in a block stands for one value; it cannot be part of a name, an operator or a statement" if binding.slots else None
    return Problem("BAD_CODE", f"this is not Python: {error.msg}", place.at(line), hint=hint)


def _warning_problem(warning: warnings.WarningMessage, binding: Binding, place: _Place) -> Problem:
    line = binding.line(warning.lineno, place.first) if warning.filename == _UNPLACED else warning.lineno
    return Problem("CODE_WARNING", str(warning.message), place.at(line), severity="warning")
