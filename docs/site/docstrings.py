# ruff: noqa: INP001 - read by the site's tool from its path, no package
"""Docstrings are written in reStructuredText's way; the site shows Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":\w+:`~?([^`]+)`")


class Markdown(griffe.Extension):
    """Rewrites every docstring before it is shown: roles and literals become code, and ``::`` a colon before an indented block."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called once for every module, class and function that was read."""
        if obj.docstring:
            text = ROLE.sub(r"`\1`", obj.docstring.value).replace("``", "`")
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE).replace("\n:\n", "\n")
