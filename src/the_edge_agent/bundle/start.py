"""What an image with a workflow does when it is started: ``tea run`` on that workflow.

:meth:`Start.encoded` writes it when the image is built, and :func:`words_for` reads it when the image is started.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.layout import BUNDLE, MODELS, WORKFLOW

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What an image runs. Paths start at the folder of workflows inside; ``gguf`` is the model for every node that asks one."""

    name: str
    description: str
    workflow: str
    overlays: tuple[str, ...] = ()
    actions_files: tuple[str, ...] = ()
    gguf: str | None = None

    def encoded(self) -> bytes:
        """As it stands in the image."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False).encode() + b"\n"


def words_for(root: str, words: list[str]) -> list[str]:
    """The words of the full command for an image seen at ``root`` that was started with ``words``.

    Options given by the user come last, so that they win where an option counts once.

    Raises:
        ImageDamaged: the image's description of its workflow cannot be read, or is of another format than this ``tea`` writes.
    """
    image = Path(root)
    try:
        start = _decoded((image / BUNDLE).read_bytes())
        found = ["run", os.fspath(image / WORKFLOW / start.workflow)]
        for overlay in start.overlays:
            found += ["--overlay", os.fspath(image / WORKFLOW / overlay)]
        for file in start.actions_files:
            found += ["--actions-file", os.fspath(image / WORKFLOW / file)]
        if start.gguf:
            found += ["--gguf", os.fspath(image / MODELS / start.gguf)]
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as problem:
        raise ImageDamaged("the image does not say which workflow it runs") from problem
    return [*found, *words]


def _decoded(text: bytes) -> Start:
    values = json.loads(text)
    if (written := values.pop("format")) != FORMAT:
        raise ImageDamaged(f"the image says what it runs in the format {written!r}, and the tea in it reads the format {FORMAT}")
    return Start(**values)
