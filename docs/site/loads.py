# ruff: noqa: INP001 - a script of ./dev site, no package
"""Fails when a page of the site would load something from another host: python docs/site/loads.py FOLDER."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path


class Loads(HTMLParser):
    """Collects the addresses that a browser loads without being asked; a link that a reader may follow is none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        named = dict(attrs)
        if tag == "a" or named.get("rel") == "canonical":
            return
        self.found += [value for key in ("src", "href", "srcset", "data") if (value := named.get(key)) and "//" in value]


def foreign(page: Path) -> list[str]:
    """What ``page`` loads from another host."""
    reader = Loads()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader.found


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    told = [f"{page.relative_to(folder)} loads {address}" for page in sorted(folder.rglob("*.html")) for address in foreign(page)]
    told += [
        f"{sheet.relative_to(folder)} loads from elsewhere"
        for sheet in sorted(folder.rglob("*.css"))
        if re.search(r"""url\(["']?(https?:)?//""", sheet.read_text(encoding="utf-8"))
    ]
    sys.exit("\n".join(told) or None)
