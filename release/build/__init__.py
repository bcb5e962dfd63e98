"""Builds what is released: ``python -m release.build --help``.

::

    machine                   the processors to build for
    runtime                   the C side of an image: head, starter, the library inside
    debs · wheels · payload   what an engine consists of → a folder of files
    engine                    that folder → an engine image
    variants                  an engine + models → the images that are released
    plan · smoke              what a release builds and whether it may begin; whether an image that was built answers
    locks                     pins the packages that all of this is made of

`recipe` holds what an engine consists of besides this project and the runtime: lists, locks, and a few files of its own.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The source tree."""
RECIPE = Path(__file__).with_name("recipe")
RUNTIME = ROOT / "runtime" / "build"
"""Where the C side is built: ``ARCH/head`` and the others."""
WORK = ROOT / "build" / "appimage"
"""Where packages that were fetched, and engines, are kept."""
