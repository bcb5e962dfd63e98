"""The site shows every page, and its copies have the links of a site. ``./dev site`` builds it and checks the anchors too."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


def script(name: str) -> ModuleType:
    """A script of the site as a module."""
    spec = spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = script("pages")


def named(nav: list[Any]) -> list[str]:
    """The pages that a navigation names, at any depth."""
    found: list[str] = []
    for entry in nav:
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, list):
            found += named(entry)
        else:
            found += named(list(entry.values()))
    return found


def test_the_navigation_names_every_page_once() -> None:
    configuration = tomllib.loads(PAGES.CONFIGURATION.read_text(encoding="utf-8"))
    assert sorted(named(configuration["project"]["nav"])) == sorted(PAGES.pages())


def test_every_example_is_shown() -> None:
    shown = "".join(text for page, text in PAGES.pages().items() if page.startswith("examples/"))
    files = [path for path in (ROOT / "examples").rglob("*.*") if path.suffix in {".yaml", ".py"}]
    assert [path.name for path in files if f"## {path.name} " not in shown] == []


def test_links_of_the_site_lead_to_pages() -> None:
    pages = PAGES.pages()
    for page, text in pages.items():
        for link in re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", PAGES.FENCE.sub("", text)):
            assert "://" in link or os.path.normpath(Path(page).parent / link) in pages, f"{page}: {link}"


@pytest.mark.parametrize(
    ("file", "page", "text", "copy"),
    [
        ("docs/dialect.md", "dialect.md", "[e](../examples/flow/paging.yaml)", "[e](examples/flow.md#paging-yaml)"),
        ("docs/dialect.md", "dialect.md", "[a](actions.md#error)", "[a](actions.md#error)"),
        ("README.md", "index.md", "[d](docs/cli.md)", "[d](cli.md)"),
        ("README.md", "index.md", "[e](examples)", "[e](examples/index.md)"),
        ("training/README.md", "training.md", "[r](../docs/retrieval.md)", "[r](retrieval.md)"),
        ("docs/cli.md", "cli.md", "```console image\n$ [no](link.md)\n```\n", "```console\n$ [no](link.md)\n```\n"),
    ],
)
def test_a_link_of_the_tree_becomes_one_of_the_site(file: str, page: str, text: str, copy: str) -> None:
    assert PAGES.relinked(text, file, page) == copy


def test_a_link_to_what_no_page_shows_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"docs/cli\.md: the site has no page for \.\./dev"):
        PAGES.relinked("[dev](../dev)", "docs/cli.md", "cli.md")


def test_a_page_that_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<a href="https://example.org">may be followed</a><script src="https://cdn.example/x.js"></script><img src="a.png">')
    assert script("loads").foreign(page) == ["https://cdn.example/x.js"]
