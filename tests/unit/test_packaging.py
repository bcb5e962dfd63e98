"""What a user installs: the wheel, its metadata, and how much works of it without the optional llama.cpp."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "the_edge_agent"
MODEL = "the_edge_agent/models/builtin/tiny-chat-Q8_0.gguf"
BINDING = "xllamacpp"

PLAIN = """\
name: plain
nodes:
  - name: read
    uses: json.parse
    with: {text: '{"n": 20}'}
    output: numbers
  - name: add
    run: |
      return {"n": state["numbers"]["data"]["n"] + 1}
  - name: again
    run: |
      return {"n": state["n"] + 1}
    goto:
      - {if: "state.n < 42", to: again}
      - {to: __end__}
"""

ASKING = """\
name: asking
nodes:
  - name: leave_a_mark
    uses: file.write
    with: {path: mark.txt, content: "the run has begun"}
  - name: ask
    uses: llm.call
    with:
      messages: [{role: user, content: What is the capital of Japan?}]
    output: answer
"""

Tea = Callable[..., "subprocess.CompletedProcess[str]"]


def build(what: str, folder: Path) -> Path:
    """Call the build backend as pip does, in a process of its own; it needs no network."""
    code = f"import hatchling.build as backend, sys; print(backend.{what}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel and what else is installed here, but no llama.cpp."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)  # noqa: S202 - the archive was made two lines above
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith((BINDING, "the_edge_agent", "_editable")):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def bare(site: Path, tmp_path: Path) -> Tea:
    """``tea`` of the wheel, in an empty folder, where llama.cpp is not installed."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        # Without the site module the interpreter sees nothing but the standard library and what is named here.
        command = [sys.executable, "-S", "-m", "the_edge_agent", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=surroundings(tmp_path, PYTHONPATH=str(site)), capture_output=True, text=True, check=False, timeout=60
        )

    return run


def surroundings(home: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


def written(folder: Path, text: str) -> str:
    (folder / "flow.yaml").write_text(text, encoding="utf-8")
    return "flow.yaml"


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT / "src").as_posix() for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == sources
    assert {MODEL, "the_edge_agent/py.typed"} <= names
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_built_in_model_is_in_the_wheel_byte_for_byte(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(MODEL) == (ROOT / "src" / MODEL).read_bytes()


def test_the_source_archive_can_be_built_and_tested_again(tmp_path: Path) -> None:
    with tarfile.open(build("build_sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"dev", "requirements.lock", "pyproject.toml", "LICENSE", "README.md", "tests/unit/test_packaging.py", f"src/{MODEL}"} <= names
    assert {"release/build/payload.py", "release/build/recipe/debs.lock", "runtime/head.c", "tests/release/build/test_payload.py"} <= names
    assert not [name for name in names if name.startswith((".venv", "build/", "dist/", "runtime/build/"))]


def test_the_metadata(site: Path) -> None:
    (folder,) = site.glob("the_edge_agent-*.dist-info")
    found = PathDistribution(folder)
    assert found.metadata["Name"] == "the-edge-agent"
    assert found.metadata["Requires-Python"] == ">=3.11"
    assert found.metadata["License-Expression"] == "MIT"
    assert found.metadata.get_all("Provides-Extra") == ["llm-local", "prolog"]
    assert (folder / "licenses" / "LICENSE").is_file()
    scripts = {point.name: point.value for point in found.entry_points if point.group == "console_scripts"}
    assert scripts == {"tea": "the_edge_agent.cli:main", "the-edge-agent": "the_edge_agent.cli:main"}


def test_llama_cpp_comes_with_the_extra_only_and_in_the_build_the_code_is_written_for(site: Path) -> None:
    from the_edge_agent.llm.local.llama import BUILD, PACKAGE

    (folder,) = site.glob("the_edge_agent-*.dist-info")
    wanted = [line for line in PathDistribution(folder).requires or [] if line.startswith(PACKAGE)]
    assert [line.replace('"', "'").replace(" ", "") for line in wanted] == [f"{PACKAGE}=={BUILD};extra=='llm-local'"]


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    for file in (ROOT / "requirements.lock", ROOT / "benchmarks" / "requirements.lock"):
        text = file.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index-url" not in text
        pins = text.replace("\\\n", " ").splitlines()
        assert all(" --hash=sha256:" in pin for pin in pins if pin.strip())


def test_without_llama_cpp_everything_works_that_needs_no_model(bare: Tea, tmp_path: Path) -> None:
    file = written(tmp_path, PLAIN)
    done = bare("run", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["n"] == 42
    for words in (["--version"], ["--help"], ["validate", file], ["inspect", file], ["actions"], ["schema"]):
        done = bare(*words)
        assert (done.returncode, done.stderr) == (0, ""), words


def test_without_llama_cpp_doctor_says_how_to_install_it(bare: Tea) -> None:
    done = bare("doctor")
    assert done.returncode == 0
    assert "pip install 'the-edge-agent[llm-local]'" in done.stdout


def test_without_llama_cpp_a_workflow_with_a_model_fails_before_its_first_node(bare: Tea, tmp_path: Path) -> None:
    done = bare("run", written(tmp_path, ASKING))
    assert (done.returncode, done.stdout) == (8, "")
    assert "pip install 'the-edge-agent[llm-local]'" in done.stderr
    assert "ask" in done.stderr
    assert not (tmp_path / "mark.txt").exists()


def test_without_llama_cpp_a_workflow_with_a_model_can_still_be_checked(bare: Tea, tmp_path: Path) -> None:
    assert bare("validate", written(tmp_path, ASKING)).returncode == 0


WITNESS = """\
import sys
from pathlib import Path
from the_edge_agent.cli import main
code = main(sys.argv[1:])
opened = "xllamacpp" in Path("/proc/self/maps").read_text()
sys.stderr.write(f"witness: {code} {opened} {'ctypes' in sys.modules}")
"""


@pytest.mark.llm
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells which files a process has opened as code")
@pytest.mark.parametrize(("text", "seen"), [(PLAIN, "witness: 0 False False"), (ASKING, "witness: 0 True True")], ids=["no model", "model"])
def test_llama_cpp_is_opened_only_where_a_model_answers(text: str, seen: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITNESS, "run", written(tmp_path, text)]
    done = subprocess.run(command, cwd=tmp_path, env=surroundings(tmp_path), capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.endswith(seen)
