"""The table in an image's head, and what is read of ELF files."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
from tests.unit.image.conftest import TABLE, elf_file, head

from the_edge_agent.errors import UsageError
from the_edge_agent.image import elf
from the_edge_agent.image import head as heads
from the_edge_agent.image.damage import ImageDamaged
from the_edge_agent.image.head import InPlace, Table

EXAMPLE = Table(
    "ab" * 32, "tea-test", (InPlace(4096, 10, "usr/share/models/a b ä.gguf"), InPlace(8192, 5_000_000_000, "usr/share/models/c.gguf"))
)


def test_a_table_is_read_as_it_was_written() -> None:
    assert heads.read(heads.filled(head(), EXAMPLE)) == EXAMPLE


def test_the_text_is_what_the_runtime_expects() -> None:
    assert EXAMPLE.text().splitlines() == [
        "tea-table 1",
        f"payload {'ab' * 32}",
        "application tea-test",
        "file 4096 10 usr/share/models/a b ä.gguf",
        "file 8192 5000000000 usr/share/models/c.gguf",
    ]


def test_filling_changes_the_table_only_and_can_be_undone() -> None:
    bare = head()
    filled = heads.filled(bare, EXAMPLE)
    section = next(section for section in elf.sections(bare) if section.name == heads.SECTION)
    assert len(filled) == len(bare)
    assert filled[: section.start] == bare[: section.start]
    assert filled[section.start + section.size :] == bare[section.start + section.size :]
    assert heads.empty(filled) == bare
    assert heads.filled(filled, EXAMPLE) == filled


def test_too_many_models_are_refused() -> None:
    with pytest.raises(UsageError, match="16 models"):
        heads.filled(head(), Table("0" * 64, "x", tuple(InPlace(0, 0, str(number)) for number in range(17))))
    with pytest.raises(UsageError, match="16 models"):
        heads.filled(head(), Table("0" * 64, "x", (InPlace(0, 0, "x" * TABLE),)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tea-table 2\npayload 0\napplication x\n",
        "tea-table 1\npayload 0\n",
        "tea-table 1\npayload 0\napplication x\nfile a 1 x\n",
        "\xff",
    ],
)
def test_a_table_that_cannot_be_read_is_damage(text: str) -> None:
    section = next(section for section in elf.sections(head()) if section.name == heads.SECTION)
    data = bytearray(head())
    data[section.start : section.start + len(text)] = text.encode("latin-1")
    with pytest.raises(ImageDamaged, match="table"):
        heads.read(bytes(data))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin"),
        (head()[:100], "does not begin|not as long"),
        (elf_file("x86_64", {".tea_table": bytes(TABLE)}, mark=bytes(3)), "does not begin"),
        (head() + bytes(4096), "not as long"),
        (elf_file("x86_64", {}), "no table"),
    ],
)
def test_what_is_no_head_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ImageDamaged, match=why):
        heads.check(data)


def test_both_architectures_are_told_apart() -> None:
    assert [heads.check(head(name)) for name in ("x86_64", "aarch64")] == ["x86_64", "aarch64"]
    assert elf.machine(b"#!/bin/sh\n" * 10) is None
    assert elf.machine(b"\x7fELF\x01" + bytes(60)) == "other"


def test_a_real_program_is_read() -> None:
    data = Path(sys.executable).resolve().read_bytes()
    assert elf.machine(data) == platform.machine()
    assert ".text" in {section.name for section in elf.sections(data)}
    assert "libc.so.6" in elf.needed(data)


@pytest.mark.parametrize(
    ("name", "expected"), [("tea-python", "tea-python"), ("My Agent ä", "my-agent"), ("---", "tea-bundle"), ("x" * 99, "x" * 64)]
)
def test_an_application_has_a_plain_name(name: str, expected: str) -> None:
    assert heads.application(name) == expected
