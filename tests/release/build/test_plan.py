"""What a release plans to build, and when it refuses to begin."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from release.build import plan, variants
from release.build.__main__ import main
from release.build.machine import MACHINES
from the_edge_agent.errors import UsageError
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from pathlib import Path

PHI = "tea-python-llm-phi4"
_Usage = type(shutil.disk_usage("/"))


def _lock(monkeypatch: pytest.MonkeyPatch, *, locked: bool) -> None:
    rows = tuple(replace(row, locked=locked, size=10 * plan.GIB) for row in catalogue.catalogue())
    monkeypatch.setattr(catalogue, "catalogue", lambda: rows)
    monkeypatch.setattr(catalogue, "known", lambda name: next((row for row in rows if row.file_name == name), None))


def _free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(count, 0, count))


def test_a_job_for_every_variant_and_architecture() -> None:
    rows = plan.matrix()["include"]
    assert [(row["variant"], row["architecture"]) for row in rows] == [(name, machine) for name in variants.table() for machine in MACHINES]
    assert {row["runner"] for row in rows} == {"ubuntu-24.04", "ubuntu-24.04-arm"}


def test_some_variants_for_one_architecture() -> None:
    assert plan.matrix([PHI], ["aarch64"])["include"] == [
        {
            "variant": PHI,
            "architecture": "aarch64",
            "runner": "ubuntu-24.04-arm",
            "model": "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf",
        }
    ]


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(UsageError, match="tea-nothing"):
        plan.matrix(["tea-nothing"])


def test_a_variant_with_room_and_a_locked_model_may_begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _lock(monkeypatch, locked=True)
    _free(monkeypatch, 100 * plan.GIB)
    assert plan.check(PHI, tmp_path) == (22 * plan.GIB, 100 * plan.GIB)


def test_too_small_a_disk_is_said_before_the_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _lock(monkeypatch, locked=True)
    _free(monkeypatch, 21 * plan.GIB)
    with pytest.raises(UsageError, match=r"takes 22\.0 GiB, .* has 21\.0 GiB free"):
        plan.check(PHI, tmp_path)


def test_a_model_that_nobody_has_looked_at_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _lock(monkeypatch, locked=False)
    with pytest.raises(UsageError, match="not locked") as refused:
        plan.check(PHI, tmp_path)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("tea models lock microsoft_Phi-4")


def test_an_image_without_a_model_of_its_own_needs_no_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _lock(monkeypatch, locked=False)
    _free(monkeypatch, 3 * plan.GIB)
    assert plan.check("tea-python", tmp_path) == (2 * plan.GIB, 3 * plan.GIB)


def test_what_is_refused_is_an_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _lock(monkeypatch, locked=False)
    assert main(["check", PHI]) == 2
    assert "not locked" in capsys.readouterr().err
