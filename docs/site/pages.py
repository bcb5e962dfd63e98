# ruff: noqa: INP001 - a script beside the pages it copies, no package
"""Copies what the site shows into build/site-source: the pages, README and its neighbours, the examples, and a reference of the Python API.

The pages are written to be read where they lie, so their links lead through the tree (``../examples/flow/paging.yaml``). A site has other places:
each link is rewritten to the page that shows its target, and a link to something that no page shows is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "build" / "site-source"
CONFIGURATION: Final = Path(__file__).with_name("zensical.toml")
ICON: Final = ROOT / "release" / "build" / "recipe" / "tea.svg"
LINK: Final = re.compile(r"(?P<text>\[[^\]]+\])\((?P<target>[^)\s]+)\)")
FENCE: Final = re.compile(r"^```[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL)
BESIDE: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
    "training/README.md": "training.md",
}
"""Pages outside of docs: file → page."""
GROUPS: Final = {
    "flow": "Flow",
    "errors": "Errors",
    "data": "Data",
    "llm": "Language models",
    "lua": "Lua",
    "prolog": "Prolog",
    "extend": "Your own parts",
}
"""Folders of examples, in the order of the site."""


def page_of(file: str) -> str | None:
    """The page that shows ``file`` (relative to the root), with its anchor; ``None`` when there is none."""
    parts = Path(file).parts
    if parts[0] == "examples":
        page = f"examples/{parts[1]}.md" if len(parts) > 1 else "examples/index.md"
        return page if len(parts) < len(("examples", "group", "file")) else f"{page}#{anchor(parts[-1])}"
    if parts[0] == "docs" and file.endswith(".md"):
        return "/".join(parts[1:])
    return BESIDE.get(file)


def anchor(name: str) -> str:
    """The anchor of an example on its page."""
    return re.sub(r"\W", "-", name)


def relinked(text: str, file: str, page: str) -> str:
    """``text`` of ``file`` as it stands on ``page``: links lead to pages, and fences have a language only.

    Raises:
        LookupError: a link leads to something that no page shows.
    """

    def link(match: re.Match[str]) -> str:
        target, _, place = match["target"].partition("#")
        if not target or re.match(r"\w+:", target):
            return match[0]
        shown = page_of(os.path.normpath(Path(file).parent / target))
        if shown is None:
            raise LookupError(f"{file}: the site has no page for {match['target']}")
        shown, _, own = shown.partition("#")
        here = os.path.relpath(shown, Path(page).parent)
        return f"{match['text']}({here}{f'#{place or own}' if place or own else ''})"

    done, at = [], 0
    for fence in FENCE.finditer(text):
        language, _, body = fence[0].partition("\n")
        done += [LINK.sub(link, text[at : fence.start()]), language.split(" ")[0], "\n", body]
        at = fence.end()
    return "".join([*done, LINK.sub(link, text[at:])])


def examples() -> dict[str, str]:
    """Page → text: one page a folder of examples, and one that lists them all."""
    intro = "One idea each. Start them from the project's folder; the tests run every one of them with the commands beside it."
    written, listed = {}, [f"# Examples\n\n{intro}\n"]
    for folder, title in GROUPS.items():
        sections = [f"# Examples: {title}\n"]
        listed.append(f"\n## {title}\n\n")
        for file in sorted((ROOT / "examples" / folder).iterdir()):
            if file.suffix in {".yaml", ".py"}:
                about, section = example(file)
                sections.append(section)
                listed.append(f"* [{file.name}]({folder}.md#{anchor(file.name)}): {about}\n")
        written[f"examples/{folder}.md"] = "\n".join(sections)
    return {"examples/index.md": "".join(listed), **written}


def example(file: Path) -> tuple[str, str]:
    """The first sentence of an example, and its section: the comment on its top as text, its commands, then the file."""
    text = file.read_text(encoding="utf-8")
    language = "python" if file.suffix == ".py" else "yaml"
    head = re.match(r"(?:#[^\n]*\n)*", text)
    comment = [line.removeprefix("#") for line in head[0].splitlines()] if head else []
    if language == "python":
        comment = [" " + text.split('"""')[1].splitlines()[0]]
    commands = [line.strip() for line in comment if line.startswith("   ")]
    about = " ".join(line.strip() for line in comment if line.startswith(" ") and not line.startswith("   "))
    shown = text[head.end() :] if head and commands else text
    run = "\n".join(["```sh", *commands, "```", "", ""]) if commands else ""
    section = f"## {file.name} {{ #{anchor(file.name)} }}\n\n{about}\n\n{run}```{language}\n{shown.strip()}\n```\n"
    return re.split(r"(?<=\.) ", about)[0], section


def pages() -> dict[str, str]:
    """Page → text, of the whole site.

    Raises:
        LookupError: a link leads to something that no page shows.
    """
    files = [*BESIDE, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
    copied = {page: relinked((ROOT / file).read_text(encoding="utf-8"), file, page) for file in files if (page := page_of(file))}
    reference = CONFIGURATION.with_name("reference.md").read_text(encoding="utf-8")
    return {**copied, **examples(), "reference.md": reference}


def write() -> None:
    """Everything that the site's tool reads lies in ``SOURCE`` afterwards, and nothing else."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for page, text in pages().items():
        target = SOURCE / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    shutil.copy(CONFIGURATION.with_name("site.css"), SOURCE)
    shutil.copy(ICON, SOURCE)
    shutil.copy(CONFIGURATION, SOURCE.parent)


if __name__ == "__main__":
    try:
        write()
    except LookupError as error:
        sys.exit(f"site: {error}")
