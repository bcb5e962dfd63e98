"""Values given on the command line: JSON text, ``@file``, ``-`` for standard input, ``key=value``, lists of names."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, NoReturn

from the_edge_agent.errors import Problem, Source, UsageError, WorkflowInvalid
from the_edge_agent.wording import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_YAML = (".yaml", ".yml")
_LARGEST = 256 * 1024 * 1024


def mapping(option: str, text: str) -> dict[str, Any]:
    """What ``option`` was given: JSON text, ``@file.json``, ``@file.yaml``, or ``-`` (standard input).

    Raises:
        UsageError: no such file, not JSON or YAML, a key twice, a value JSON has no form for, or no mapping.
    """
    value = _value(option, text)
    if not isinstance(value, dict):
        raise UsageError(
            f"{option} must be a JSON object (a mapping of names to values), got {kind(value)}",
            hint=f'for example {option} \'{{"name": "value"}}\'',
        )
    return value


def kind(value: Any) -> str:
    """What ``value`` is, for a message: ``a list``."""
    return {list: "a list", dict: "a mapping", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def typed(key: str, text: str) -> Any:
    """The value of ``key=text``: JSON where ``text`` can be read as such, else ``text``; after an ``@`` the text of a file, or of standard input (``@-``).

    One line end at the end of such a file is left out: it ends the last line and is not part of it.

    Raises:
        UsageError: a file that cannot be read, or JSON with a key twice or a number that JSON has no form for.
    """
    label, meant = f"{key}={text}", _decoded(key, text)
    literally = f"for the text itself: {quote(f'{key}={json.dumps(meant, ensure_ascii=False)}')}"
    if text.startswith("@"):
        content = _standard_input(label) if text == "@-" else _read(label, _path(text[1:]), hint=literally)
        return content.removesuffix("\n")
    try:
        return json.loads(meant, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except json.JSONDecodeError:
        return meant
    except ValueError as error:
        raise UsageError(f"{label}: {error}", hint=literally) from None
    except RecursionError:
        raise UsageError(f"{label}: nested too deeply") from None


def read_once(uses: Iterable[tuple[str, str | None]]) -> None:
    """Raise :class:`UsageError` when more than one of ``uses``, what somebody typed and for what, is standard input."""
    labels = [label for label, text in uses if text in {"-", "@-"}]
    if len(labels) > 1:
        raise UsageError(
            f"standard input can be read once, and {labels[0]} and {labels[1]} both name it", hint="put one of the two into a file"
        )


def document(path: Path) -> Any:
    """The JSON or YAML file at ``path`` (YAML if its name ends so) as plain data; raises as :func:`mapping`, but for any kind of value."""
    return _parsed(str(path), _read(str(path), path), yaml=path.suffix.lower() in _YAML)


def json_document(path: Path) -> Any:
    """The file at ``path`` as JSON, whatever its name; raises as :func:`document`."""
    return _parsed(str(path), _read(str(path), path), yaml=False)


def _value(option: str, text: str) -> Any:
    if text in {"-", "@-"}:
        content = _standard_input(option)
        return _parsed(f"{option} (standard input)", content, yaml=not content.lstrip().startswith(("{", "[")))
    if text.startswith("@"):
        path = _path(text[1:])
        return _parsed(f"{option} {text}", _read(f"{option} {text}", path), yaml=path.suffix.lower() in _YAML)
    if not text.lstrip().startswith(("{", "[")) and Path(text).is_file():
        raise UsageError(
            f"{option} takes JSON, and {text!r} is the name of a file", hint=f"put an @ before it: {option} {quote('@' + text)}"
        )
    return _parsed(option, _decoded(option, text), yaml=False)


def _path(text: str) -> Path:
    # pathlib's own raises for a user who does not exist; like this the file is just not there.
    return Path(os.path.expanduser(text))  # noqa: PTH111 - see above


def _standard_input(label: str) -> str:
    try:
        return _decoded(label, sys.stdin.read()).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UsageError(f"{label}: standard input is not UTF-8 text (byte {error.start})") from None


def _decoded(option: str, text: str) -> str:
    """``text`` that came from outside as the UTF-8 it was typed in, whatever the locale says."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        raise UsageError(f"{option}: not UTF-8 text", hint=f"put it into a UTF-8 file: {option} @FILE") from None


def _read(label: str, path: Path, *, hint: str | None = None) -> str:
    try:
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise UsageError(f"{label}: the file is larger than {_LARGEST} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{label}: there is no such file", hint=hint or f"looked for {path}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{label}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UsageError(f"{label}: {error.strerror or error}") from None


def _parsed(label: str, text: str, *, yaml: bool) -> Any:
    try:
        return _from_yaml(label, text) if yaml else json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(f"{label}: not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})", hint=_quoting(text)) from None
    except ValueError as error:
        raise UsageError(f"{label}: {error}") from None
    except RecursionError:
        raise UsageError(f"{label}: nested too deeply") from None


def _from_yaml(label: str, text: str) -> Any:
    from the_edge_agent.workflow.source import compose, plain

    problems: list[Problem] = []
    tree = compose(Source(label, text), problems.append)
    if problems:
        raise (
            WorkflowInvalid(tuple(problems))
            if len(problems) > 1
            else UsageError(f"not valid: {problems[0].message}", spot=problems[0].spot, hint=problems[0].hint)
        )
    return None if tree is None else plain(tree)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    items = dict(pairs)
    if len(items) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"the key {twice!r} is there twice"
        raise ValueError(message)
    return items


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is a number that JSON has no form for"
    raise ValueError(message)


def _quoting(text: str) -> str | None:
    if not text.strip():
        return "it is empty; an empty object is {}"
    if "'" in text and '"' not in text:
        return "JSON uses double quotes; in a shell put single quotes around the whole"
    return None


def secrets(text: str | None, prefix: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of ``--secrets-env`` (names lowercased, prefix removed) with those of ``--secrets`` on top.

    Raises:
        UsageError: as :func:`mapping`, or a secret is neither text nor a number. No message holds a value.
    """
    found: dict[str, str] = {}
    if prefix is not None:
        if not prefix:
            raise UsageError(
                "--secrets-env needs the start of a variable's name, not an empty text", hint="for example --secrets-env MYAPP_"
            )
        from the_edge_agent.agent import secrets_from

        found = secrets_from(environ, prefix)
    if text is not None:
        for name, value in mapping("--secrets", text).items():
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise UsageError(f"--secrets: the value of {name!r} is not a text", hint="secrets are texts: put it in quotes")
            found[name] = str(value)
    return found


def pairs(option: str, texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """``key=value`` texts, split at the first ``=``; raises :class:`UsageError` for one without."""
    found = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{option}: {text!r} is not of the form key=value", hint=f"for example {option} status=failed")
        found.append((key.strip(), value))
    return tuple(found)


def names(option: str, texts: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """Comma lists of node names; raises :class:`UsageError` for a name that is not in ``known``."""
    there = list(known)
    wanted = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in there:
            hint = meant(name, there, f"the nodes are: {', '.join(there)}")
            raise UsageError(f"{option}: there is no node {name!r} in the workflow", hint=hint)
    return tuple(wanted)


def writable(option: str, path: Path) -> None:
    """Raise :class:`UsageError` when no file can be written at ``path``, before anything has run."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"{option}: {path} is a folder", hint=f"name a file: {option} {quote(str(path / 'state.json'))}")
    if path.exists() and not path.is_file():
        # A device or a pipe is written to; its folder stays as it is.
        if not os.access(path, os.W_OK):
            raise UsageError(f"{option}: {path} cannot be written to")
        return
    if not folder.is_dir():
        raise UsageError(f"{option}: the folder {folder} does not exist", hint=f"mkdir -p {quote(str(folder))}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{option}: the folder {folder} cannot be written to")
