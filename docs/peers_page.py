# ruff: noqa: INP001 - a script beside the page it writes, no package
"""Writes docs/other-implementations.md from src/the_edge_agent/peers.toml: python docs/peers_page.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).with_name("other-implementations.md")
HEAD = """\
# What other implementations accept

Look here when a workflow or a command that works elsewhere is refused, or when `tea` warns that a key has no effect.
`tea` says the same itself:

```console
$ tea trace list
error [USAGE]: There is no command 'trace': trace files are not available in this version; `tea run FILE --stream` writes every event as JSON.
    hint: tea --help
$ echo $?
2
```

What works in both but behaves differently stands in [the dialect](dialect.md#differences-from-other-implementations).
This page is written by `docs/peers_page.py` from `src/the_edge_agent/peers.toml`.
"""
SECTIONS: dict[peers.Section, tuple[str, str, str]] = {
    "ignored": ("Keys without effect", "A workflow may have these keys. A warning names each one.", "key"),
    "refused": ("Keys that are an error", "A workflow with one of these keys does not run.", "key"),
    "actions": ("Actions", "A `uses:` with one of these names is an error before the run. `*` stands for the rest of a name.", "action"),
    "commands": ("Commands", "These are not commands here.", "command"),
    "options": ("Options", "These are not options of `tea run` and `tea resume`.", "option"),
}


def page() -> str:
    """The whole text of the page."""
    return "\n".join([HEAD, *(line for section in SECTIONS for line in _section(section))])


def _section(section: peers.Section) -> Iterator[str]:
    title, about, column = SECTIONS[section]
    yield f"## {title}\n"
    yield f"{about}\n"
    yield f"| {column} | why | instead |\n|---|---|---|"
    for note in peers.notes()[section]:
        names = " ".join(f"`{name}`" for name in note.names)
        yield f"| {names} | {note.why} | {note.instead or ''} |".replace("  |", " |")
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
