"""Custom actions: Python modules that define ``register_actions(registry, engine)``.

``registry`` is a dict the module fills with name → function. A function is called
``function(state=state, **parameters)`` and gets ``config``, ``node``, ``graph`` and ``parallel_results`` too when
it has parameters of these names. Its other parameters are what the workflow may write under ``with``.
Loading runs the module's code; whoever loads decides whether code is allowed.
"""

from __future__ import annotations

import inspect
import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.registry import Action, Registry, describe
from the_edge_agent.errors import Problem, traceback_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from the_edge_agent.engine.scope import ActionFunction, Scope
    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Import

CONTEXT = frozenset({"state", "config", "node", "graph", "parallel_results"})
"""The names the engine gives to a custom function besides the workflow's parameters."""

_ENTRY = "register_actions"


class _Unloadable(Exception):
    """A module that gives no actions."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class _Engine:
    """The ``engine`` that ``register_actions`` is handed: there, and empty."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"engine.{name} is not available: a custom action gets what it needs as parameters, see `state` and `config`")


def load_imports(imports: tuple[Import, ...], registry: Registry) -> list[Problem]:
    """Add the actions of every import to ``registry``, later ones hiding earlier ones of the same name.

    Those that cannot be loaded come back as problems (``IMPORT_FAILED``) with their place; the others are added.
    """
    problems = []
    for one in imports:
        named = str(one.path) if one.path is not None else str(one.package)
        try:
            module = _from_file(one.path) if one.path is not None else _from_name(named)
            _register(module, registry, one.namespace)
        except _Unloadable as error:
            problems.append(_problem(named, error, one.spot))
    return problems


def load_module(name: str, registry: Registry) -> list[Problem]:
    """Add the actions of the importable module ``name`` (``--actions-module``)."""
    try:
        _register(_from_name(name), registry, "")
    except _Unloadable as error:
        return [_problem(name, error, None)]
    return []


def load_file(path: Path, registry: Registry) -> list[Problem]:
    """Add the actions of the Python file at ``path`` (``--actions-file``)."""
    try:
        _register(_from_file(path), registry, "")
    except _Unloadable as error:
        return [_problem(str(path), error, None)]
    return []


def _problem(named: str, error: _Unloadable, spot: Spot | None) -> Problem:
    return Problem("IMPORT_FAILED", f"cannot import {named}: {error}", spot, hint=error.hint, details=traceback_of(error))


def _from_name(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise _Unloadable(f"there is no module '{error.name}'", "install the package, or set PYTHONPATH to where it lies") from error
        raise _raised(error) from error
    except (Exception, SystemExit) as error:
        raise _raised(error) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "no such file"
        raise _Unloadable(what, "an import's path counts from the workflow file, --actions-file's from the working directory")
    # One name a file, so that two files called alike do not meet in sys.modules.
    name = f"_tea_actions_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _Unloadable("it is not a Python file (.py)")
    module = module_from_spec(spec)
    sys.modules[name] = module
    # Modules beside it can be imported, behind everything that is installed.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise _raised(error) from error
    return module


def _raised(error: BaseException) -> _Unloadable:
    """What the module's own code raised, with the line of it where it happened."""
    where = ""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if isinstance(error, SyntaxError):
        where = f" at line {error.lineno}"
    elif trace is not None and "importlib" not in trace.tb_frame.f_code.co_filename:
        where = f" at line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename}"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return _Unloadable(f"it raised {type(error).__name__}: {text}{where}")


def _register(module: ModuleType, registry: Registry, namespace: str) -> None:
    entry = getattr(module, _ENTRY, None)
    if not callable(entry):
        raise _Unloadable(f"it defines no {_ENTRY}(registry, engine)", f"add: def {_ENTRY}(registry, engine): registry['name'] = function")
    functions: dict[Any, Any] = {}
    try:
        entry(functions, _Engine())
    except (Exception, SystemExit) as error:
        raise _raised(error) from error
    prefix = f"{namespace}." if namespace else ""
    for custom in [_custom(name, function, prefix) for name, function in functions.items()]:
        registry.add(custom)


def _custom(name: object, function: object, prefix: str) -> Action:
    if not isinstance(name, str) or not name:
        raise _Unloadable(f"{_ENTRY} used the name {name!r}; an action's name is a text")
    if not callable(function):
        raise _Unloadable(f"'{name}' is a {type(function).__name__}, not a function")
    if inspect.iscoroutinefunction(function):
        raise _Unloadable(f"'{name}' is an async function", "make it a plain function that calls asyncio.run(...)")
    accepts, by_position = _signature(function)
    if by_position:
        raise _Unloadable(f"'{name}' takes '{by_position}' by position only; parameters are given by name")
    return describe(prefix + name, function, hidden=CONTEXT, call=_adapted(function, accepts))


def _signature(function: Callable[..., Any]) -> tuple[frozenset[str], str | None]:
    """The names of :data:`CONTEXT` that ``function`` takes, and a parameter it takes by position only."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise _Unloadable(f"{function!r} does not tell its parameters", "wrap it in a function of your own") from None
    by_position = next((one.name for one in parameters.values() if one.kind is one.POSITIONAL_ONLY and one.default is one.empty), None)
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return CONTEXT, by_position
    return CONTEXT & parameters.keys(), by_position


def _adapted(function: Callable[..., Any], accepts: frozenset[str]) -> ActionFunction:
    """``function`` in the form the engine calls; a parameter the workflow gives wins over the context."""

    def call(scope: Scope, /, **parameters: Any) -> object:
        context = _context(scope)
        return function(**{name: context[name] for name in accepts}, **parameters)

    return call


def _context(scope: Scope) -> Mapping[str, object]:
    return {
        "state": scope.state,
        "config": scope.workflow.config,
        "node": scope.node,
        "graph": scope.workflow,
        "parallel_results": scope.state.get("parallel_results"),
    }
