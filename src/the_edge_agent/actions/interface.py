"""What a workflow takes and what it gives, as far as its file tells: the keys of its state, for people and for a command line of its own.

``state_schema`` documents keys: ``name: type``, or ``name: {type, description, default}``; a JSON Schema with ``properties`` is read too.
``initial_state`` gives defaults. What no node writes is an input, what a node writes is an output.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from the_edge_agent.workflow import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.actions.survey import Survey

Kind = Literal["text", "integer", "number", "boolean", "json", ""]
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("str", "string", "text"), "text"),
    **dict.fromkeys(("int", "integer"), "integer"),
    **dict.fromkeys(("float", "number"), "number"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("list", "array", "dict", "object", "map", "mapping"), "json"),
}
_TYPES: Mapping[type, Kind] = {str: "text", bool: "boolean", int: "integer", float: "number", list: "json", dict: "json"}
_LUA_FIELD = re.compile(r"(\w+)\s*=(?!=)")
_PROLOG_RETURN = re.compile(r"\breturn\(\s*'?(\w+)")


@dataclass(frozen=True, slots=True)
class StateKey:
    """A key of the state: its kind (``""`` when nobody says), what it is for, and the value it has when none is given, if it has one."""

    name: str
    kind: Kind = ""
    description: str = ""
    default: Any = None


@dataclass(frozen=True, slots=True)
class Interface:
    """What is given to a workflow and what comes out of it, in the order of its file."""

    inputs: tuple[StateKey, ...]
    outputs: tuple[StateKey, ...]


def interface(survey: Survey) -> Interface:
    """The interface of the surveyed workflow. A key that has a default is an input, also where a node writes it later."""
    workflow = survey.workflow
    listed = documented(workflow)
    written = tuple(dict.fromkeys(_written(survey)))
    names = tuple(dict.fromkeys((*listed, *workflow.initial_state)))
    keys = {name: _key(name, listed.get(name), workflow.initial_state) for name in (*names, *written)}
    outputs = [name for name in listed if name in written] or written
    return Interface(
        tuple(keys[name] for name in names if name in workflow.initial_state or name not in written),
        tuple(keys[name] for name in outputs),
    )


def documented(workflow: model.Workflow) -> Mapping[str, Any]:
    """Each key of ``state_schema`` and what is said of it; the schema may be a mapping of names or a JSON Schema."""
    schema = workflow.document.get("state_schema")
    if not isinstance(schema, Mapping):
        return {}
    properties = schema.get("properties")
    return properties if schema.get("type") == "object" and isinstance(properties, Mapping) else schema


def _key(name: str, said: object, initial: Mapping[str, Any]) -> StateKey:
    about: Mapping[str, Any] = said if isinstance(said, Mapping) else {"type": said}
    default = initial.get(name, about.get("default"))
    kind = _KINDS.get(re.split(r"[\[|?]", str(about.get("type")).strip().lower())[0].strip(), _TYPES.get(type(default), ""))
    return StateKey(name, kind, str(about.get("description") or ""), default)


def _written(survey: Survey) -> Iterator[str]:
    """The keys that nodes of the workflow itself are seen to write."""
    for node in survey.workflow.nodes.values():
        output = node.output
        if output is not None:
            yield from (output.key,) if output.key is not None else (name for name, _ in output.fields or ())
        elif isinstance(node.kind, model.Code):
            yield from _returned(node.kind)


def _returned(code: model.Code) -> Iterator[str]:
    if code.result_key is not None:
        yield code.result_key
    elif code.language == "python":
        yield from _returned_by_python(code.text)
    elif code.language == "lua":
        yield from _LUA_FIELD.findall(code.text.rpartition("return")[2])
    else:
        yield from _PROLOG_RETURN.findall(code.text)


def _returned_by_python(text: str) -> Iterator[str]:
    """The keys of the mappings it returns; of a block without ``return``, the names that its first level assigns."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    returns = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    for value in returns:
        keys = value.keys if isinstance(value, ast.Dict) else ()
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
    for node in tree.body if not returns else ():
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        yield from (target.id for target in targets if isinstance(target, ast.Name))
