"""Signing with minisign, as a user checks it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.release.publish.conftest import FULL, needs_minisign

from release.publish import signature
from release.publish.artifact import ArtifactDamaged
from release.publish.signature import PASSWORD, SECRET, make_key, read_key, sign, signature_of, verify
from the_edge_agent.errors import MachineUnable, UsageError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_minisign


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "SHA256SUMS"
    path.write_text(f"{'0' * 64}  a\n", encoding="utf-8")
    return path


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


def secret(public: Path) -> dict[str, str]:
    return {SECRET: (public.parent / signature.SECRET_FILE).read_text(encoding="utf-8")}


def test_what_is_signed_a_user_can_check(sums: Path, public: Path) -> None:
    sign(sums, read_key(public), "tea 1.2.3", secret(public))
    assert verify(sums, read_key(public)) == "tea 1.2.3"
    subprocess.run(["minisign", "-Vm", sums.name, "-P", read_key(public)], cwd=sums.parent, check=True, capture_output=True)  # noqa: S607 - the user's


def test_the_second_line_of_a_key_is_enough(sums: Path, public: Path) -> None:
    sign(sums, read_key(public), "tea", {SECRET: secret(public)[SECRET].splitlines()[1]})


@pytest.mark.skipif(not FULL, reason="minisign takes a minute and 1 GB for a password: ./dev release-test, or TEA_RELEASE_FULL=FOLDER")
def test_a_key_with_a_password(sums: Path, tmp_path: Path) -> None:
    words = ["minisign", "-G", "-p", str(tmp_path / "p.pub"), "-s", str(tmp_path / "p.key")]
    subprocess.run(words, input="a word\na word\n", encoding="utf-8", check=True, capture_output=True)
    given = {SECRET: (tmp_path / "p.key").read_text(encoding="utf-8")}
    sign(sums, read_key(tmp_path / "p.pub"), "tea", {**given, PASSWORD: "a word"})
    with pytest.raises(UsageError, match="wrong password") as problem:
        sign(sums, read_key(tmp_path / "p.pub"), "tea", {**given, PASSWORD: "another"})
    assert not signature_of(sums).exists()
    assert "another" not in str(problem.value)


def test_a_changed_file_a_changed_signature_and_another_key_are_refused(sums: Path, public: Path, tmp_path: Path) -> None:
    made = sign(sums, read_key(public), "tea", secret(public))
    with pytest.raises(ArtifactDamaged):
        verify(sums, read_key(make_key(tmp_path / "other")))
    text = made.read_text(encoding="utf-8")
    made.write_text(text.replace("trusted comment: tea", "trusted comment: eat"), encoding="utf-8")
    with pytest.raises(ArtifactDamaged):
        verify(sums, read_key(public))
    made.write_text(text, encoding="utf-8")
    sums.write_text("changed", encoding="utf-8")
    with pytest.raises(ArtifactDamaged):
        verify(sums, read_key(public))
    made.unlink()
    with pytest.raises(ArtifactDamaged):
        verify(sums, read_key(public))


def test_a_secret_key_that_users_do_not_know_signs_nothing(sums: Path, public: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    with pytest.raises(ArtifactDamaged, match="not the other half"):
        sign(sums, read_key(public), "tea", secret(other))
    assert not signature_of(sums).exists()


@pytest.mark.parametrize("value", ["", "  \n", "nonsense", "untrusted comment: x\nRWQ="])
def test_a_broken_secret_is_told_and_not_shown(value: str, sums: Path, public: Path) -> None:
    with pytest.raises(UsageError) as problem:
        sign(sums, read_key(public), "tea", {SECRET: value})
    assert not value.strip() or value.strip() not in f"{problem.value} {problem.value.hint}"


def test_the_secret_is_nowhere_on_the_disk(sums: Path, public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = secret(public)
    (public.parent / signature.SECRET_FILE).unlink()
    before = set(sums.parent.rglob("*"))
    monkeypatch.setenv("TMPDIR", str(sums.parent))
    made = sign(sums, read_key(public), "tea", given)
    assert set(sums.parent.rglob("*")) - before == {made}


def test_minisign_has_to_be_there(sums: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", "/nonexistent")
    with pytest.raises(MachineUnable, match="no minisign"):
        verify(sums, "RW")


@pytest.mark.parametrize("text", ["", "one line", "a\nb\n", "untrusted comment: x\nRWQ=\n"])
def test_a_public_key_is_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="no public key"):
        read_key(tmp_path / "x.pub")
