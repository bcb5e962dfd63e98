"""`tea bundle agent.yaml`: what goes into the image, what is refused, and what the image then runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.image.conftest import build_engine, needs_mksquashfs

from the_edge_agent.image import manifest as manifests
from the_edge_agent.image.squashfs import Squashfs
from the_edge_agent.image.verify import verify
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from the_edge_agent.image.manifest import Manifest

PLAIN = "name: plain\nnodes: [{name: a, run: 'return {}'}]\n"
ASKING = "name: asking\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi}, output: said}]\n"

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = needs_mksquashfs


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_engine(tmp_path_factory.mktemp("engine")).path


@pytest.fixture(scope="module")
def engine_without_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_engine(tmp_path_factory.mktemp("engine"), features=("python",)).path


@pytest.fixture
def tea(tmp_path: Path) -> Tea:
    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **environment}
        command = [sys.executable, "-m", "the_edge_agent", *words]
        return subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False, timeout=60)

    return run


def written(folder: Path, text: str, name: str = "agent.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def manifest(path: Path) -> Manifest:
    with path.open("rb") as file:
        return manifests.read(path, file)[0]


def start(path: Path) -> dict[str, object]:
    part = next(part for part in manifest(path).parts if part.name.endswith("bundle.json"))
    found: dict[str, object] = json.loads(path.read_bytes()[part.offset : part.end])
    return found


def test_a_workflow_without_a_model_takes_none(tea: Tea, engine: Path, tmp_path: Path) -> None:
    done = tea("bundle", written(tmp_path, PLAIN), "--engine", str(engine))
    assert (done.returncode, done.stdout) == (0, "")
    target = tmp_path / "agent.AppImage"
    assert verify(target).problems == []
    assert manifest(target).models == ()
    assert start(target)["gguf"] is None
    assert os.access(target, os.X_OK)


def test_the_named_model_goes_in_and_answers_everything(tea: Tea, engine: Path, tmp_path: Path) -> None:
    shutil.copy(builtin.path(), tmp_path / "my model.gguf")
    done = tea("bundle", written(tmp_path, ASKING), "-m", "my model.gguf", "-o", "out.AppImage", "--engine", str(engine))
    assert done.returncode == 0, done.stderr
    assert [part.name for part in manifest(tmp_path / "out.AppImage").models] == ["usr/share/models/my model.gguf"]
    assert start(tmp_path / "out.AppImage")["gguf"] == "my model.gguf"
    assert verify(tmp_path / "out.AppImage").problems == []


def test_without_a_named_model_the_one_it_would_use_goes_in(tea: Tea, engine: Path, tmp_path: Path) -> None:
    done = tea("bundle", written(tmp_path, ASKING), "--engine", str(engine))
    assert done.returncode == 0, done.stderr
    assert [part.name for part in manifest(tmp_path / "agent.AppImage").models] == [f"usr/share/models/{builtin.FILE_NAME}"]


def test_the_models_of_the_image_are_asked_wherever_it_is_written(tea: Tea, engine: Path, tmp_path: Path) -> None:
    flow = "name: x\nnodes: [{name: a, uses: llm.call, with: {prompt: Hi, model_path: $APPDIR/usr/share/models/tiny-chat-Q8_0.gguf}}]\n"
    (tmp_path / "sub").mkdir()
    for target in ("x", "sub/../y", tmp_path / "sub" / "z"):
        done = tea("bundle", written(tmp_path, flow), "-o", str(target), "--engine", str(engine))
        assert done.returncode == 0, done.stderr
        assert [part.name for part in manifest(tmp_path / target).models] == [f"usr/share/models/{builtin.FILE_NAME}"]


def test_an_image_that_embeds_is_built_out_of_itself(tea: Tea, engine: Path, tmp_path: Path) -> None:
    flow = written(tmp_path, "name: x\nnodes: [{name: a, uses: llm.embed, with: {text: Hi}}]\n")
    assert tea("bundle", flow, "--engine", str(engine), "-o", "first").returncode == 0
    (model,) = manifest(tmp_path / "first").models
    assert model.name == f"usr/share/models/{builtin.EMBEDDING_FILE_NAME}"
    inside = {
        "TEA_IMAGE": str(tmp_path / "first"),
        "TEA_IMAGE_FILES": f"{model.offset} {model.size} {model.name}\n",
        "APPDIR": str(tmp_path / "seen"),
    }
    done = tea("bundle", flow, "-o", "second", **inside)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_models_are_taken_from_the_engines_image_by_name(tea: Tea, engine: Path, tmp_path: Path) -> None:
    shutil.copy(builtin.path(), tmp_path / "special.gguf")
    assert tea("bundle", written(tmp_path, ASKING), "-m", "special.gguf", "-o", "first", "--engine", str(engine)).returncode == 0
    (tmp_path / "special.gguf").unlink()
    assert tea("bundle", "agent.yaml", "-m", "special", "-o", "second", "--engine", "first").returncode == 0
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_several_models_are_found_by_the_names_nodes_give(tea: Tea, engine: Path, tmp_path: Path) -> None:
    for name in ("one.gguf", "two.gguf"):
        shutil.copy(builtin.path(), tmp_path / name)
    flow = "name: x\nnodes:\n" + "".join(
        f"  - {{name: {n}, uses: llm.call, with: {{prompt: Hi, model: {n}.gguf}}}}\n" for n in ("one", "two")
    )
    done = tea("bundle", written(tmp_path, flow), "-m", "one.gguf", "-m", "two.gguf", "--engine", str(engine), "-o", "x")
    assert done.returncode == 0, done.stderr
    assert start(tmp_path / "x")["gguf"] is None
    alone = tea("bundle", "agent.yaml", "--engine", str(engine), "-o", "y")
    assert alone.returncode == 8
    assert "which will not be in the image" in alone.stderr
    assert "agent.yaml:3:" in alone.stderr
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize(
    ("flow", "words", "refusal"),
    [
        (ASKING, ["-m", "none.gguf"], (8, "there is no model none.gguf")),
        (ASKING, ["-m", "agent.yaml"], (8, "it is not a GGUF file")),
        (ASKING, ["-m", "short.gguf"], (8, "truncated")),
        ("name: x\nnodes: [{name: a, uses: no.such}]\n", [], (3, "no.such")),
        ("name: x\nnodes: [{name: a, run: 'import numpy'}]\n", [], (3, "numpy is not in the engine")),
        ("name: x\nnodes: [{name: a, language: lua, run: 'return {}'}]\n", [], (3, "written in lua")),
        ("name: x\nnodes: [{name: a, uses: llm.call, with: {prompt: x, model_path: no.gguf}}]\n", [], (8, "no such file")),
        (PLAIN, ["-f", "none.yaml"], (2, "none.yaml")),
        (PLAIN, ["-o", "no/such/folder/x"], (2, "cannot write")),
        (PLAIN, ["--level", "3"], (2, "No such option")),
    ],
)
def test_what_would_not_work_is_refused_and_leaves_nothing(
    tea: Tea, engine: Path, tmp_path: Path, flow: str, words: list[str], refusal: tuple[int, str]
) -> None:
    (tmp_path / "short.gguf").write_bytes(builtin.path().read_bytes()[:500_000])
    before = {written(tmp_path, flow), "short.gguf"}
    done = tea("bundle", "agent.yaml", *words, "--engine", str(engine))
    code, said = refusal
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed: apt-get install util-linux")
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(engine: Path, tmp_path: Path) -> None:
    # A limit on the size of files is met in the middle of the model, as the end of a disk would be.
    limit = engine.stat().st_size + 2_000_000
    command = [
        "prlimit",
        f"--fsize={limit}",
        sys.executable,
        "-m",
        "the_edge_agent",
        "bundle",
        written(tmp_path, ASKING),
        "--engine",
        str(engine),
    ]
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "cannot write agent.AppImage" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["agent.yaml"]


def test_an_engine_that_runs_no_models_is_refused_for_one(tea: Tea, engine_without_models: Path, tmp_path: Path) -> None:
    done = tea("bundle", written(tmp_path, ASKING), "--engine", str(engine_without_models))
    assert done.returncode == 2
    assert "cannot run models" in done.stderr
    assert tea("bundle", written(tmp_path, PLAIN), "--engine", str(engine_without_models)).returncode == 0


def test_without_an_engine_the_error_says_where_to_keep_one(tea: Tea, tmp_path: Path, engine: Path) -> None:
    done = tea("bundle", written(tmp_path, PLAIN))
    assert done.returncode == 2
    assert "--engine" in done.stderr
    place = Path(next(word for word in done.stderr.split() if word.startswith(str(tmp_path)) and word.endswith(".AppImage")))
    place.parent.mkdir(parents=True)
    shutil.copy(engine, place)
    assert tea("bundle", "agent.yaml").returncode == 0


def test_the_workflow_has_to_be_named(tea: Tea) -> None:
    done = tea("bundle")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Missing argument 'FILE'" in done.stderr


def test_an_engine_is_the_same_in_every_image(tea: Tea, engine: Path, tmp_path: Path) -> None:
    """Whatever was put onto it: nothing of one agent goes into the next."""
    written(tmp_path, "name: other\nnodes: [{name: a}]\n", "other.yaml")
    assert tea("bundle", "other.yaml", "--engine", str(engine), "-o", "other").returncode == 0
    assert tea("bundle", written(tmp_path, PLAIN), "--engine", "other", "-o", "first").returncode == 0
    assert tea("bundle", "agent.yaml", "--engine", str(engine), "-o", "second").returncode == 0
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def entries(path: Path) -> dict[str, bytes]:
    """The files inside that the bundle brought or took away, by their paths."""
    with path.open("rb") as file:
        found = manifests.read(path, file)[0]
        squashfs = Squashfs(file, found.part("head").end, path.stat().st_size)
        return {
            member.path: squashfs.content(member.inode)
            for member in squashfs.members()
            if member.path.endswith((".desktop", ".xml", ".png", ".svg", ".DirIcon")) and member.inode.size and not member.inode.target
        }


def test_an_image_has_a_name_an_icon_and_metadata_of_its_own(tea: Tea, engine: Path, tmp_path: Path) -> None:
    icon = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
    (tmp_path / "me.svg").write_bytes(icon)
    flow = "name: Fish & Chips\nversion: 2\ndescription: Serves <fish>.\nmetadata: {icon: me.svg}\nnodes: [{name: a}]\n"
    assert tea("bundle", written(tmp_path, flow), "--engine", str(engine), "-o", "x").returncode == 0
    inside = entries(tmp_path / "x")
    assert [name for name in inside if name.endswith(".desktop")] == ["fish-chips.desktop", "usr/share/applications/fish-chips.desktop"]
    entry = inside["fish-chips.desktop"].decode()
    assert "Name=Fish & Chips\nComment=Serves <fish>.\n" in entry
    assert "Icon=fish-chips\n" in entry
    assert inside["fish-chips.svg"] == inside[".DirIcon"] == icon
    (metadata,) = (name for name in inside if name.endswith(".xml"))
    assert "<name>Fish &amp; Chips</name>" in inside[metadata].decode()
    assert 'version="2"' in inside[metadata].decode()
    assert verify(tmp_path / "x").problems == []


def test_without_an_icon_it_has_the_engines(tea: Tea, engine: Path, tmp_path: Path) -> None:
    assert tea("bundle", written(tmp_path, PLAIN), "--engine", str(engine), "-o", "x").returncode == 0
    assert "Icon=tea\n" in entries(tmp_path / "x")["plain.desktop"].decode()
    assert "tea.desktop" not in entries(tmp_path / "x")


@pytest.mark.parametrize(("content", "said"), [(b"GIF89a", "neither a PNG nor an SVG"), (None, "cannot read the icon me.png")])
def test_an_icon_that_is_none_is_refused(tea: Tea, engine: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    if content:
        (tmp_path / "me.png").write_bytes(content)
    done = tea("bundle", written(tmp_path, "name: x\nmetadata: {icon: me.png}\nnodes: [{name: a}]\n"), "--engine", str(engine))
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("way", ["same", "spelling", "symbolic link", "hard link"])
@pytest.mark.parametrize("name", ["agent.yaml", "more.yaml", "custom.py", "m.gguf", "e.AppImage"])
def test_what_goes_in_is_never_written_over(tea: Tea, engine: Path, tmp_path: Path, name: str, way: str) -> None:
    shutil.copy(builtin.path(), tmp_path / "m.gguf")
    shutil.copy(engine, tmp_path / "e.AppImage")
    written(tmp_path, "description: more\n", "more.yaml")
    written(tmp_path, "def register_actions(registry, engine): pass\n", "custom.py")
    written(tmp_path, ASKING)
    (tmp_path / "folder").mkdir()
    target = {"same": name, "spelling": f"folder/../{name}"}.get(way, "other")
    if way == "symbolic link":
        (tmp_path / target).symlink_to(name)
    elif way == "hard link":
        os.link(tmp_path / name, tmp_path / target)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    words = ["-m", "m.gguf", "-f", "more.yaml", "--actions-file", "custom.py", "--engine", "e.AppImage"]
    done = tea("bundle", "agent.yaml", *words, "-o", target)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "would be lost" in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def started_and_held(folder: Path, engine: Path, name: str) -> subprocess.Popen[bytes]:
    """A ``tea bundle`` that has a part of ``name`` on the disk and waits for the rest of its model, which is a pipe."""
    code = """
import sys, time
from the_edge_agent.image import writer
transfer = writer._transfer
def held(*words):
    transfer(*words)
    print("held", flush=True)
    time.sleep(600)
writer._transfer = held
from the_edge_agent.cli import main
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, "bundle", "agent.yaml", "--engine", str(engine), "-o", name]
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    process = subprocess.Popen(command, cwd=folder, env=own, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def ended(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def test_a_killed_bundling_leaves_nothing_after_the_next_one(tea: Tea, engine: Path, tmp_path: Path) -> None:
    written(tmp_path, PLAIN)
    (tmp_path / ".x.notes.part").touch()
    killed, running, other = (started_and_held(tmp_path, engine, name) for name in ("x", "x", "y"))
    ended(killed, signal.SIGKILL)
    assert len(list(tmp_path.glob(".*.part"))) == 4
    assert tea("bundle", "agent.yaml", "--engine", str(engine), "-o", "x").returncode == 0
    assert len(list(tmp_path.glob(".x.*.part"))) == 2, "that of the one that runs, and a file that only looks so"
    assert ended(running, signal.SIGTERM) == 143
    assert ended(other, signal.SIGINT) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"agent.yaml", "x", ".x.notes.part"}


def test_a_model_of_which_nobody_knows_the_licence_takes_a_word(tea: Tea, engine: Path, tmp_path: Path) -> None:
    """The same bytes, with another word where the header names the licence."""
    (tmp_path / "mine.gguf").write_bytes(builtin.path().read_bytes().replace(b"general.license", b"general.nothing"))
    words = ["bundle", written(tmp_path, ASKING), "-m", "mine.gguf", "--engine", str(engine)]
    done = tea(*words)
    assert (done.returncode, "under which licence the model mine.gguf stands" in done.stderr) == (11, True), done.stderr
    assert not (tmp_path / "agent.AppImage").exists()
    assert tea(*words, "--accept-unknown-license").returncode == 0
