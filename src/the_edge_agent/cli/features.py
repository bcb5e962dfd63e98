"""``tea --impl --features``: what this installation of the dialect can do."""

from __future__ import annotations

import json
import platform
from importlib import metadata

import click

from the_edge_agent import __version__

BINDING = "xllamacpp"
"""Distribution that brings llama.cpp: the extra ``llm-local``."""


def binding_version() -> str | None:
    """The installed version of the llama.cpp binding, ``None`` without it. Nothing of it is loaded."""
    try:
        return metadata.version(BINDING)
    except metadata.PackageNotFoundError:
        return None


def features() -> list[str]:
    """What can be used, one word each: code languages, ways to reach a model."""
    found = {"lua": _has_lua(), "prolog": _has_prolog(), "llm-local": binding_version() is not None}
    return ["python", "llm-api", *(name for name, there in found.items() if there)]


def _has_lua() -> bool:
    from importlib.util import find_spec

    return find_spec("lupa") is not None


def _has_prolog() -> bool:
    from the_edge_agent.languages import swipl

    return swipl.executable() is not None


def print_implementation(*, features: bool, as_json: bool) -> None:
    """Print ``python``, or the features one a line; as JSON: implementation, version and features."""
    if as_json:
        found = {"implementation": "python", "version": __version__, "python": platform.python_version()}
        click.echo(json.dumps({**found, **({"features": _features()} if features else {})}, indent=2))
    elif features:
        click.echo("\n".join(_features()))
    else:
        click.echo("python")


_features = features
