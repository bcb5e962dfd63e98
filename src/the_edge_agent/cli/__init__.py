"""The command line: one thin file a command, imported only when that command runs."""

from __future__ import annotations

import os
import sys


def main(words: list[str] | None = None) -> int:
    """Run the command that ``words`` (default: those of the process) name and return its exit code.

    ``--version`` is answered before anything else is imported: programs that bundle ``tea`` call it to look whether it is there.
    An image that was started under its own name takes ``tea`` as its first word for the full command; without it, one that holds a
    workflow is the command of that.
    """
    words = sys.argv[1:] if words is None else words
    inside: dict[str, str] = getattr(sys.modules.get("sitecustomize"), "inside", {})
    image = inside.get("TEA_STARTED_AS") == "AppRun"
    full = image and words[:1] == ["tea"]
    words = words[1:] if full else words
    engine = inside.get("APPDIR") if image else None
    root = inside.get("TEA_AGENT") or engine
    if words in (["--version"], ["-V"]) and (full or engine is None or root is None or not _holds_a_workflow(root)):
        from the_edge_agent import __version__

        print(f"tea {__version__}")  # noqa: T201 - the answer, before click is there to echo it
        return 0
    try:
        from the_edge_agent.cli.root import run_command_line

        return run_command_line(words, image=(root, engine) if root and engine else None, full=full)
    except MemoryError:
        # Not enough even for what tells errors otherwise.
        os.write(2, b"error [MACHINE_UNABLE]: there is not enough memory\n    hint: free memory, or raise the limit: ulimit -v\n")
        return 9


def _holds_a_workflow(root: str) -> bool:
    from the_edge_agent.image.layout import BUNDLE

    return os.path.isfile(os.path.join(root, BUNDLE))  # noqa: PTH113, PTH118 - pathlib is not needed for anything else here
