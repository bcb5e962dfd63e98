"""A bundled agent far away from where it was made: what it needs is inside, or it was never written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from tests.unit.image.conftest import build_engine, needs_mksquashfs

from the_edge_agent.image import manifest as manifests

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_mksquashfs

_AS_IN_AN_IMAGE = """
import json, os, sys, types
module = types.ModuleType("sitecustomize")
module.inside = json.loads(os.environ.pop("PRETENDED"))
sys.modules["sitecustomize"] = module
from the_edge_agent.cli import main
sys.exit(main(sys.argv[1:]))
"""
READ = "name: r\nnodes: [{name: read, uses: file.read, with: {path: data/rates.json}, output: said}]\n"
CODE = "name: c\nimports: [{path: code/units.py}]\nnodes: [{name: a, uses: units.double, with: {n: 2}, output: said}]\n"
UNITS = (
    "from shapes import area\nimport single\n\ndef register_actions(registry, engine):\n    registry['units.double'] = lambda n: area(n)\n"
)

Done = subprocess.CompletedProcess[str]


class Maker:
    """Makes an agent in one folder and starts it in another, with nothing left of the first."""

    def __init__(self, folder: Path, engine: Path) -> None:
        self.source, self.root, self.work = folder / "source", folder / "seen", folder / "work"
        for each in (self.source, self.work):
            each.mkdir()
        self._engine = engine
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}

    def write(self, name: str, text: str) -> None:
        (self.source / name).parent.mkdir(parents=True, exist_ok=True)
        (self.source / name).write_text(text, encoding="utf-8")

    def bundle(self, *words: str, **environment: str) -> Done:
        command = [sys.executable, "-m", "the_edge_agent", "bundle", *words, "--engine", str(self._engine), "-o", "../agent"]
        own = {**self._environment, **environment}
        return subprocess.run(command, cwd=self.source, env=own, capture_output=True, text=True, check=False, timeout=120)

    def made(self, *words: str, **environment: str) -> set[str]:
        """The files of the agent that was made; its source is gone."""
        done = self.bundle(*words, **environment)
        assert done.returncode == 0, done.stderr
        image = self.source.parent / "agent"
        content = image.read_bytes()
        with image.open("rb") as file:
            parts = [part for part in manifests.read(image, file)[0].parts if part.role == "file"]
        for part in parts:
            (self.root / part.name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / part.name).write_bytes(content[part.offset : part.end])
        shutil.rmtree(self.source)
        start = ("usr/share/workflow/", "usr/share/packages/")
        return {part.name.removeprefix(start[0]) for part in parts if part.name.startswith(start)} - {"bundle.json"}

    def run(self, *words: str) -> Done:
        inside = {"TEA_STARTED_AS": "AppRun", "APPDIR": str(self.root), "ARGV0": "agent"}
        own = {**self._environment, "PRETENDED": json.dumps(inside)}
        command = [sys.executable, "-I", "-c", _AS_IN_AN_IMAGE, *words]
        return subprocess.run(command, cwd=self.work, env=own, capture_output=True, text=True, check=False, timeout=60)

    def said(self, *words: str) -> object:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["said"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_engine(tmp_path_factory.mktemp("engine")).path


@pytest.fixture
def maker(tmp_path: Path, engine: Path) -> Maker:
    return Maker(tmp_path, engine)


@pytest.mark.parametrize(("flow", "data"), [("agent.yaml", "data/rates.json"), ("flows/agent.yaml", "flows/data/rates.json")])
def test_a_file_that_a_node_names_comes_along(maker: Maker, flow: str, data: str) -> None:
    """Relative to the working directory, or where that has none to the workflow."""
    maker.write(flow, READ)
    maker.write(data, "1.5")
    maker.write("data/other.json", "not named")
    assert maker.made(flow) in ({"agent.yaml", "data/rates.json"}, {"flows/agent.yaml", "flows/data/rates.json"})
    assert maker.said() == {"content": "1.5", "success": True}


def test_the_working_directory_may_replace_what_is_bundled(maker: Maker) -> None:
    maker.write("agent.yaml", READ)
    maker.write("data/rates.json", "1.5")
    maker.made("agent.yaml")
    (maker.work / "data").mkdir()
    (maker.work / "data/rates.json").write_text("2", encoding="utf-8")
    assert maker.said() == {"content": "2", "success": True}


def test_another_workflow_sees_nothing_of_the_bundled_files(maker: Maker) -> None:
    maker.write("agent.yaml", READ)
    maker.write("data/rates.json", "1.5")
    maker.made("agent.yaml")
    (maker.work / "mine.yaml").write_text(READ, encoding="utf-8")
    assert json.loads(maker.run("tea", "run", "mine.yaml").stdout)["said"]["error_type"] == "not_found"


def test_templates_and_folders_come_along(maker: Maker) -> None:
    nodes = "[{name: a, uses: template, with: {path: letter.txt}, output: letter}, {name: b, uses: file.list, with: {path: data}, output: said}]"
    maker.write("agent.yaml", f"name: x\nnodes: {nodes}\n")
    maker.write("letter.txt", "Dear {{ state.name }}")
    maker.write("data/one.txt", "1")
    maker.write("data/.secret", "hidden")
    assert maker.made("agent.yaml") == {"agent.yaml", "letter.txt", "data/one.txt"}
    assert maker.said("--input", '{"name": "Ada"}') == {
        "files": ["one.txt"],
        "directories": [],
        "count": 1,
        "path": "data",
        "success": True,
    }


def test_what_the_workflow_includes_comes_along(maker: Maker) -> None:
    maker.write(
        "agent.yaml",
        "name: x\nbundle: {include: [data/**]}\nnodes: [{name: a, uses: file.read, with: {path: '{{ state.f }}'}, output: said}]\n",
    )
    maker.write("data/deep/one.txt", "1")
    maker.write("other.txt", "2")
    assert maker.made("agent.yaml") == {"agent.yaml", "data/deep/one.txt"}
    assert maker.said("--input", '{"f": "data/deep/one.txt"}') == {"content": "1", "success": True}


@pytest.mark.parametrize(
    ("head", "path", "said"),
    [
        ("", "data/none.json", "reads data/none.json, which is not there"),
        ("", "/etc/hosts", "a path that means nothing on another machine"),
        ("", "~/x", "a path that means nothing on another machine"),
        ("bundle: {include: [none/*]}\n", "agent.yaml", "bundle.include names none/*"),
    ],
)
def test_what_is_not_to_be_had_is_refused(maker: Maker, head: str, path: str, said: str) -> None:
    maker.write("agent.yaml", f"name: x\n{head}nodes: [{{name: a, uses: file.read, with: {{path: {path}}}}}]\n")
    done = maker.bundle("agent.yaml")
    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    assert not (maker.source.parent / "agent").exists()


def test_what_the_user_brings_or_a_node_makes_is_not_asked_for(maker: Maker) -> None:
    maker.write(
        "agent.yaml",
        "name: x\nbundle: {exclude: [mine/*]}\nnodes:\n"
        "  - {name: w, uses: file.write, with: {path: made.txt, content: hello}}\n"
        "  - {name: r, uses: file.read, with: {path: ./made.txt}, output: said}\n"
        "  - {name: u, uses: file.read, with: {path: mine/x}, output: own}\n",
    )
    maker.write("made.txt", "of an earlier run")
    assert maker.made("agent.yaml") == {"agent.yaml"}
    assert maker.said() == {"content": "hello", "success": True}


def test_modules_and_packages_beside_a_module_come_along(maker: Maker) -> None:
    maker.write("agent.yaml", CODE)
    maker.write("code/units.py", UNITS)
    maker.write("code/shapes/__init__.py", "from .square import area\n")
    maker.write("code/shapes/square.py", "import helping\n\ndef area(n):\n    return helping.product(n, n)\n")
    maker.write("code/shapes/empty.py", "")
    maker.write("code/helping.py", "def product(a, b):\n    return a * b\n")
    maker.write("code/single.py", "")
    maker.write("code/unrelated.py", "import numpy\n")
    names = {"shapes/__init__.py", "shapes/square.py", "shapes/empty.py", "helping.py", "units.py"}
    assert maker.made("agent.yaml") == {"agent.yaml", *(f"code/{name}" for name in names)}


def test_they_are_found_where_the_agent_runs(maker: Maker) -> None:
    maker.write("agent.yaml", CODE)
    maker.write("code/units.py", UNITS.replace("import single\n", ""))
    maker.write("code/shapes/__init__.py", "def area(n):\n    return n * n\n")
    maker.made("agent.yaml")
    assert maker.said() == 4


def test_a_module_beside_that_needs_what_nobody_has_is_refused(maker: Maker) -> None:
    maker.write("agent.yaml", CODE)
    maker.write("code/units.py", "import os\n" + UNITS.replace("import single\n", ""))
    maker.write("code/shapes.py", "try:\n    import numpy\nexcept ImportError:\n    pass\ndef area(n):\n    import pandas\n")
    done = maker.bundle("agent.yaml")
    assert (done.returncode, "pandas" in done.stderr, "numpy" in done.stderr) == (3, True, False), done.stderr


def wheel(folder: Path, tag: str = "py3-none-any") -> str:
    """A wheel of a package ``thing``; returns its name."""
    name = f"thing-1.0-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("thing/__init__.py", "ANSWER = 42\n")
        archive.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr("thing-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr("thing-1.0.dist-info/RECORD", "")
    return name


def test_pure_python_packages_come_along_on_request(maker: Maker, tmp_path: Path) -> None:
    wheel(tmp_path)
    maker.write("agent.yaml", "name: x\nnodes: [{name: a, run: 'import thing; return {\"said\": thing.ANSWER}'}]\n")
    maker.write("requirements.txt", "thing==1.0\n")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    assert "thing" in maker.bundle("agent.yaml").stderr
    inside = maker.made("agent.yaml", "--requirements", "requirements.txt", **index)
    assert {"usr/share/packages/thing/__init__.py", "usr/share/packages/thing-1.0.dist-info/METADATA"} < inside
    assert maker.said() == 42


def test_a_package_that_is_not_pure_python_is_refused(maker: Maker, tmp_path: Path) -> None:
    wheel(tmp_path, "cp311-cp311-manylinux_2_17_x86_64")
    maker.write("agent.yaml", "name: x\nnodes: [{name: a}]\n")
    maker.write("requirements.txt", "thing==1.0\n")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    done = maker.bundle("agent.yaml", "--requirements", "requirements.txt", **index)
    assert (done.returncode, "only pure-Python wheels" in done.stderr) == (2, True), done.stderr


def test_an_importable_package_comes_along_whole(maker: Maker, tmp_path: Path) -> None:
    maker.write("agent.yaml", "name: x\nimports: [{package: tools_of_mine}]\nnodes: [{name: a, uses: answer, output: said}]\n")
    package = tmp_path / "lib/tools_of_mine"
    package.mkdir(parents=True)
    entry = "from tools_of_mine.inner import answer\ndef register_actions(registry, engine):\n    registry['answer'] = answer\n"
    (package / "__init__.py").write_text(entry, encoding="utf-8")
    (package / "inner.py").write_text("def answer():\n    return 42\n", encoding="utf-8")
    (package / "words.txt").write_text("data of the package", encoding="utf-8")
    inside = maker.made("agent.yaml", PYTHONPATH=str(tmp_path / "lib"))
    assert inside == {"agent.yaml", *(f"usr/share/packages/tools_of_mine/{name}" for name in ("__init__.py", "inner.py", "words.txt"))}
    shutil.rmtree(tmp_path / "lib")
    assert maker.said() == 42
