"""Uploads to S3-compatible storage: in pieces, going on after an interruption, and read back before it counts.

Servers differ in which checksums they know: those of AWS beyond MD5 are refused elsewhere, and for an upload in pieces a SHA-256 is one of
the pieces' digests only. So nothing of that is asked for. Each piece is signed with its digest, its ETag is compared where it is an MD5, and
in the end every byte is fetched again and its SHA-256 compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from release.publish.artifact import ArtifactDamaged
from the_edge_agent.errors import MachineUnable, TeaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from release.publish.artifact import Artifact

PIECE = 64 * 1024 * 1024
"""Bytes of a piece; larger where there would be more than :data:`_MOST`."""
_MOST = 10_000
_KEY, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_TRIES = 8
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class StoreFailed(TeaError):
    """The storage does not take or give what it should; calling again goes on where this stopped."""

    code = "STORE_FAILED"
    exit_code = 9


class Client(Protocol):
    """The calls of boto3's S3 client that are used."""

    def list_multipart_uploads(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def create_multipart_upload(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def list_parts(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def upload_part(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def complete_multipart_upload(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def abort_multipart_upload(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def head_object(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def get_object(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102
    def delete_object(self, **given: Any) -> dict[str, Any]: ...  # noqa: D102


def connect(endpoint: str | None, environment: Mapping[str, str] = os.environ, *, tries: int = _TRIES) -> Client:
    """A client with the credentials of the environment, and no others: no file and no service of the machine is asked.

    Raises:
        UsageError: there are none.
        MachineUnable: boto3 is not installed.
    """
    if absent := [name for name in (_KEY, _SECRET) if not environment.get(name)]:
        raise UsageError(f"{' and '.join(absent)} must be set to upload")
    try:
        import boto3
        from botocore.config import Config
    except ImportError as problem:
        raise MachineUnable("there is no boto3", hint="pip install --require-hashes -r release/requirements.lock") from problem
    return boto3.client(  # type: ignore[no-any-return]
        "s3",
        endpoint_url=endpoint,
        region_name=environment.get("AWS_REGION") or "us-east-1",
        aws_access_key_id=environment[_KEY],
        aws_secret_access_key=environment[_SECRET],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
        config=Config(
            retries={"mode": "standard", "total_max_attempts": tries},
            connect_timeout=30,
            read_timeout=120,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if endpoint else "auto", "payload_signing_enabled": True},
        ),
    )


@dataclass(frozen=True, slots=True)
class Store:
    """A bucket. ``say`` takes a line about each piece."""

    client: Client
    bucket: str
    piece: int = PIECE
    say: Callable[[str], object] = sys.stderr.write

    def upload(self, artifact: Artifact, path: Path, key: str) -> None:
        """The object ``key`` holds the file afterwards; an object that does already is only read. The file is not changed.

        Raises:
            UsageError: the file cannot be read.
            StoreFailed: the storage refuses, or was not to be reached. What was sent is kept there, for the next call.
            ArtifactDamaged: the file is not what was described, or what the storage holds is not the file; the object is gone then.
        """
        with _told(f"upload {artifact.name}"):
            if self.holds(artifact, key):
                return
            self._send(artifact, path, key)
            if not self.holds(artifact, key):
                self.client.delete_object(Bucket=self.bucket, Key=key)
                raise ArtifactDamaged(f"the storage gave back other bytes than those of {artifact.name}", hint="upload it again")

    def holds(self, artifact: Artifact, key: str) -> bool:
        """Whether the object ``key`` is the file; every byte of it is fetched for this, if it has the right size.

        Raises:
            StoreFailed: it cannot be read.
        """
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=key)
        except _refusals() as problem:
            if _status(problem) in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                return False
            raise
        return int(head["ContentLength"]) == artifact.size and self._digest(key, artifact.size) == artifact.sha256

    def _send(self, artifact: Artifact, path: Path, key: str) -> None:
        started, known = self._started(key)
        if started is None:
            started = str(self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"])
        where = {"Bucket": self.bucket, "Key": key, "UploadId": started}
        pieces, every = [], hashlib.sha256()
        for number, body in enumerate(_pieces(path, artifact.size, self.piece), 1):
            every.update(body)
            md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
            tag = known.get(number)
            if tag is None or not _is_md5(tag, md5):
                tag = self.client.upload_part(**where, PartNumber=number, Body=body)["ETag"]
                if _MD5.fullmatch(tag) and not _is_md5(tag, md5):
                    raise ArtifactDamaged(f"piece {number} of {artifact.name} arrived with other bytes", hint="upload it again")
                self.say(f"{artifact.name}: sent piece {number}\n")
            pieces.append({"PartNumber": number, "ETag": tag})
        if every.hexdigest() != artifact.sha256:
            self.client.abort_multipart_upload(**where)
            raise ArtifactDamaged(f"{path} is not the file that was described", hint="describe it again, if it is the right one")
        try:
            self.client.complete_multipart_upload(**where, MultipartUpload={"Parts": pieces})
        except _refusals() as problem:
            # Its answer may have been lost, and then the second try finds no upload any more. The object is looked at next.
            if _status(problem) != HTTPStatus.NOT_FOUND:
                raise

    def _started(self, key: str) -> tuple[str | None, dict[int, str]]:
        """An upload of this key that was interrupted, and the ETags of its pieces; what is older is given up."""
        found = self.client.list_multipart_uploads(Bucket=self.bucket, Prefix=key).get("Uploads", [])
        mine = sorted((one for one in found if one["Key"] == key), key=lambda one: one["Initiated"])
        for old in mine[:-1]:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=old["UploadId"])
        if not mine:
            return None, {}
        started, known, after = str(mine[-1]["UploadId"]), {}, 0
        while True:
            answer = self.client.list_parts(Bucket=self.bucket, Key=key, UploadId=started, PartNumberMarker=after)
            known.update({int(one["PartNumber"]): str(one["ETag"]) for one in answer.get("Parts", [])})
            if not answer.get("IsTruncated"):
                return started, known
            after = int(answer["NextPartNumberMarker"])

    def _digest(self, key: str, size: int) -> str:
        """The SHA-256 of all bytes of the object; a connection that ends early is taken up again."""
        found, have, failures = hashlib.sha256(), 0, 0
        while have < size:
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={have}-{min(have + self.piece, size) - 1}")
                body: bytes = answer["Body"].read()
            except _interruptions() as problem:
                failures += 1
                if failures == _TRIES:
                    raise StoreFailed(f"the storage does not give {key} back: {problem}", hint="call it again") from problem
                continue
            if not body:
                break
            found.update(body)
            have += len(body)
        return found.hexdigest()


def _pieces(path: Path, size: int, piece: int) -> Iterator[bytes]:
    """The file in pieces, at least one."""
    piece = max(piece, -(-size // _MOST))
    with path.open("rb") as file:
        body = file.read(piece)
        yield body
        while body := file.read(piece):
            yield body


def _is_md5(tag: str, md5: str) -> bool:
    found = _MD5.fullmatch(tag)
    return found is not None and found[1] == md5


def _refusals() -> type[Exception]:
    from botocore.exceptions import ClientError

    return ClientError  # type: ignore[no-any-return]


def _interruptions() -> tuple[type[Exception], ...]:
    """What reading an answer's body may end with; what ends before it is tried again by the client itself."""
    from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError

    return (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


def _status(problem: Any) -> int:
    return int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What went wrong, without anything of a request: its headers hold who we are."""
    try:
        yield
    except OSError as problem:
        raise UsageError(f"cannot {what}: {(problem.strerror or str(problem)).lower()}") from problem
    except Exception as problem:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(problem, ClientError):
            error = problem.response.get("Error", {})
            reason = f"{error.get('Code', 'refused')}: {error.get('Message', '')}"
        elif isinstance(problem, BotoCoreError):
            reason = str(problem)
        else:
            raise
        raise StoreFailed(f"cannot {what}: {reason}", hint="call it again: it goes on where it stopped") from problem
