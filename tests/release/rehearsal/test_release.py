"""A whole release on this machine: ``./dev release``.

``act`` runs ``release.yaml`` on a tag. The hub, the storage server and the signature are real programs on loopback; what belongs to GitHub itself
(artifacts, attestations, the release) is stood in for by `actions` and `bin/gh`. TEA_REHEARSAL_ONLY names variants, where all take too long; the others
are then missing from the release. Images that fail cannot be rehearsed: act stops when a workflow that another one calls fails, GitHub goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.release.install.mirror import serving
from tests.release.rehearsal.conftest import BUCKET, TREE

from release.build import variants
from release.build.machine import MACHINES
from release.publish import artifact, signature, sums
from release.publish.notes import size

if TYPE_CHECKING:
    from tests.hub import Hub

LIMIT = 60_000_000
"""Stands for GitHub's 2 GB."""
HERE = Path(__file__).parent
_USES = re.compile(r"uses: (actions/(?!checkout)[\w-]+)@([0-9a-f]{40})")
_ONLY = os.environ.get("TEA_REHEARSAL_ONLY", "").split()
"""Variants; all without."""
BUILT = [(name, machine) for name in _ONLY or variants.table() for machine in MACHINES]


@pytest.fixture(scope="session")
def released(tree: Path, folder: Path, hub: Hub, storage: str) -> Path:
    """The folder of the release after its workflow."""
    event = folder / "event.json"
    tag = subprocess.run(["git", "describe", "--tags"], cwd=tree, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607 - git from PATH
    event.write_text(json.dumps({"ref": f"refs/tags/{tag}", "repository": {"full_name": "example/tea", "default_branch": "main"}}))
    secret = (folder / signature.SECRET_FILE).read_text().splitlines()[1]
    given = {
        "TEA_REHEARSAL_ARTIFACTS": str(folder / "artifacts"),
        "TEA_REHEARSAL_RELEASE": str(folder / "release"),
        "TEA_REHEARSAL_LIMIT": str(LIMIT),
    }
    local = {
        f"https://github.com/{action}@{commit}": HERE / "actions" / action.removeprefix("actions/")
        for path in (tree / ".github/workflows").glob("*.yaml")
        for action, commit in _USES.findall(path.read_text())
    }
    words = ["act", "push", "--eventpath", str(event), "--workflows", ".github/workflows/release.yaml"]
    words += ["--no-cache-server", "--action-offline-mode"]
    words += [word for name in _ONLY for word in ("--matrix", f"variant:{name}")]
    words += [word for machine in MACHINES.values() for word in ("--platform", f"{machine.runner}=-self-hosted")]
    words += [word for where, stand_in in local.items() for word in ("--local-repository", f"{where}={stand_in}")]
    words += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
    for name, value in {
        "HF_ENDPOINT": hub.endpoint,
        "STORE_BUCKET": BUCKET,
        "STORE_ENDPOINT": storage,
        "STORE_PUBLIC_URL": f"{storage}/{BUCKET}",
        "STORE_REGION": "us-east-1",
        "RELEASE_LIMIT": str(LIMIT),
    }.items():
        words += ["--var", f"{name}={value}"]
    for name, value in {"STORE_KEY_ID": "a-key", "STORE_KEY": "a-secret", "MINISIGN_SECRET_KEY": secret, "GITHUB_TOKEN": "none"}.items():
        words += ["--secret", f"{name}={value}"]
    environment = {**os.environ, "HOME": str(folder / "home"), "PATH": f"{HERE / 'bin'}:{os.environ['PATH']}"}
    with (folder / "act.log").open("w") as log:
        done = subprocess.run(words, cwd=tree, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, (folder / "act.log").read_text()[-3000:]
    return folder / "release"


def _state(released: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((released / "state.json").read_text())
    return found


def test_everything_is_published(released: Path, folder: Path) -> None:
    described = artifact.load_all(folder / "artifacts/index")
    assert sorted((one.variant, one.architecture) for one in described if one.variant) == sorted(BUILT)
    assert {one.name.rpartition(".")[2] for one in described if not one.variant} == {"json", "whl", "gz"}
    assert not _state(released)["draft"]
    published = {path.name: artifact.digest(path) for path in (released / "files").iterdir()}
    known = sums.read(released / "files" / sums.NAME)
    assert published == {name: known.get(name, digest) for name, digest in published.items()}
    assert all(part.name in published for one in described for part in one.parts)
    assert signature.verify(released / "files" / sums.NAME, signature.read_key(folder / "minisign.pub")).startswith("tea ")


def test_the_notes_say_what_is_missing(released: Path) -> None:
    notes = _state(released)["notes"]
    missing = notes.partition("## Not in this release")[2].partition("##")[0]
    assert {name for name in variants.table() if f"`{name}`" in missing} == variants.table().keys() - {name for name, _ in BUILT}
    assert "install.sh" in notes


def test_whole_files_are_in_the_storage(released: Path, folder: Path, storage: str) -> None:  # noqa: ARG001 - the release comes first
    import httpx2

    for one in artifact.load_all(folder / "artifacts/index"):
        if one.name.endswith(".AppImage"):
            assert len(one.urls) == 1
            answer = httpx2.head(one.urls[0])
            assert int(answer.headers["Content-Length"]) == one.size, size(one.size)


@pytest.mark.parametrize(("variant", "parts"), [("tea-python-llm-gemma", 2), ("tea-python-llm", 0)])
def test_a_stranger_installs_it_and_the_model_answers(variant: str, parts: int, released: Path, tmp_path: Path) -> None:
    if (variant, "x86_64") not in BUILT:
        pytest.skip("this variant is not rehearsed")
    assert len(list((released / "files").glob(f"{variant}-[0-9]*-x86_64.AppImage.part-*"))) >= parts
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(TREE / "examples/llm/local-chat.yaml", home)
    with serving(released / "files") as mirror:
        shutil.copy(released / "files/install.sh", home)
        installed = _in_an_empty_room(
            home, "--share-net", "sh", "install.sh", "--base-url", mirror.url, "--variant", variant, "--dir", "/home/bin"
        )
    assert installed.returncode == 0, installed.stderr
    program = next(iter(sorted((home / "bin").iterdir())))
    answered = _in_an_empty_room(home, "--unshare-net", f"/home/bin/{program.name}", "run", "local-chat.yaml", "--quiet")
    assert answered.returncode == 0, answered.stderr
    final = json.loads(answered.stdout)
    assert final["backend"] == "local"
    assert final["model"] == (variants.named(variant).own_model or final["model"])


def _in_an_empty_room(home: Path, network: str, *words: str) -> subprocess.CompletedProcess[str]:
    """BusyBox and nothing else; the home is all that can be written."""
    busybox = shutil.which("busybox")
    assert busybox, "apt-get install busybox-static"
    words_of_room = ["bwrap", "--unshare-user", "--unshare-pid", network, "--tmpfs", "/", "--ro-bind", busybox, "/bin/busybox"]
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    words_of_room += [word for name in names if name != "busybox" for word in ("--symlink", "busybox", f"/bin/{name}")]
    words_of_room += ["--proc", "/proc", "--dev", "/dev", "--dir", "/tmp", "--bind", str(home), "/home", "--chdir", "/home"]  # noqa: S108 - in the room
    words_of_room += ["--clearenv", "--setenv", "PATH", "/bin", "--setenv", "HOME", "/home", "--die-with-parent"]
    return subprocess.run([*words_of_room, *words], capture_output=True, text=True, check=False)
