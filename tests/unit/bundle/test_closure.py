"""What goes into an image beside a workflow, and what is refused because it would not work there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.agent import read, survey
from the_edge_agent.bundle import closure, code
from the_edge_agent.errors import UsageError
from the_edge_agent.image.squashfs import Squashfs

if TYPE_CHECKING:
    from the_edge_agent.bundle.closure import Closure
    from the_edge_agent.image.engine import Engine

MAIN = """
name: main
description: says hello
imports:
  - path: code/units.py
nodes:
  - name: greet
    run: |
      return {"said": "hello"}
  - name: more
    type: dynamic_parallel
    items: [1, 2]
    subgraph: ../shared/more.yaml
    fan_in: end
  - name: end
    fan_in: true
"""
MORE = "name: more\nnodes: [{name: a, run: 'return {}'}]\n"
UNITS = "def register_actions(registry, engine):\n    registry['units.double'] = lambda state, n: 2 * n\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "app/main.yaml": MAIN,
        "app/code/units.py": UNITS,
        "shared/more.yaml": MORE,
        "app/prod.yaml": "name: prod\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "app")
    return tmp_path


def gathered(path: str = "main.yaml", *overlays: str) -> Closure:
    layers = [Path(one) for one in overlays]
    workflow, problems = read(Path(path), overlays=layers)
    assert workflow is not None, problems
    return closure.gather(workflow, Path(path), layers)


def test_everything_that_is_named_comes_along_in_its_place(project: Path) -> None:
    found = gathered("main.yaml", "prod.yaml")
    assert (found.workflow, found.overlays) == ("app/main.yaml", ("app/prod.yaml",))
    contents = {one.path: one.content for one in found.contents()}
    assert set(contents) == {
        "usr/share/workflow/app/main.yaml",
        "usr/share/workflow/app/prod.yaml",
        "usr/share/workflow/app/code/units.py",
        "usr/share/workflow/shared/more.yaml",
    }
    assert contents["usr/share/workflow/app/main.yaml"] == (project / "app/main.yaml").read_bytes()


def test_a_workflow_on_its_own_shows_nothing_of_the_folders_around_it(project: Path) -> None:
    (project / "app/alone.yaml").write_text(MORE, encoding="utf-8")
    contents = gathered("alone.yaml").contents()
    assert [one.path for one in contents] == ["usr/share/workflow/alone.yaml"]
    assert str(project).encode() not in contents[0].content


def test_where_it_is_called_from_makes_no_difference(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = gathered("main.yaml")
    monkeypatch.chdir(project)
    assert gathered("app/main.yaml") == here


def test_an_absolute_path_is_refused_with_its_place(project: Path) -> None:
    (project / "app/main.yaml").write_text(MAIN.replace("code/units.py", f"{project}/app/code/units.py"), encoding="utf-8")
    with pytest.raises(UsageError, match="absolute path") as caught:
        gathered("main.yaml")
    assert str(caught.value.spot).startswith("main.yaml:5:")


def absent(engine: Engine, path: Path, *features: str) -> list[str]:
    found, problems = survey(path)
    assert found is not None, problems
    with engine.path.open("rb") as file:
        squashfs = Squashfs(file, engine.start, engine.path.stat().st_size)
        return [
            problem.message for problem in (*code.unknown_languages(found, features), *code.imports(found, (), squashfs, None).problems)
        ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import json, os.path", []),
        ("import click\nfrom yaml import safe_load\nimport single", []),
        ("import numpy as np", ["the Python package numpy is not in the engine"]),
        ("from requests.auth import x", ["the Python package requests is not in the engine"]),
        ("try:\n    import numpy\nexcept ImportError:\n    numpy = None", []),
        ("def f():\n    import pandas", ["the Python package pandas is not in the engine"]),
    ],
)
def test_packages_that_the_engine_lacks_are_told(engine: Engine, code: str, expected: list[str], tmp_path: Path) -> None:
    block = code.replace("\n", "\n      ")
    (tmp_path / "w.yaml").write_text(f"name: w\nnodes:\n  - name: a\n    run: |\n      {block}\n", encoding="utf-8")
    assert absent(engine, tmp_path / "w.yaml", "python") == expected


def test_a_block_inside_parameters_is_looked_into(engine: Engine, tmp_path: Path) -> None:
    loop = "{generator: {run: 'import numpy'}, evaluator: {type: schema, schema: {}}}"
    text = f"name: w\nnodes:\n  - {{name: a, uses: cache.wrap, with: {{action: reflection.loop, args: {loop}}}}}\n"
    (tmp_path / "w.yaml").write_text(text, encoding="utf-8")
    assert absent(engine, tmp_path / "w.yaml", "python") == ["the Python package numpy is not in the engine"]


def test_an_imported_file_is_looked_into(engine: Engine, project: Path) -> None:
    (project / "app/code/units.py").write_text("import math\n" + UNITS, encoding="utf-8")
    assert absent(engine, Path("main.yaml"), "python") == []


def test_a_language_that_the_engine_lacks_is_told(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("name: w\nnodes: [{name: a, language: lua, run: 'return {}'}]\n", encoding="utf-8")
    assert "written in lua" in absent(engine, tmp_path / "w.yaml", "python")[0]
    assert absent(engine, tmp_path / "w.yaml", "python", "lua") == []
