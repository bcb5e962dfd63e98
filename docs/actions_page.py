# ruff: noqa: INP001 - a script beside the page it writes, no package
"""Writes docs/actions.md from the actions themselves: python docs/actions_page.py."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.actions import builtin
from the_edge_agent.actions.model.question import MODEL_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from the_edge_agent.actions.registry import Action, Parameter

PAGE = Path(__file__).with_name("actions.md")
MODEL = frozenset(MODEL_PARAMETERS)
HEAD = """\
# Actions

What `uses:` can name. `with:` holds the parameters, `output:` says where the result goes ([dialect](dialect.md#actions)).
Unknown, missing and wrong parameters are found before the run. `tea actions NAME` prints the same on the command line.

A result with `success` reports a failure in it (`{success: false, error, error_type}`) and lets the run go on;
every other failure fails the node ([errors](errors.md)). Actions marked *model* take the
[parameters of a model](models.md#parameters) as well as their own, those that make vectors only what
[an embedding model](retrieval.md#which-model-embeds) can be told. Actions marked *network* connect to the address they are given;
no other action opens a connection, a *model* one only where an API was [chosen](models.md#which-backend-answers). Actions marked *actions*
call others, those marked *code* run blocks in their parameters, those marked *files* read or write a file that the workflow names.

This page is written by `docs/actions_page.py` from the actions themselves. Actions of your own: [extending](dialect.md#imports).
"""


def page() -> str:
    """The whole text of docs/actions.md."""
    registry = builtin()
    spaces = groupby((registry[name] for name in sorted(registry)), key=lambda action: action.name.partition(".")[0])
    return "\n".join([HEAD, *(line for space, actions in spaces for line in _section(space, actions))])


def _section(space: str, actions: Iterator[Action]) -> Iterator[str]:
    yield f"## {space}\n"
    for action in actions:
        marks = "".join(f" *{'model' if need == 'llm' else need}*" for need in action.needs.words)
        yield f"### `{action.name}`{marks}\n"
        yield action.summary.replace("``", "`") + "\n"
        own = [one for one in action.parameters if not (action.needs.asks and one.name in MODEL)]
        if own:
            yield "| parameter | value | |\n|---|---|---|"
            yield from (_row(one) for one in own)
            yield ""
        yield f"Result: `{action.returns}`\n" if action.returns else "Result: any value\n"


def _row(parameter: Parameter) -> str:
    kinds = [kind for kind in parameter.kinds if kind != "null"]
    words = [f"`{json.dumps(choice)}`" for choice in parameter.choices] + kinds
    return f"| `{parameter.name}` | {' or '.join(words) or 'anything'} | {_presence(parameter)} |"


def _presence(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    try:
        return "" if parameter.default is None else f"default `{json.dumps(parameter.default)}`"
    except TypeError:
        return ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
