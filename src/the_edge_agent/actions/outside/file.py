"""``file.*``: local files, by paths relative to the working directory. A bundled agent also reads what came with it. Failures are reported in the result."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent import directories, writing
from the_edge_agent.actions.needs import Needs, paths
from the_edge_agent.actions.registry import Json, action

if TYPE_CHECKING:
    from collections.abc import Callable

    from the_edge_agent.engine.scope import Scope

_READ = Needs(files=paths("path"))
_WRITTEN = Needs(files=paths("path"), access="writes")
_MOST_BYTES = 64 * 1024 * 1024


class _Unusable(Exception):
    """A path or content that is refused; ``error_type`` goes to the result."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def local(path: str) -> Path:
    """``path`` as a local path, ``~`` expanded; raises ``ValueError`` for a URL, an empty path, a NUL, a home nobody has."""
    if "://" in path:
        raise ValueError(f"Not a local path: {path}; remote files are not supported, use http.get for a web address")
    if not path or "\0" in path:
        raise ValueError("The path is empty or holds a NUL character")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"There is no such home directory: {path}") from None


_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (FileNotFoundError, "File not found: {path}", "not_found"),
    (PermissionError, "Permission denied: {path}", "permission_denied"),
    (IsADirectoryError, "Is a directory: {path}", "is_directory"),
    (NotADirectoryError, "Not a directory: {path}", "not_directory"),
    (UnicodeError, "Cannot convert the text of {path}: {error}", "encoding"),
    (LookupError, "{error}: {path}", "encoding"),
    (ValueError, "{error}", "bad_path"),
    (OSError, "{error.strerror}: {path}", "io_error"),
)
"""The first that fits says how a failure is reported."""


def readable(path: str) -> Path:
    """As :func:`local`, for a file that is read: also one of the bundled agent that runs."""
    return directories.found(local(path))


def _reported(path: str, work: Callable[[Path], dict[str, Json]], place: Callable[[str], Path] = local) -> Json:
    """The result of ``work``, or what went wrong in the shape all of ``file.*`` shares."""
    try:
        return {**work(place(path)), "success": True}
    except _Unusable as error:
        return _failure(str(error), error.error_type)
    except (OSError, ValueError, LookupError) as error:
        message, error_type = next((message, error_type) for kind, message, error_type in _FAILURES if isinstance(error, kind))
        return _failure(message.format(path=path, error=error), error_type)


def _failure(message: str, error_type: str) -> Json:
    return {"success": False, "error": message, "error_type": error_type}


@action("file.read", returns="{content, success} or {success: false, error, error_type}", needs=_READ)
def read(_: Scope, /, *, path: str, encoding: str = "utf-8", max_bytes: int = _MOST_BYTES) -> Json:
    """Read a text file of at most ``max_bytes`` bytes; line ends are kept as they are."""

    def work(file: Path) -> dict[str, Json]:
        with file.open("rb") as stream:
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise _Unusable(f"File is larger than max_bytes ({max_bytes}): {path}", "too_large")
        return {"content": content.decode(encoding)}

    return _reported(path, work, readable)


@action("file.write", returns="{path, success} or {success: false, error, error_type}", needs=_WRITTEN)
def write(_: Scope, /, *, path: str, content: str, encoding: str = "utf-8") -> Json:
    """Write a text file, whole or not at all; missing directories are made."""

    def work(file: Path) -> dict[str, Json]:
        if file.is_dir():
            raise IsADirectoryError
        file.parent.mkdir(parents=True, exist_ok=True)
        writing.write(file, content.encode(encoding))
        return {"path": path}

    return _reported(path, work)


@action("file.append", returns="{path, success} or {success: false, error, error_type}", needs=_WRITTEN)
def append(_: Scope, /, *, path: str, content: str, encoding: str = "utf-8") -> Json:
    """Add text to the end of a file; the file and missing directories are made."""

    def work(file: Path) -> dict[str, Json]:
        data = content.encode(encoding)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as stream:
            stream.write(data)
        return {"path": path}

    return _reported(path, work)


@action("file.exists", returns="{exists, is_directory, path, success}", needs=Needs(files=paths("path"), access="asks"))
def exists(_: Scope, /, *, path: str) -> Json:
    """Tell whether there is a file or directory at ``path``."""
    return _reported(path, lambda file: {"exists": file.exists(), "is_directory": file.is_dir(), "path": path}, readable)


@action("file.delete", returns="{deleted, path, success} or {success: false, error, error_type}", needs=_WRITTEN)
def delete(_: Scope, /, *, path: str, missing_ok: bool = False) -> Json:
    """Delete a file; a directory is refused, a missing file reported unless ``missing_ok``."""

    def work(file: Path) -> dict[str, Json]:
        if file.is_dir() and not file.is_symlink():
            raise IsADirectoryError
        there = file.is_symlink() or file.exists()
        file.unlink(missing_ok=missing_ok)
        return {"deleted": there, "path": path}

    return _reported(path, work)


@action("file.list", returns="{files, directories, count, path, success} or {success: false, error, error_type}", needs=_READ)
def list_files(_: Scope, /, *, path: str = ".", pattern: str = "*", recursive: bool = False) -> Json:
    """List the files and directories under ``path`` whose name fits ``pattern``, sorted, relative to ``path``."""

    def work(folder: Path) -> dict[str, Json]:
        if not folder.is_dir():
            raise NotADirectoryError if folder.exists() else FileNotFoundError
        if os.sep in pattern or ".." in pattern:
            raise _Unusable(f"The pattern fits names, not paths: {pattern!r}; use `recursive: true` for what lies deeper", "bad_pattern")
        found = sorted(folder.rglob(pattern) if recursive else folder.glob(pattern))
        names = [(entry.relative_to(folder).as_posix(), entry.is_dir()) for entry in found]
        files = [name for name, is_directory in names if not is_directory]
        directories = [name for name, is_directory in names if is_directory]
        return {"files": files, "directories": directories, "count": len(files), "path": path}

    return _reported(path, work, readable)
