"""``notify`` and ``template``: a line for the user, a text from a template."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.actions.needs import Needs, paths
from the_edge_agent.actions.registry import Json, action
from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from the_edge_agent.engine.scope import Scope
    from the_edge_agent.errors import Problem

_MOST_CHARACTERS = 4 * 1024 * 1024


@action("notify", returns="{sent, channel}")
def notify(_: Scope, /, *, message: Json, channel: str = "info") -> Json:
    """Print ``[CHANNEL] message`` on standard error; standard output is the answer's."""
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, default=str)
    line = _printable(f"[{channel.upper()}] {text}")
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    return {"sent": True, "channel": channel}


def _printable(text: str) -> str:
    """``text`` without the control characters by which a model's answer could steer a terminal."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


@action("template", returns="{text}", needs=Needs(files=paths("path")))
def template(scope: Scope, /, *, template: str | None = None, path: str | None = None, data: dict[str, Json] | None = None) -> Json:
    """Render a template file (``path``, relative to the working directory) or a text.

    It sees ``state``, ``variables`` and ``data``, and neither secrets nor the environment: its text may come from
    a model. ``template`` has been rendered once before it gets here, like every parameter.
    """
    if (template is None) == (path is None):
        raise NodeFailed("template needs either 'template' or 'path'", error_type="WrongParameter", hint="add `path: letter.txt`")
    text, key = (_text_of(path), path) if path is not None else (template or "", "template")
    return {"text": rendered(text, key=key, scope=scope, data=data)}


def _text_of(path: str) -> str:
    from the_edge_agent.actions.outside.file import readable

    try:
        text = readable(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise NodeFailed(
            f"cannot read the template {path}: {reason}", error_type="TemplateMissing", hint=f"working directory: {Path.cwd()}"
        ) from None
    if len(text) > _MOST_CHARACTERS:
        raise NodeFailed(f"the template {path} is larger than {_MOST_CHARACTERS} characters", error_type="TemplateTooLarge")
    return text


def rendered(text: str, *, key: str, scope: Scope, data: dict[str, Json] | None) -> str:
    """``text`` as a template over state, variables and ``data`` (the workflow's own when ``None``)."""
    from the_edge_agent.workflow.template import compile_value

    problems: list[Problem] = []
    value = compile_value(text, key=key, spot_of=lambda _: None, report=problems.append)
    if problems:
        raise NodeFailed(problems[0].message, error_type="TemplateError", hint=problems[0].hint)
    context = {
        "state": scope.state,
        "variables": scope.workflow.variables,
        "data": scope.workflow.data if data is None else data,
    }
    result = value.render(context)
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
