"""Keys of the state on the command line: ``KEY=VALUE`` for the first one, ``--raw KEY`` for the last one, and a key that is misspelt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from the_edge_agent.cli import inputs
from the_edge_agent.errors import Problem, UsageError
from the_edge_agent.wording import closest, meant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from the_edge_agent.workflow.model import Workflow


def assigned(texts: Iterable[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts: each value is JSON where it can be read as such, else text; ``@FILE`` and ``@-`` are the text of a file.

    Raises:
        UsageError: a text without ``=``, a file that cannot be read, a key twice, or one key inside another one that is given too.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise UsageError(
                f"{text!r} is not of the form KEY=VALUE", hint="the workflow comes first, then its values: tea run FILE name=Ada count=3"
            )
        if key in found:
            raise UsageError(f"the key {key!r} is given twice", hint="leave one of the two out")
        found[key] = inputs.typed(key, value)
    for key in found:
        outer = next((other for other in found if key.startswith(f"{other}.")), None)
        if outer is not None:
            raise UsageError(f"{outer!r} is given as a whole, and {key!r} inside it too", hint=f"leave {outer}=… or {key}=… out")
    return found


def laid(assigned: Mapping[str, Any], given: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """``assigned`` laid over ``given``, to lie over the state ``below``. ``a.b`` is ``b`` inside ``a``, unless a key is called ``a.b``.

    What else is inside ``a`` stays. Nothing that was passed in is changed.

    Raises:
        UsageError: ``a`` holds something else than a mapping.
    """
    found = dict(given)
    for key, value in assigned.items():
        first, *rest = [key] if key in found or key in below else key.split(".")
        found[first] = _inside(found.get(first, below.get(first)), rest, value, key)
    return found


def _inside(outer: Any, names: list[str], value: Any, key: str) -> Any:
    if not names:
        return value
    if outer is not None and not isinstance(outer, Mapping):
        above = key.removesuffix("." + ".".join(names))
        raise UsageError(f"{key}: {above} is {inputs.kind(outer)} and not a mapping", hint=f"give it as a whole: {above}=VALUE")
    first, *rest = names
    inside = {} if outer is None else dict(outer)
    return {**inside, first: _inside(inside.get(first), rest, value, key)}


def known(workflow: Workflow) -> tuple[str, ...]:
    """The keys that ``workflow`` lists: those of ``initial_state`` and of ``state_schema``."""
    from the_edge_agent.actions.interface import documented

    return tuple(dict.fromkeys((*workflow.initial_state, *documented(workflow))))


def misspelt(given: Collection[str], known: Collection[str]) -> Iterator[Problem]:
    """A warning for each of the keys ``given`` that is not ``known`` but like one that is, which is not given itself.

    A key that is like none may be meant: a workflow need not list what it reads.
    """
    for key in given:
        near = closest(key, [name for name in known if name not in given], cutoff=0.75) if key not in known else None
        if near is not None:
            message = f"the workflow lists no key {key!r} in its initial_state or state_schema"
            yield Problem("UNKNOWN_INPUT", message, hint=f"did you mean {near!r}?", severity="warning")


def value(state: Mapping[str, Any], key: str) -> Any:
    """What ``state`` holds under ``key``: ``a.b`` is ``b`` inside ``a``, ``a.0`` the first of a list.

    Raises:
        UsageError: there is no such key; the hint names those that there are.
    """
    if key in state:
        return state[key]
    found: Any = state
    before = ""
    for name in key.split("."):
        there = dict(enumerate(found)) if isinstance(found, list) else found
        step = int(name) if isinstance(found, list) and name.isascii() and name.isdigit() else name
        if not isinstance(there, Mapping):
            raise UsageError(f"--raw {key}: {before} is {inputs.kind(there)}, there is nothing inside it", hint=f"--raw {before}")
        if step not in there:
            where = before or "the final state"
            names = [str(each) for each in there]
            hint = meant(name, names, f"the keys are: {', '.join(names)}" if names else f"{where} is empty")
            raise UsageError(f"--raw {key}: {where} has no key {name!r}", hint=hint)
        found = there[step]
        before = f"{before}.{name}" if before else name
    return found


def raw(value: Any) -> bytes:
    """``value`` as one line of JSON, or a text as it is; with a final newline."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    # Half a surrogate pair is a Python string but no UTF-8.
    return f"{text}\n".encode(errors="backslashreplace")
