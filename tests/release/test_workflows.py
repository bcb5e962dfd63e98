"""The workflows of GitHub: what a reviewer would look for in every change of them. `./dev workflows` and `./dev release` look further."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").iterdir())


def _load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


JOBS = [pytest.param(job, id=f"{path.stem}-{name}") for path in WORKFLOWS for name, job in _load(path)["jobs"].items()]
STEPS = [
    pytest.param(step, id=f"{path.stem}-{name}-{number}")
    for path in WORKFLOWS
    for name, job in _load(path)["jobs"].items()
    for number, step in enumerate(job.get("steps", ()))
]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_starts_without_permissions(path: Path) -> None:
    assert path.suffix == ".yaml"
    assert _load(path)["permissions"] == {}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_says_what_it_may_do_and_how_long(job: dict[str, Any]) -> None:
    assert job["permissions"]
    assert "uses" in job or 0 < job["timeout-minutes"] <= 180


@pytest.mark.parametrize("step", STEPS)
def test_an_action_is_pinned_by_its_commit(step: dict[str, Any]) -> None:
    if "uses" in step:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
    if "checkout" in step.get("uses", ""):
        assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("step", STEPS)
def test_a_script_gets_what_others_wrote_by_its_environment_only(step: dict[str, Any]) -> None:
    assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("step", STEPS)
def test_a_script_is_sound(step: dict[str, Any], tmp_path: Path) -> None:
    if "run" not in step:
        return
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    script = tmp_path / "run.sh"
    script.write_text(f"#!/usr/bin/env bash\n{step['run']}")
    done = subprocess.run(
        [shellcheck, "--shell", "bash", "--exclude", "SC2010,SC2012", str(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("step", STEPS)
def test_a_script_calls_what_there_is(step: dict[str, Any]) -> None:
    for module, verb in re.findall(r"python3? -m (release\.\w+) ([a-z]+)", step.get("run", "")):
        source = (ROOT / module.replace(".", "/") / "__main__.py").read_text()
        assert re.search(rf'(verb|files|folder)\("{verb}"', source), f"{module} has no {verb}"
    for verb in re.findall(r"\./dev ([a-z]+)", step.get("run", "")):
        assert re.search(rf"^{verb}\)", (ROOT / "dev").read_text(), re.MULTILINE), f"./dev has no {verb}"


def test_the_image_is_tried_in_these_systems() -> None:
    text = (ROOT / ".github/workflows/image.yaml").read_text()
    for system in ("ubuntu:22.04", "ubuntu:24.04", "debian:12", "debian:13", "fedora:39", "alpine"):
        assert f" {system}" in text
