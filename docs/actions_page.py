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

A node does something by calling an *action*: it reads a file, asks a model, validates data. `uses:` names the action, `with:` holds its parameters, and
`output:` says where the result goes ([dialect](dialect.md#actions)).

```yaml
# save.yaml
name: save
nodes:
  - name: write
    uses: file.write
    with: {path: note.txt, content: "Hello, {{ state.name }}!"}
    output: written
```

```console
$ tea run save.yaml --input '{"name": "Ada"}'
{
  "name": "Ada",
  "written": {
    "path": "note.txt",
    "success": true
  }
}
```

`tea actions` lists all actions in your terminal, and `tea actions NAME` describes one. If a parameter is unknown, missing or wrong, `tea` says so before
the run. You can write [actions of your own](dialect.md#imports) in Python.

* If a result has `success`, the action reports a failure in it: `{success: false, error, error_type}`. The run goes on. Every other failure fails
  the node ([errors](errors.md)).
* An action marked *model* takes the [parameters of a model](models.md#parameters) as well as its own. One that only makes vectors takes what
  [an embedding model](retrieval.md#which-model-embeds) can be told.
* An action marked *network* connects to the address that you give it. No other action opens a connection; a *model* one does only where you
  [chose an API](models.md#which-backend-answers).
* An action marked *actions* calls others. One marked *code* runs blocks in its parameters. One marked *files* reads or writes a file that the
  workflow names.

`docs/actions_page.py` writes this page from the actions themselves.
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
            yield "| parameter | value | default |\n|---|---|---|"
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
        return "" if parameter.default is None else f"`{json.dumps(parameter.default)}`"
    except TypeError:
        return ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
