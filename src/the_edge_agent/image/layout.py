"""What the folders and files inside an image are called; paths from its root."""

from __future__ import annotations

from the_edge_agent.models import INSIDE as MODELS

__all__ = ("BUNDLE", "DESKTOP", "METAINFO", "MODELS", "MODULES", "PACKAGES", "PAGE", "PROLOG", "STARTERS", "WORKFLOW")

WORKFLOW = "usr/share/workflow"
"""The files of the workflow that the image runs, in the folders they have to each other."""
BUNDLE = f"{WORKFLOW}/bundle.json"
"""Says what the image runs when it is started."""
MODULES = "usr/lib/python3/dist-packages"
"""This project and the Python packages it needs."""
PACKAGES = "usr/share/packages"
"""The Python packages that an agent brings besides the engine's."""
PROLOG = "usr/lib/swi-prolog"
STARTERS = ("AppRun", "usr/bin/tea", "usr/bin/python", "usr/bin/swipl")
"""Copies of the runtime's one static starter, which looks at its own name."""
METAINFO = "usr/share/metainfo"
"""The one folder where AppStream metadata are looked for."""
DESKTOP = "tea.desktop"

PAGE = 64 * 1024
"""A model begins at a multiple of this. It is the largest page of the processors' kernels (aarch64 has 4, 16 and 64 KiB); a model that begins
in the middle of one is also held in memory in smaller pieces, which take longer to map."""
