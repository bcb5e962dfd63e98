"""What an action declares that it needs: models, other actions, code, files, the network.

A declaration is asked before the run, with the parameters as a node has them written (:class:`Given`). So what it
finds in a template is the template's text; :func:`templated` tells one. Whoever wants to know what a workflow needs reads
:mod:`the_edge_agent.actions.survey`, which asks the declarations of all its actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.workflow.model import Path, Value

_MARKS = ("{{", "{%", "{#", "${")


def templated(value: object) -> bool:
    """Whether ``value`` is a text with a template in it, so that nobody knows it before the node runs."""
    return isinstance(value, str) and any(mark in value for mark in _MARKS)


@dataclass(frozen=True, slots=True)
class Given:
    """What a node gives to an action, as written, and the settings of its workflow."""

    parameters: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One model that an action will ask: ``parameters`` say which. ``embeds``: it is asked for vectors, not for an answer."""

    parameters: Mapping[str, Any]
    embeds: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Another action that an action calls.

    Attributes:
        name: the action's name, or before the run a template that gives it.
        parameters: what it is given.
        name_at, parameters_at: where both stand in the parameters of the action that calls.
        filled: parameters that get their value only when the call is made; ``None``: all of them.
    """

    name: str
    parameters: Mapping[str, Any]
    name_at: Path = ()
    parameters_at: Path = ()
    filled: frozenset[str] | None = frozenset()

    def make(self, scope: Scope) -> object:
        """Call the action; raises what it raises, and :class:`NodeFailed` when there is none of this name."""
        return scope.host.action(self.name)(scope, **self.parameters)


@dataclass(frozen=True, slots=True)
class Block:
    """Code inside the parameters of an action, which stands ``at`` a path in them."""

    text: str
    language: object
    at: Path


def _nothing(_: Given) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Needs:
    """The declaration of one action.

    Attributes:
        models: the models it will ask.
        calls: the actions it will call.
        blocks: the code it will run.
        files: the files it names: (what names it, path).
        access: what it does with them: ``asks`` is only whether they are there.
        network: it opens connections by itself; a model on an API is told by ``models``.
        deferred: its parameters that it renders itself, each time it uses them.
    """

    models: Callable[[Given], Iterable[Question]] = _nothing
    calls: Callable[[Given], Iterable[Call]] = _nothing
    blocks: Callable[[Given], Iterable[Block]] = _nothing
    files: Callable[[Given], Iterable[tuple[str, object]]] = _nothing
    access: Literal["reads", "asks", "writes"] = "reads"
    network: bool = False
    deferred: frozenset[str] = frozenset()

    @property
    def asks(self) -> bool:
        """Whether it may ask a model."""
        return self.models is not _nothing

    @property
    def words(self) -> tuple[str, ...]:
        """What is needed, one word each, for people."""
        needed = {
            "actions": self.calls is not _nothing,
            "code": self.blocks is not _nothing,
            "files": self.files is not _nothing,
            "llm": self.asks,
            "network": self.network,
        }
        return tuple(word for word, so in needed.items() if so)


NONE = Needs()


def asks(given: Given) -> tuple[Question, ...]:
    """The model that the action's own parameters choose."""
    return (Question(given.parameters),)


ASKS = Needs(models=asks)


def embeds(*vectors: str) -> Callable[[Given], tuple[Question, ...]]:
    """The embedding model that the action's own parameters choose; none where one of ``vectors`` is given instead of a text."""

    def questions(given: Given) -> tuple[Question, ...]:
        has_vectors = any(given.parameters.get(name) is not None for name in vectors)
        return () if has_vectors else (Question(given.parameters, embeds=True),)

    return questions


EMBEDS = Needs(models=embeds())


def paths(*names: str) -> Callable[[Given], Iterable[tuple[str, object]]]:
    """The files that the parameters ``names`` name."""
    return lambda given: ((name, given.parameters[name]) for name in names if given.parameters.get(name) is not None)


def wraps(**pairs: str) -> Callable[[Given], Iterable[Call]]:
    """The actions that parameters name: ``wraps(action="args")`` calls the one named by ``action`` with the mapping ``args``."""

    def calls(given: Given) -> Iterable[Call]:
        for naming, arguments in pairs.items():
            name, parameters = given.parameters.get(naming), given.parameters.get(arguments) or {}
            if isinstance(name, str) and isinstance(parameters, Mapping):
                yield Call(name, parameters, (naming,), (arguments,))

    return calls


CALL_KEYS = frozenset({"uses", "action", "with"})
"""The keys of an action to call: ``{uses: NAME, with: {…}}``; ``action`` is another word for ``uses``."""


def call_in(part: object, at: Path = ()) -> Call | None:
    """The action that ``part``, which stands ``at`` a path, names; ``None`` when it is no mapping that names one with a mapping of parameters."""
    if not isinstance(part, Mapping):
        return None
    key = "action" if "action" in part else "uses"
    name, parameters = part.get(key), part.get("with") or {}
    if not isinstance(name, str) or not isinstance(parameters, Mapping):
        return None
    return Call(name, parameters, (*at, key), (*at, "with"))


def named_call(part: object, role: str, *, hint: str | None = None) -> Call:
    """As :func:`call_in` for a parameter ``role`` that holds nothing else; raises :class:`NodeFailed` when it does not."""
    call = call_in(part)
    if call is None or not isinstance(part, Mapping) or part.keys() - CALL_KEYS:
        raise NodeFailed(f"'{role}' must be {{action: NAME, with: {{...}}}}", hint=hint)
    return call


def now(value: Any, scope: Scope, name: str) -> Mapping[str, Any]:
    """The deferred parameter ``name`` with the values that ``scope`` has now; as it is where the call came with a value.

    Raises:
        NodeFailed: a template in it cannot be rendered, or it gives no mapping.
    """
    found = value.render(scope.context()) if deferred(value) else value
    if not isinstance(found, Mapping):
        raise NodeFailed(f"'{name}' must be a mapping, not {type(found).__name__}", error_type="WrongParameter")
    return found


def deferred(value: object) -> TypeGuard[Value]:
    """Whether ``value`` is a parameter that is not rendered yet."""
    return hasattr(value, "render")
