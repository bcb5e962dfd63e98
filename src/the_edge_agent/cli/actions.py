"""``tea actions``: what ``uses:`` can name."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from the_edge_agent.actions.registry import Action, Parameter


def _beginning(_context: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    from the_edge_agent.actions import builtin

    return [name for name in sorted(builtin()) if name.startswith(start)]


@click.command(name="actions")
@click.argument("name", required=False, shell_complete=_beginning)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(*, name: str | None, as_json: bool) -> None:
    """List the built-in actions, or describe the one called NAME.

    NAME may also be the start of names, such as `json` for `json.parse` and `json.stringify`.
    """
    from the_edge_agent.actions import builtin

    registry = builtin()
    if name is not None and (exact := _find(registry, name)) is not None:
        click.echo(json.dumps(_described(exact), indent=2, ensure_ascii=False) if as_json else _page(exact))
        return
    chosen = [registry[each] for each in sorted(registry) if name is None or each.startswith(f"{name}.")]
    if not chosen:
        near = get_close_matches(name or "", list(registry), n=3)
        raise UsageError(
            f"there is no action {name!r}", hint=f"did you mean {', '.join(near)}?" if near else "tea actions lists all of them"
        )
    click.echo(json.dumps([_described(action) for action in chosen], indent=2, ensure_ascii=False) if as_json else _table(chosen))


def _find(registry: Mapping[str, Action], name: str) -> Action | None:
    try:
        return registry[name]
    except KeyError:
        return None


def _table(actions: Iterable[Action]) -> str:
    rows = [(action.name, action.summary + "".join(f" [{need}]" for need in action.needs.words)) for action in actions]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def _page(action: Action) -> str:
    lines = [action.name, f"  {action.summary}"]
    if action.needs.words:
        lines.append(f"  needs: {', '.join(action.needs.words)}")
    lines += ["", "parameters (under `with:`):"]
    lines += [f"  {_line(parameter)}" for parameter in action.parameters] or ["  none"]
    if action.open:
        lines.append("  and any other name")
    return "\n".join([*lines, "", f"returns: {action.returns or 'any value'}"])


def _line(parameter: Parameter) -> str:
    kinds = " or ".join(parameter.kinds) or ("one of these" if parameter.choices else "anything")
    choices = f": {', '.join(json.dumps(choice) for choice in parameter.choices)}" if parameter.choices else ""
    ending = ", required" if parameter.required else _default(parameter.default)
    return f"{parameter.name}: {kinds}{choices}{ending}"


def _default(value: object) -> str:
    text = _json(value)
    return ", optional" if text is None else f", default {text}"


def _json(value: object) -> str | None:
    """``value`` as JSON text; ``None`` for a default that only means "not given"."""
    try:
        return None if value is None else json.dumps(value, ensure_ascii=False)
    except TypeError:
        return None


def _described(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "summary": action.summary,
        "needs": list(action.needs.words),
        "returns": action.returns,
        "open": action.open,
        "parameters": [_parameter(parameter) for parameter in action.parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "kinds": list(parameter.kinds), "required": parameter.required}
    if parameter.choices:
        described["choices"] = list(parameter.choices)
    default = _json(parameter.default)
    if not parameter.required and default is not None:
        described["default"] = parameter.default
    return described
