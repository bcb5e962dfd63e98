"""What a release knows about a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.release.publish.conftest import VERSION, image

from release.publish.artifact import (
    Artifact,
    ArtifactDamaged,
    Part,
    check_name,
    check_url,
    describe,
    description_of,
    load,
    load_all,
    published,
    save,
)
from the_edge_agent.errors import UsageError
from the_edge_agent.image.damage import ImageDamaged

if TYPE_CHECKING:
    from pathlib import Path

ZERO = "0" * 64
HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/etc/passwd",
    ".hidden",
    "-rf",
    "a b",
    "a\nb",
    "a;b",
    "$(x)",
    "`x`",
    "a'b",
    'a"b',
    "ä",
    "a\\b",
    "x" * 201,
    "a\0b",
    "~x",
    "*",
]


def test_an_image_says_itself_what_it_is(tmp_path: Path) -> None:
    found = describe(image(tmp_path, "tea-python-llm", "aarch64"))
    assert (found.variant, found.architecture) == ("tea-python-llm", "aarch64")
    assert load(save(found, tmp_path)) == found


def test_another_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "the_edge_agent-1.2.3.tar.gz"
    path.write_bytes(b"x")
    assert describe(path) == Artifact(name=path.name, size=1, sha256="2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")


@pytest.mark.parametrize(("name", "kind"), [("tea-other", ArtifactDamaged), ("tea-python", ArtifactDamaged)])
def test_an_image_has_the_name_of_what_it_is(name: str, kind: type[Exception], tmp_path: Path) -> None:
    made = image(tmp_path, "tea-python-llm")
    with pytest.raises(kind, match=r"is tea-python-llm 1\.2\.3 for x86_64 inside"):
        describe(made.rename(tmp_path / f"{name}-{VERSION}-x86_64.AppImage"))


def test_somebodys_agent_and_a_damaged_image_are_not_released(tmp_path: Path) -> None:
    with pytest.raises(ImageDamaged, match="somebody's agent"):
        describe(image(tmp_path, "my-agent", workflow="usr/share/workflow/agent.yaml"))
    made = image(tmp_path, "tea-python")
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(ImageDamaged):
        describe(made)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_plain(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        check_name(name)
    with pytest.raises(ValueError, match="no name"):
        Artifact(name=name, size=1, sha256=ZERO)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a/b",
        "https://",
        "https://host",
        "https:///x",
        "https://a/b c",
        "https://a/$(x)",
        "https://a/b'",
        "file:///x",
        "https://a/../b",
        "https://a/b\n",
    ],
)
def test_an_address_is_plain(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        check_url(url)


def test_what_is_known_of_a_file_stays_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"same")
    known = replace(describe(path), urls=("https://example.org/file.bin",))
    save(known, tmp_path)
    assert describe(path) == known
    path.write_bytes(b"else")
    assert describe(path).urls == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"name": "../x", "size": 1, "sha256": "", "parts": [], "urls": []}',
        '{"parts": 1}',
        '{"parts": [], "urls": [], "more": 1}',
    ],
)
def test_a_description_is_read_strictly(text: str, tmp_path: Path) -> None:
    path = description_of(tmp_path / "x")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactDamaged):
        load(path)


def test_a_description_belongs_to_its_file(tmp_path: Path) -> None:
    made = save(Artifact(name="one.bin", size=1, sha256=ZERO), tmp_path)
    made.rename(description_of(tmp_path / "two.bin"))
    with pytest.raises(ArtifactDamaged, match=r"describes one\.bin"):
        load_all(tmp_path)


def test_a_folder_without_descriptions_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file is described"):
        load_all(tmp_path)


def test_two_files_have_two_names(tmp_path: Path) -> None:
    save(Artifact(name="one.bin", size=1, sha256=ZERO, parts=(Part("two.bin", 1, ZERO),)), tmp_path)
    save(Artifact(name="two.bin", size=1, sha256=ZERO), tmp_path)
    with pytest.raises(ArtifactDamaged, match=r"two\.bin"):
        load_all(tmp_path)


def test_what_is_uploaded_are_parts_or_the_file(tmp_path: Path) -> None:
    parts = (Part("b.part-01-of-02", 1, ZERO), Part("b.part-02-of-02", 2, ZERO))
    found = published(
        [
            Artifact(name="a", size=1, sha256=ZERO),
            Artifact(name="b", size=3, sha256=ZERO, parts=parts, urls=("https://example.org/b",)),
            Artifact(name="c", size=3, sha256=ZERO, urls=("https://example.org/c",)),
        ]
    )
    assert list(found) == ["a", "b.part-01-of-02", "b.part-02-of-02"]
    assert not list(tmp_path.iterdir())
