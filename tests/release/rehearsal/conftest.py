"""What a release needs from outside, on this machine: a hub of models, a storage server, a copy of the source tree with a tag."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.hub import Hub

from release.build import variants
from release.publish import signature
from the_edge_agent.models import builtin, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = os.environ.get("TEA_REHEARSAL")
TREE = Path(__file__).parents[3]
BUCKET = "releases"


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where everything happens; empty before."""
    if FOLDER is None:
        pytest.skip("a rehearsal takes long: ./dev release")
    made = Path(FOLDER)
    shutil.rmtree(made, ignore_errors=True)
    for name in ("home", "artifacts", "hub"):
        (made / name).mkdir(parents=True, exist_ok=True)
    return made


@pytest.fixture(scope="session")
def hub(folder: Path) -> Iterator[Hub]:
    """Small models under the names of the large ones, at their first source."""
    small = folder / "models"
    subprocess.run([sys.executable, "benchmarks/appimage/standins.py", "--small", str(small)], cwd=TREE, check=True)
    for name in {row.own_model for row in variants.table().values()} - {None}:
        known = catalogue.known(name or "")
        assert known is not None
        place = folder / "hub" / known.sources[0].repository / known.file_name
        place.parent.mkdir(parents=True)
        made = small / known.file_name
        shutil.copy(made if made.is_file() else builtin.path(), place)
    with Hub(folder / "hub") as running:
        yield running


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """An S3-compatible server with an empty bucket; its address."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "a-key", "aws_secret_access_key": "a-secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket=BUCKET)
    yield url
    server.stop()


@pytest.fixture(scope="session")
def tree(folder: Path, hub: Hub) -> Path:
    """The tree as a maintainer tags it: models locked at the hub, a public key, a commit, a tag."""
    made = folder / "tree"
    git = ["git", "-c", "user.name=maintainer", "-c", "user.email=maintainer@example.org"]
    subprocess.run([*git, "clone", "--quiet", str(TREE), str(made)], check=True)
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HOME": str(folder / "home"), "PYTHONPATH": "src"}
    subprocess.run([sys.executable, "-m", "the_edge_agent", "models", "lock", "--accept-changes"], cwd=made, env=environment, check=False)
    shutil.copy(signature.make_key(folder), made / "release/minisign.pub")
    version = subprocess.run(
        [sys.executable, "-m", "release.build", "version"], cwd=made, capture_output=True, text=True, check=True
    ).stdout.strip()
    for words in (
        ["remote", "set-url", "origin", "https://github.com/example/tea"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "Lock the models of this release"],
        ["tag", f"v{version}"],
    ):
        subprocess.run([*git, *words], cwd=made, check=True)
    return made
