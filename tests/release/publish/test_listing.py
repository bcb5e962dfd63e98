"""The list that install.sh reads: what is written there can be read there."""

from __future__ import annotations

import pytest

from release.build.variants import Variant, table
from release.publish import listing
from release.publish.artifact import Artifact, Part
from the_edge_agent.errors import UsageError

ZERO = "0" * 64
ROW = Variant("tea-python", "engine, Prolog and Lua", llm=False, models=())


def test_every_line_says_one_thing() -> None:
    parts = (Part("b.part-01-of-02", 1, ZERO), Part("b.part-02-of-02", 2, ZERO))
    made = listing.text(
        "1.2.3",
        {"tea-python": ROW},
        [
            Artifact(name="a", size=1, sha256=ZERO, variant="tea-python", architecture="x86_64"),
            Artifact(
                name="b", size=3, sha256=ZERO, variant="tea-python", architecture="aarch64", parts=parts, urls=("https://example.org/b",)
            ),
            Artifact(name="the_edge_agent-1.2.3.tar.gz", size=1, sha256=ZERO),
        ],
    )
    assert made.splitlines() == [
        "tea-release 1",
        "version 1.2.3",
        "variant tea-python 100000000 engine, Prolog and Lua",
        "file a tea-python x86_64 1",
        "file b tea-python aarch64 3",
        "part b.part-01-of-02 1",
        "part b.part-02-of-02 2",
        "url https://example.org/b",
        "end 8",
    ]


@pytest.mark.parametrize("version", ["", "v1", "1 2", "1\n2", "../1", "1;2", "$(x)"])
def test_a_version_is_plain(version: str) -> None:
    with pytest.raises(UsageError, match="no version"):
        listing.text(version, {}, [])


@pytest.mark.parametrize("about", ["", "two\nlines", "ä", "tab\there", " led", "two  spaces", "word " * 100])
def test_a_summary_is_plain(about: str) -> None:
    with pytest.raises(UsageError, match="not plain text"):
        listing.text("1", {"x": Variant("x", about, llm=False, models=())}, [])


def test_the_variants_of_the_tree_can_be_listed() -> None:
    made = listing.text("0.1.0", table(), [])
    assert [line.split()[1] for line in made.splitlines() if line.startswith("variant")] == list(table())


def test_memory_is_more_than_the_model() -> None:
    known = {name: listing.memory(row) for name, row in table().items()}
    assert known["tea-python"] < known["tea-python-llm"] < known["tea-python-llm-phi4"] < known["tea-python-llm-gemma"]
    with pytest.raises(UsageError, match="does not know"):
        listing.memory(Variant("x", "x", llm=True, models=("no-such.gguf",)))


def test_what_is_missing_is_known() -> None:
    there = [Artifact(name="a", size=1, sha256=ZERO, variant="tea-python", architecture="x86_64")]
    assert listing.missing({"tea-python": ROW}, there) == (("tea-python", "aarch64"),)
