"""The platform's directories for what is kept, and ``~``, also for a user without a home, as in many containers: as if it were ``/``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

APPLICATION = "the-edge-agent"
"""What the directories are called after."""

_BUNDLED: list[Path] = []


def data() -> Path:
    """For what was installed: models, engines."""
    import platformdirs

    try:
        return Path(platformdirs.user_data_dir(APPLICATION))
    except RuntimeError:
        return Path("/.local/share", APPLICATION)


def cache() -> Path:
    """For what can be had again."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir(APPLICATION))
    except RuntimeError:
        return Path("/.cache", APPLICATION)


def configuration() -> Path:
    """For the user's settings."""
    import platformdirs

    try:
        return Path(platformdirs.user_config_dir(APPLICATION))
    except RuntimeError:
        return Path("/.config", APPLICATION)


def bundle(folders: Iterable[Path]) -> None:
    """From now on a relative path is looked for in ``folders`` too, those of the bundled agent that runs."""
    _BUNDLED[:] = folders


def found(path: Path) -> Path:
    """Where the file or folder ``path`` is to be read: from the working directory, which may replace what is bundled, else from the bundle.

    ``path`` itself where neither has it.
    """
    if path.is_absolute() or path.exists():
        return path
    return next((folder / path for folder in _BUNDLED if (folder / path).exists()), path)


def expanded(path: str) -> Path:
    """``path`` with a ``~`` or ``~USER`` at its start replaced; as it is where there is no such home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's own raises where there is no such home
