"""What ``CHANGELOG.md`` says about one version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TITLE = re.compile(r"^## +\[?v?(?P<version>[^\s\]]+)\]?.*$", re.MULTILINE)


def section(path: Path, version: str) -> str:
    """The text below the heading of ``version`` (``## 1.2.3``, ``## [1.2.3] - 2026-01-31``), ``""`` where there is none."""
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    titles = list(_TITLE.finditer(text))
    for title, after in zip(titles, [*titles[1:], None], strict=True):
        if title["version"] == version:
            return text[title.end() : after.start() if after else len(text)].strip()
    return ""
