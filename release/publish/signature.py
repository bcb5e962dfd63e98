"""The signature of ``SHA256SUMS``, by minisign: small enough to be read, in every distribution, and one line of public key.

The secret key comes from the environment and never touches the disk. What is signed is read back with the public key that users have.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from release.publish.artifact import ArtifactDamaged
from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SECRET = "MINISIGN_SECRET_KEY"  # noqa: S105 - the name of a variable
PASSWORD = "MINISIGN_PASSWORD"  # noqa: S105 - the name of a variable
PUBLIC_FILE, SECRET_FILE = "minisign.pub", "minisign.key"
_KEY = re.compile(r"RW[A-Za-z0-9+/]{54}")


def check_key(key: str) -> str:
    """``key``, if it is a public key in one line; raises :class:`ValueError`."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no public key of minisign")
    return key


def read_key(path: Path) -> str:
    """The public key in a file of minisign's.

    Raises:
        UsageError: there is none.
    """
    try:
        return check_key(path.read_text(encoding="utf-8").split("\n")[1].strip())
    except (OSError, IndexError, ValueError) as problem:
        raise UsageError(f"{path} holds no public key of minisign: {problem}") from problem


def make_key(folder: Path) -> Path:
    """Make a pair of keys without a password in ``folder``, for trying a release out; returns the public one."""
    folder.mkdir(parents=True, exist_ok=True)
    public, secret = folder / PUBLIC_FILE, folder / SECRET_FILE
    done = _minisign(["-G", "-W", "-f", "-p", str(public), "-s", str(secret)])
    if done.returncode:
        raise UsageError(f"minisign made no keys: {_reason(done)}")
    secret.chmod(0o600)
    return public


def signature_of(path: Path) -> Path:
    """Where the signature of the file stands."""
    return path.with_name(path.name + ".minisig")


def sign(path: Path, public_key: str, comment: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Sign the file with the key that the environment holds, and check what came out; returns the signature.

    ``comment`` is signed with it, and shown to who checks.

    Raises:
        UsageError: there is no secret key, or it cannot be used.
        ArtifactDamaged: the secret key is not the other half of ``public_key``.
        MachineUnable: minisign is not installed.
    """
    secret = environment.get(SECRET, "")
    if not secret.strip():
        raise UsageError(f"{SECRET} is not set", hint="it holds the secret key: all lines of minisign's file, or the second of them")
    made = signature_of(path)
    made.unlink(missing_ok=True)
    with _in_memory(secret) as (place, descriptor):
        words = ["-S", "-s", place, "-m", str(path), "-x", str(made), "-t", comment]
        done = _minisign(words, given=environment.get(PASSWORD, "") + "\n", descriptors=[descriptor])
    if done.returncode:
        made.unlink(missing_ok=True)
        raise UsageError(f"minisign does not sign: {_reason(done)}", hint=f"is {SECRET} a whole key, and {PASSWORD} its password?")
    try:
        verify(path, public_key)
    except ArtifactDamaged:
        made.unlink(missing_ok=True)
        raise ArtifactDamaged(f"{SECRET} is not the other half of the public key {public_key}") from None
    return made


def verify(path: Path, public_key: str) -> str:
    """The comment that was signed with the file.

    Raises:
        ArtifactDamaged: the signature is missing, wrong, or another key's.
        MachineUnable: minisign is not installed.
    """
    done = _minisign(["-V", "-Q", "-P", public_key, "-m", str(path), "-x", str(signature_of(path))])
    if done.returncode:
        raise ArtifactDamaged(f"the signature of {path.name} is wrong: {_reason(done)}")
    return done.stdout.strip()


@contextmanager
def _in_memory(secret: str) -> Iterator[tuple[str, int]]:
    """A path and descriptor of a file that is nowhere but in memory."""
    text = secret if "\n" in secret.strip() else f"untrusted comment: secret key\n{secret.strip()}"
    descriptor = os.memfd_create("key")
    try:
        os.write(descriptor, text.strip().encode() + b"\n")
        yield f"/proc/self/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


def _minisign(words: Sequence[str], given: str = "", descriptors: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {SECRET, PASSWORD}}
    try:
        return subprocess.run(  # noqa: S603 - words of our own
            ["minisign", *words],  # noqa: S607 - where the distribution puts it
            input=given,
            env=kept,
            pass_fds=descriptors,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as problem:
        raise MachineUnable("there is no minisign", hint="apt-get install minisign") from problem


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.replace("Password: ", "").strip() or done.stdout.strip()).splitlines()
    return lines[-1].strip().lower() if lines else f"exit {done.returncode}"
