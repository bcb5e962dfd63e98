"""SHA256SUMS: written for sha256sum, read strictly."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.release.publish.test_artifact import HOSTILE

from release.publish import sums
from release.publish.artifact import Artifact, ArtifactDamaged, Part, describe

if TYPE_CHECKING:
    from pathlib import Path

ZERO = "0" * 64


def test_sha256sum_reads_what_is_written(tmp_path: Path) -> None:
    files = []
    for name in ("b.txt", "a.txt", "B.txt", "a-1.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
        files.append(tmp_path / name)
    made = sums.write_sums(tmp_path, sums.collect([describe(files[0])], files[1:]))
    assert [line.split()[1] for line in made.read_text(encoding="ascii").splitlines()] == ["B.txt", "a-1.txt", "a.txt", "b.txt"]
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", made.name], cwd=tmp_path, check=True)  # noqa: S607 - the user's
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    assert subprocess.run(["sha256sum", "-c", made.name], cwd=tmp_path, capture_output=True, check=False).returncode == 1  # noqa: S607 - the user's


def test_whole_files_and_parts_have_sums() -> None:
    cut = Artifact(name="b", size=3, sha256="b" * 64, parts=(Part("b.1", 1, "1" * 64), Part("b.2", 2, "2" * 64)))
    assert sums.collect([cut, Artifact(name="a", size=1, sha256=ZERO)]) == {"b": "b" * 64, "b.1": "1" * 64, "b.2": "2" * 64, "a": ZERO}


def test_one_name_has_one_sum() -> None:
    with pytest.raises(ArtifactDamaged):
        sums.collect([Artifact(name="a", size=1, sha256=ZERO)] * 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_neither_written_nor_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no name"):
        sums.text({name: ZERO})
    path = tmp_path / sums.NAME
    path.write_text(f"{ZERO}  {name}\n", encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ArtifactDamaged):
        sums.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ZERO}  a",
        f"{ZERO} a\n",
        f"{ZERO}\ta\n",
        f"{ZERO[1:]}  a\n",
        f"{'A' * 64}  a\n",
        f"{ZERO}  a\n\n",
        f"{ZERO}  a\n{ZERO}  a\n",
        f"\\{ZERO}  a\n",
        f"{ZERO}  a\r\n",
        "<html>\n",
        f"SHA256 (a) = {ZERO}\n",
    ],
)
def test_a_list_is_read_strictly(text: str, tmp_path: Path) -> None:
    path = tmp_path / sums.NAME
    path.write_bytes(text.encode())
    with pytest.raises(ArtifactDamaged):
        sums.read(path)
