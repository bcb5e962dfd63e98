"""How a file at a hub is written."""

from __future__ import annotations

import pytest

from the_edge_agent.errors import UsageError
from the_edge_agent.models.reference import Reference, parse

PLAIN = Reference("unsloth/gemma-3-1b-it-GGUF", "gemma-3-1b-it-Q8_0.gguf")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf", PLAIN),
        ("hf://unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf", PLAIN),
        ("https://huggingface.co/unsloth/gemma-3-1b-it-GGUF/resolve/main/gemma-3-1b-it-Q8_0.gguf?download=true", PLAIN),
        ("https://huggingface.co/unsloth/gemma-3-1b-it-GGUF/blob/main/gemma-3-1b-it-Q8_0.gguf", PLAIN),
        ("a/b@0123abc/x.gguf", Reference("a/b", "x.gguf", "0123abc")),
        ("a/b@main/sub/x.gguf", Reference("a/b", "sub/x.gguf")),
        ("https://hf.co/a/b/resolve/0123abc/sub/x.gguf", Reference("a/b", "sub/x.gguf", "0123abc")),
    ],
)
def test_a_file_is_named_in_these_ways(text: str, meant: Reference) -> None:
    assert parse(text) == meant
    assert parse(str(meant)) == meant
    assert meant.file_name == meant.file.split("/")[-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.gguf",
        "a/b",
        "a/b/",
        "a//x.gguf",
        "a/b/../x.gguf",
        "a/b/./x.gguf",
        "/a/b/x.gguf",
        "a/b/x y.gguf",
        "../b/c.gguf",
        "a/b@/x",
        "a/b/c/",
    ],
)
def test_what_names_no_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no file at a hub"):
        parse(text)
