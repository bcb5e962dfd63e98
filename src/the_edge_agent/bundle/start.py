"""What an image with a workflow does when it is started, and what it says about itself.

:meth:`Start.encoded` writes it when the image is built, and :func:`read` reads it when the image is started.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions.interface import StateKey
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.layout import BUNDLE, MODELS, WORKFLOW

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What an image runs. Paths start at the folder of workflows inside; ``gguf`` is the model for every node that asks one.

    ``folders`` are those that relative paths in its nodes count from. ``version`` is the workflow's own, ``""`` when it has none; ``inputs`` and ``outputs`` are its interface.
    """

    name: str
    description: str
    workflow: str
    version: str = ""
    overlays: tuple[str, ...] = ()
    actions_files: tuple[str, ...] = ()
    gguf: str | None = None
    folders: tuple[str, ...] = ()
    inputs: tuple[StateKey, ...] = ()
    outputs: tuple[StateKey, ...] = ()

    def encoded(self) -> bytes:
        """As it stands in the image."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False, default=str).encode() + b"\n"

    def sources(self, root: Path, engine: Path) -> dict[str, Any]:
        """What commands call the files of the workflow: ``file``, ``overlays``, ``actions_files``, ``gguf``.

        What was added to the engine is seen at ``root``, the rest at ``engine``.
        """
        folder = root / WORKFLOW
        return {
            "file": folder / self.workflow,
            "overlays": tuple(folder / name for name in self.overlays),
            "actions_files": tuple(folder / name for name in self.actions_files),
            "gguf": engine / MODELS / self.gguf if self.gguf else None,
        }


def read(root: Path) -> Start | None:
    """What the image whose files are seen at ``root`` says that it runs; ``None`` for one without a workflow.

    Raises:
        ImageDamaged: it cannot be read, or is of another format than this ``tea`` writes.
    """
    try:
        text = (root / BUNDLE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise _damaged() from problem
    try:
        return _decoded(text)
    except (ValueError, TypeError, LookupError, AttributeError) as problem:
        raise _damaged() from problem


def _decoded(text: bytes) -> Start:
    values = json.loads(text)
    if (written := values.pop("format")) != FORMAT:
        raise ImageDamaged(f"the image says what it runs in the format {written!r}, and the tea in it reads the format {FORMAT}")
    for name in ("overlays", "actions_files", "folders"):
        values[name] = tuple(map(_text, values[name]))
    for name in ("inputs", "outputs"):
        values[name] = tuple(StateKey(**key) for key in values[name])
    start = Start(**values)
    for value in (start.name, start.description, start.version, start.workflow, start.gguf or ""):
        _text(value)
    return start


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _damaged() -> ImageDamaged:
    return ImageDamaged("the image does not say which workflow it runs")
