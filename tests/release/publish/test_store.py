"""Uploads to a real storage server over a line that breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from tests.release.publish import storage
from tests.release.publish.storage import Fault, Proxy, line_to

from release.publish import store
from release.publish.artifact import Artifact, ArtifactDamaged, describe
from release.publish.store import Store, StoreFailed
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("boto3", "moto", "flask", "flask_cors")),
    reason="boto3 and moto are not installed: ./dev release-test",
)
KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "nobody-may-see-this"}
PIECE = 5 * 1024 * 1024
"""Servers take no smaller one, but for the last."""
SIZE = 2 * PIECE + 1000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    made = ThreadedMotoServer(port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    yield f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"  # noqa: S104 - not bound here
    made.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "large.bin"
    path.write_bytes(random.Random(1).randbytes(SIZE))  # noqa: S311 - just bytes
    return path


@pytest.fixture(scope="module")
def artifact(file: Path) -> Artifact:
    return describe(file)


@pytest.fixture
def line(server: str) -> Iterator[Proxy]:
    with line_to(server) as proxy:
        yield proxy


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest) -> str:
    name = f"bucket-{abs(hash(request.node.name))}"
    client: Any = store.connect(server, KEYS)
    client.create_bucket(Bucket=name)
    return name


Reader = Callable[[str], "bytes | None"]


@pytest.fixture
def stored(server: str, bucket: str) -> Reader:
    """What people get who ask for a key."""
    client: Any = store.connect(server, KEYS)

    def read(key: str) -> bytes | None:
        found = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read()) if found else None

    return read


def place(line: Proxy, bucket: str, tries: int = 3) -> Store:
    return Store(store.connect(line.url, KEYS, tries=tries), bucket, piece=PIECE, say=lambda _: None)


def test_a_file_is_there_afterwards_and_sent_once(line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path) -> None:
    place(line, bucket).upload(artifact, file, "v1/large.bin")
    assert stored("v1/large.bin") == file.read_bytes()
    assert line.asked.count("send") == 3
    place(line, bucket).upload(artifact, file, "v1/large.bin")
    assert line.asked.count("send") == 3


@pytest.mark.parametrize("operation", ["look", "uploads", "start", "send", "finish", "read"])
@pytest.mark.parametrize("fault", [storage.hang_up, storage.lost_answer, storage.slow_down, storage.cut_answer])
def test_one_fault_is_overcome(
    operation: str, fault: Fault, *, line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path
) -> None:
    line.faults[operation].append(fault)
    place(line, bucket).upload(artifact, file, "large.bin")
    assert not line.faults[operation]
    assert stored("large.bin") == file.read_bytes()


def test_an_interrupted_upload_goes_on(line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path) -> None:
    line.faults["send"].extend([storage.through, storage.through])
    line.always["send"] = storage.hang_up
    with pytest.raises(StoreFailed, match=r"cannot upload large\.bin"):
        place(line, bucket, tries=1).upload(artifact, file, "large.bin")
    assert stored("large.bin") is None
    del line.always["send"]
    line.asked.clear()
    place(line, bucket).upload(artifact, file, "large.bin")
    assert line.asked.count("send") == 1
    assert "start" not in line.asked
    assert stored("large.bin") == file.read_bytes()


def test_what_another_file_left_is_not_taken(
    line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "large.bin"
    other.write_bytes(storage.changed(file.read_bytes()))
    line.faults["send"].extend([storage.through, storage.through])
    line.always["send"] = storage.hang_up
    with pytest.raises(StoreFailed):
        place(line, bucket, tries=1).upload(describe(other), other, "large.bin")
    del line.always["send"]
    place(line, bucket).upload(artifact, file, "large.bin")
    assert stored("large.bin") == file.read_bytes()


def test_another_object_of_that_name_is_replaced(
    line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "large.bin"
    other.write_bytes(storage.changed(file.read_bytes()))
    place(line, bucket).upload(describe(other), other, "large.bin")
    place(line, bucket).upload(artifact, file, "large.bin")
    assert stored("large.bin") == file.read_bytes()


def test_a_piece_that_arrives_changed_is_noticed(line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path) -> None:
    line.faults["send"].append(storage.other_bytes_sent)
    with pytest.raises(ArtifactDamaged, match=r"piece 1 of large\.bin arrived with other bytes"):
        place(line, bucket).upload(artifact, file, "large.bin")
    assert stored("large.bin") is None
    place(line, bucket).upload(artifact, file, "large.bin")
    assert stored("large.bin") == file.read_bytes()


def test_an_object_that_does_not_read_back_is_removed(line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path) -> None:
    line.always["read"] = storage.other_bytes_read
    with pytest.raises(ArtifactDamaged, match=r"gave back other bytes than those of large\.bin"):
        place(line, bucket).upload(artifact, file, "large.bin")
    assert stored("large.bin") is None


def test_a_file_that_changed_is_not_published(
    line: Proxy, bucket: str, stored: Reader, artifact: Artifact, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "large.bin"
    other.write_bytes(storage.changed(file.read_bytes()))
    with pytest.raises(ArtifactDamaged, match="not the file that was described"):
        place(line, bucket).upload(artifact, other, "large.bin")
    assert stored("large.bin") is None
    assert "finish" not in line.asked


def test_an_empty_file(line: Proxy, bucket: str, stored: Reader, tmp_path: Path) -> None:
    path = tmp_path / "empty.bin"
    path.touch()
    place(line, bucket).upload(describe(path), path, "empty.bin")
    assert stored("empty.bin") == b""


@pytest.mark.parametrize("fault", [storage.refuse, storage.slow_down, storage.hang_up, storage.cut_answer])
def test_what_goes_wrong_is_told_without_secrets(fault: Fault, line: Proxy, bucket: str, artifact: Artifact, file: Path) -> None:
    line.always["send"] = fault
    if fault is storage.cut_answer:
        line.always["read"] = fault
        del line.always["send"]
    with pytest.raises(StoreFailed) as problem:
        place(line, bucket, tries=1).upload(artifact, file, "large.bin")
    assert problem.value.hint
    assert not any(secret in f"{problem.value}{problem.value.hint}" for secret in KEYS.values())


def test_there_must_be_a_bucket(line: Proxy, artifact: Artifact, file: Path) -> None:
    with pytest.raises(StoreFailed, match="NoSuchBucket"):
        place(line, "no-such-bucket").upload(artifact, file, "large.bin")


def test_credentials_come_from_the_environment_alone(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = x\naws_secret_access_key = y\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set"):
        store.connect(server, {})
