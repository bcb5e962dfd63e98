"""What ``tea doctor``, ``tea inspect`` and ``tea --impl`` tell about the languages of blocks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from the_edge_agent.cli.doctor import diagnose
from the_edge_agent.cli.features import features
from the_edge_agent.cli.inspect import command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.prolog
def test_doctor_tells_which_prolog_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEA_SWIPL", str(shutil.which("swipl")))
    found = diagnose().subjects["languages"]["prolog"]
    assert found["program"] == shutil.which("swipl")
    assert found["version"][0].isdigit()
    assert "prolog" in features()


def test_doctor_tells_that_a_named_prolog_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEA_SWIPL", str(tmp_path / "none"))
    diagnosis = diagnose()
    assert diagnosis.subjects["languages"]["prolog"] == {"program": None, "version": None}
    assert any("TEA_SWIPL names no program" in error.message for error in diagnosis.broken)
    assert "prolog" not in features()


def test_doctor_tells_that_prolog_does_not_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "swipl"
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("TEA_SWIPL", str(broken))
    assert any("cannot be started" in error.message and "swi-prolog-nox" in (error.hint or "") for error in diagnose().broken)


@pytest.mark.prolog
@pytest.mark.parametrize(("setting", "shown"), [("false", True), ("true", False)])
def test_inspect_tells_of_blocks_without_a_sandbox(tmp_path: Path, *, setting: str, shown: bool) -> None:
    inner = "name: inner\nsettings: {prolog: {sandbox: " + setting + "}}\nnodes:\n  - {name: a, language: prolog, run: 'return(a, 1).'}\n"
    outer = "name: outer\nnodes:\n  - {name: fan, type: dynamic_parallel, items: [1], subgraph: inner.yaml, fan_in: end}\n  - {name: end, fan_in: true}\n"
    (tmp_path / "inner.yaml").write_text(inner, encoding="utf-8")
    (tmp_path / "outer.yaml").write_text(outer, encoding="utf-8")
    done = CliRunner().invoke(command, [str(tmp_path / "outer.yaml")])
    assert done.exit_code == 0, done.output
    assert ("Prolog blocks of inner run without a sandbox" in done.output) is shown
