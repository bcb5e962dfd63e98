from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from tools.house import graph, text
from tools.house.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.house.survey import House

ROOT = Path(__file__).parents[2]
RULE = """
[tool.house]
package = "src/pack"
outside = ["yard"]
ground = ["__init__", "errors"]
standard-only = ["engine/"]
[tool.house.may-import]
workflow = []
engine = ["workflow"]
planned = ["engine"]
cli = ["workflow", "engine"]
yard = ["engine"]
"""
TREE = {
    "src/pack/__init__.py": '"""The pack."""',
    "src/pack/errors.py": '"""Errors."""',
    "src/pack/workflow/__init__.py": '"""What ``is`` run."""',
    "src/pack/workflow/model.py": "from pack.errors import A, B",
    "src/pack/engine/__init__.py": '"""Runs it."""',
    "src/pack/engine/run.py": "import json\nfrom pack.workflow.model import Workflow",
    "src/pack/engine/rules.pl": "a.\nb.",
    "src/pack/cli/__init__.py": "from pack.engine import run",
}


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., House]:
    def build(files: dict[str, str] | None = None, rule: str = RULE) -> House:
        (tmp_path / "pyproject.toml").write_text(rule, encoding="utf-8")
        for name, content in {**TREE, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n", encoding="utf-8")
        return survey(tmp_path)

    return build


def test_rooms_levels_and_arrows(house: Callable[..., House]) -> None:
    found = house()
    assert found.rooms == ("cli", "engine", "workflow", "__init__", "errors")
    assert found.levels == {"cli": 3, "engine": 2, "workflow": 1, "__init__": 0, "errors": 0}
    assert found.arrows == {("cli", "engine"): 1, ("engine", "workflow"): 1, ("workflow", "errors"): 1}
    assert found.lines["engine"] == {"py": 3, "pl": 2}
    assert found.faults() == []


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"src/pack/engine/more.py": "\nfrom pack import cli"}, "src/pack/engine/more.py:2: engine must not import cli (cli)"),
        ({"src/pack/engine/more.py": "def f():\n    import pack.cli"}, "src/pack/engine/more.py:2: engine must not import cli (cli)"),
        (
            {"src/pack/engine/more.py": "if TYPE_CHECKING:\n    from pack.cli import x"},
            "src/pack/engine/more.py:2: engine must not import cli (cli)",
        ),
        ({"src/pack/errors.py": "import pack.workflow.model"}, "src/pack/errors.py:1: errors must not import workflow (workflow.model)"),
        ({"yard/work.py": "import pack.cli"}, "yard/work.py:1: yard must not import cli (cli)"),
        ({"yard/work.py": "", "src/pack/cli/a.py": "from yard import work"}, "src/pack/cli/a.py:1: cli must not import yard (yard.work)"),
        ({"src/pack/new.py": ""}, "the room new is not in the rule (pyproject.toml, [tool.house.may-import])"),
        ({"src/pack/engine/run.py": "import yaml"}, "src/pack/engine/run.py: needs the standard library only, but imports yaml"),
    ],
)
def test_what_is_against_the_rule_is_found_with_its_place(house: Callable[..., House], files: dict[str, str], fault: str) -> None:
    assert fault in house(files).faults()


def test_a_circle_between_rooms_is_a_fault(house: Callable[..., House]) -> None:
    (circle,) = house({"src/pack/workflow/more.py": "def f():\n    from pack.cli import x"}).circles
    assert str(circle) == "cli → engine → workflow → cli"


@pytest.mark.parametrize("back", ["import pack.engine.a", "class B:\n    def f(self):\n        from pack.engine import a"])
def test_a_circle_inside_a_room_is_a_fault_also_inside_functions(house: Callable[..., House], back: str) -> None:
    found = house({"src/pack/engine/a.py": "from pack.engine.b import x", "src/pack/engine/b.py": back})
    assert [str(circle) for circle in found.circles] == ["engine.a → engine.b → engine.a"]
    assert found.type_circles == []
    assert found.faults()[0].startswith("circle: engine.a → engine.b → engine.a (src/pack/engine/a.py:1, src/pack/engine/b.py:")


def test_a_circle_for_type_checkers_is_listed_and_no_fault(house: Callable[..., House]) -> None:
    back = "if TYPE_CHECKING:\n    from pack.engine.a import X"
    found = house({"src/pack/engine/a.py": "from pack.engine.b import x", "src/pack/engine/b.py": back})
    assert (found.circles, found.faults()) == ([], [])
    assert [str(circle) for circle in found.type_circles] == ["engine.a → engine.b → engine.a"]
    assert "engine.a → engine.b → engine.a" in text.picture(found, 80)


def test_what_the_package_offers_to_its_users_is_no_import_of_the_ground(house: Callable[..., House]) -> None:
    assert house({"src/pack/__init__.py": "if TYPE_CHECKING:\n    from pack.engine.run import Run"}).faults() == []


def test_a_relative_import_and_a_rule_that_goes_round_are_refused(house: Callable[..., House]) -> None:
    with pytest.raises(ValueError, match="cli → engine → cli"):
        _ = house(rule=RULE.replace('engine = ["workflow"]', 'engine = ["cli"]')).levels
    with pytest.raises(SyntaxError, match=r"src/pack/cli/a\.py:1 imports relatively"):
        house({"src/pack/cli/a.py": "from . import b"})


def test_the_picture_has_the_ground_at_its_bottom_and_marks_what_is_forbidden(house: Callable[..., House]) -> None:
    drawn = text.picture(house({"src/pack/workflow/more.py": "from pack.engine import run"}), 60)
    places = [drawn.index(name) for name in ("─ cli", "─ engine", "─ workflow", "─ ground floor")]
    assert places == sorted(places)
    assert "→ ✗ engine 1" in drawn
    assert max(map(len, drawn.partition("against")[0].splitlines())) <= 60


def test_lines_and_table(house: Callable[..., House]) -> None:
    found = house()
    assert "engine             2        3   2 pl" in text.lines(found)
    assert "| `workflow` | What `is` run | |\n| `engine` | Runs it | `workflow` |\n" in text.table(found)


@pytest.mark.parametrize("files", [{}, {"src/pack/workflow/more.py": "from pack.engine import run"}], ids=["kept", "broken"])
def test_the_drawings_show_every_room_and_what_is_forbidden_in_red(house: Callable[..., House], files: dict[str, str]) -> None:
    found = house(files)
    drawing = ET.fromstring(graph.svg(found))  # noqa: S314 - drawn a moment ago
    words = {element.text for element in drawing.iter() if element.text}
    assert {"cli", "engine", "workflow", "ground floor"} <= words
    red = [element for element in drawing.iter() if "bad" in element.get("class", "").split()]
    assert bool(red) == bool(files)
    assert ("color=red" in graph.dot(found)) == bool(files)


def test_the_command_tells_programs_the_same() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.house", "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout)
    assert {"workflow", "engine", "cli"} <= shown["rooms"].keys()
    assert shown["faults"] == []
