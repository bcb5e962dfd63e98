"""What ``uses:`` can name: actions with declared parameters, loaded on use.

An action is a function whose signature is its declaration::

    @action("json.parse", returns="{data, success}")
    def parse(scope: Scope, /, *, text: str, strict: bool = True) -> Json:
        '''Parse JSON text.'''

Parameters are keyword-only; the annotation says what a value may be (checked before the run where it
is a constant, and again when the node runs), the default makes it optional, ``**rest: Any`` takes
further names. A module declares the actions of one namespace.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from the_edge_agent.actions.needs import NONE, Needs, deferred
from the_edge_agent.errors import NodeFailed
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import ActionFunction, Scope

Json = Any
"""A JSON value: ``None``, bool, int, finite float, str, list of Json, dict of str to Json."""

F = TypeVar("F", bound=Callable[..., Any])

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING", "__bool__": lambda _: False})()
"""Default of a parameter whose absence differs from null."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action; ``kinds`` are JSON kind names, ``choices`` constants; both empty: anything."""

    name: str
    kinds: tuple[str, ...]
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()

    def accepts(self, value: object) -> bool:
        """Whether ``value`` is one of the choices or of one of the kinds (an int is a number too, a bool is neither)."""
        if not self.kinds and not self.choices:
            return True
        chosen = any(type(value) is type(choice) and value == choice for choice in self.choices)
        return chosen or any(_is_kind(value, kind) for kind in self.kinds)

    @property
    def expected(self) -> str:
        """What it accepts, for a message: ``string or integer``, ``'deep', 'shallow' or null``."""
        names = [*(repr(choice) for choice in self.choices), *self.kinds]
        return " or ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "any value"


FaultCode = Literal["UNKNOWN_PARAMETER", "MISSING_PARAMETER", "WRONG_PARAMETER"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the parameters given to an action."""

    code: FaultCode
    parameter: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A registered action. ``open`` ones take parameters beyond those declared.

    ``function`` checks what it is given first and raises :class:`NodeFailed` when it does not fit.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    function: ActionFunction
    returns: str = ""
    open: bool = False
    needs: Needs = NONE
    one_of: tuple[str, ...] = ()
    """Parameters of which exactly one must be given."""

    def parameter(self, name: str) -> Parameter | None:
        """The declared parameter called ``name``."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def faults(
        self,
        given: Mapping[str, object],
        *,
        elsewhere: Collection[str] | None = (),
        unknown_yet: Callable[[object], bool] = lambda _: False,
    ) -> Iterator[Fault]:
        """What is wrong with ``given``.

        Parameters named in ``elsewhere`` (``None``: all of them) get their value from another place and are not missing; values for
        which ``unknown_yet`` holds (templates before the run) are not judged.
        """
        for name, value in given.items():
            parameter = self.parameter(name)
            if parameter is None and not self.open:
                yield Fault("UNKNOWN_PARAMETER", name, f"{self.name} has no parameter '{name}'", self._names(name))
            elif parameter is not None and not unknown_yet(value) and not parameter.accepts(value):
                yield Fault("WRONG_PARAMETER", name, f"{self.name}: '{name}' must be {parameter.expected}, not {shown(value)}")
        if elsewhere is None:
            return
        for parameter in self.parameters:
            if parameter.required and parameter.name not in given and parameter.name not in elsewhere:
                message = f"{self.name} needs the parameter '{parameter.name}' ({parameter.expected})"
                yield Fault("MISSING_PARAMETER", parameter.name, message, f"add `{parameter.name}:` under `with:`")
        yield from self._alternatives(given, elsewhere)

    def _alternatives(self, given: Mapping[str, object], elsewhere: Collection[str]) -> Iterator[Fault]:
        chosen = [name for name in self.one_of if given.get(name) is not None or name in elsewhere]
        names = " or ".join(f"'{name}'" for name in self.one_of)
        if self.one_of and not chosen:
            yield Fault("MISSING_PARAMETER", self.one_of[0], f"{self.name} needs {names}", f"add `{self.one_of[0]}:` under `with:`")
        elif len(chosen) > 1:
            yield Fault("WRONG_PARAMETER", chosen[1], f"{self.name} takes either {names}, not both", "keep one of the two")

    def _names(self, wrong: str) -> str:
        names = [parameter.name for parameter in self.parameters]
        return meant(wrong, names) or (f"it takes {', '.join(names)}" if names else "it takes no parameters")


def shown(value: object, width: int = 40) -> str:
    """A value for a message: its kind, and constants that are short in full."""
    kind = next((kind for kind in ("null", "boolean", "integer", "number", "string", "list", "mapping") if _is_kind(value, kind)), None)
    if kind is None:
        return f"a Python {type(value).__name__}"
    if kind == "null":
        return kind
    text = repr(value)
    return f"{kind} {text}" if kind not in ("list", "mapping") and len(text) <= width else kind


def _is_kind(value: object, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    python = {"string": str, "boolean": bool, "mapping": Mapping, "list": list, "null": type(None)}[kind]
    return isinstance(value, python)


_KINDS: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "mapping",
    list: "list",
    Mapping: "mapping",
    Sequence: "list",
    type(None): "null",
}


def _kinds(annotation: object) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """An annotation → (JSON kind names, allowed constants); both empty when it allows anything."""
    origin = get_origin(annotation)
    if origin is Literal:
        return (), get_args(annotation)
    if origin in (Union, types.UnionType):
        parts = [_kinds(part) for part in get_args(annotation)]
        if ((), ()) in parts:
            return (), ()
        return tuple(kind for kinds, _ in parts for kind in kinds), tuple(choice for _, choices in parts for choice in choices)
    kind = _KINDS.get(origin or annotation)
    return ((kind,) if kind else ()), ()


def _hint(function: Callable[..., Any], parameter: inspect.Parameter) -> object:
    """The annotation of one parameter as an object, ``Any`` when it names something that exists for type checkers only."""
    if parameter.annotation is inspect.Parameter.empty:
        return Any
    carrier = types.SimpleNamespace(__annotations__={"it": parameter.annotation})
    try:
        return get_type_hints(carrier, globalns=getattr(function, "__globals__", {}))["it"]
    except (NameError, TypeError, AttributeError, SyntaxError):
        return Any


def _parameters(function: Callable[..., Any], hidden: frozenset[str]) -> tuple[tuple[Parameter, ...], bool]:
    """The parameters a workflow gives to ``function``, and whether it takes further names."""
    found = []
    takes_more = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            takes_more = True
        elif parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) and parameter.name not in hidden:
            kinds, choices = _kinds(_hint(function, parameter))
            required = parameter.default is inspect.Parameter.empty
            default = None if required else parameter.default
            found.append(Parameter(parameter.name, kinds, required, default, choices))
    return tuple(found), takes_more


def describe(
    name: str,
    function: Callable[..., Any],
    *,
    returns: str = "",
    needs: Needs = NONE,
    one_of: tuple[str, ...] = (),
    hidden: frozenset[str] = frozenset(),
    call: ActionFunction | None = None,
) -> Action:
    """Read an :class:`Action` off a function's signature.

    Parameters named in ``hidden`` are not the workflow's to give; ``call`` is called instead of ``function``
    when that does not take the scope itself.
    """
    parameters, takes_more = _parameters(function, hidden)
    target: ActionFunction = call or function

    def checked(scope: Scope, /, **given: Any) -> object:
        faults = list(described.faults(given, unknown_yet=deferred))
        if faults:
            message = "; ".join(fault.message for fault in faults)
            raise NodeFailed(message, error_type="WrongParameter", hint=faults[0].hint)
        return target(scope, **given)

    summary = (inspect.getdoc(function) or "").strip().partition("\n")[0]
    described = Action(name, summary, parameters, checked, returns, takes_more, needs, one_of)
    return described


_DECLARED: dict[str, dict[str, Action]] = {}
"""module name → action name → action, filled by the decorator while a namespace module loads."""


def action(name: str, *, returns: str = "", needs: Needs = NONE, one_of: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Declare the decorated function as the action ``name`` of the module it stands in."""

    def declare(function: F) -> F:
        _DECLARED.setdefault(function.__module__, {})[name] = describe(name, function, returns=returns, needs=needs, one_of=one_of)
        return function

    return declare


class Registry(Mapping[str, Action]):
    """The actions a workflow can name: built-in ones by namespace, custom ones added on top.

    A namespace's module is imported when one of its actions is first looked up.
    """

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        """``namespaces``: the part of a name before its first dot → the module that declares it."""
        self._namespaces = namespaces
        self._custom: dict[str, Action] = {}

    def __getitem__(self, name: str) -> Action:
        if name in self._custom:
            return self._custom[name]
        if name.startswith("actions."):
            return self._aliased(name)
        return self._declared(name.partition(".")[0])[name]

    def __iter__(self) -> Iterator[str]:
        for namespace in self._namespaces:
            yield from (name for name in self._declared(namespace) if name not in self._custom)
        yield from self._custom

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, custom: Action) -> None:
        """Register ``custom``; it hides a built-in or earlier action of the same name."""
        self._custom[custom.name] = custom

    def copy(self) -> Registry:
        """A registry with the same actions; what is added to one is not seen by the other."""
        twin = Registry(self._namespaces)
        twin._custom.update(self._custom)
        return twin

    def _aliased(self, alias: str) -> Action:
        """The peer's second spelling: ``actions.json_parse`` is ``json.parse``, ``actions.llm_local_chat`` is ``llm.local.chat``."""
        flat = alias.removeprefix("actions.")
        for name, found in {**self._declared(flat.partition("_")[0]), **self._custom}.items():
            if name.replace(".", "_") == flat:
                return found
        raise KeyError(alias)

    def _declared(self, namespace: str) -> dict[str, Action]:
        module = self._namespaces.get(namespace)
        if module is None:
            return {}
        import_module(module)
        return {name: found for name, found in _DECLARED[module].items() if name.partition(".")[0] == namespace}
