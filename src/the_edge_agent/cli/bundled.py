"""What an image that holds a workflow does when it is started: ``tea run`` on that workflow."""

from __future__ import annotations

import json
import os
from pathlib import Path

from the_edge_agent.appimage.damage import ImageDamaged

FOLDER = "usr/share/workflow"


def words_for(root: str, words: list[str]) -> list[str]:
    """The words of the full command for an image seen at ``root`` that was started with ``words``.

    Options given by the user come last, so that they win where an option counts once.

    Raises:
        ImageDamaged: the image's description of its workflow cannot be read.
    """
    folder = Path(root) / FOLDER
    try:
        start = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        found = ["run", os.fspath(folder / start["workflow"])]
        for overlay in start["overlays"]:
            found += ["--overlay", os.fspath(folder / overlay)]
        for file in start["actions_files"]:
            found += ["--actions-file", os.fspath(folder / file)]
        if start["gguf"]:
            found += ["--gguf", os.fspath(Path(root) / "usr/share/models" / start["gguf"])]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ImageDamaged("the image does not say which workflow it runs", hint="get or build the file again") from problem
    return [*found, *words]
