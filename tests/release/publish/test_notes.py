"""The text of a release: right about its files, and its commands work."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.release.install.mirror import serving
from tests.release.publish.conftest import VERSION, image, needs_minisign

from release.build.machine import MACHINES
from release.build.variants import table
from release.publish import ROOT, changelog, listing, notes, signature, sums
from release.publish.artifact import Artifact, describe, save
from release.publish.notes import Release
from release.publish.parts import split
from release.publish.signature import make_key, read_key
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from release.build.variants import Variant

RELEASES = "https://example.org/owner/tea/releases"
ZERO = "0" * 64


def artifacts(*left_out: tuple[str, str]) -> list[Artifact]:
    return [
        Artifact(name=f"{name}-{VERSION}-{machine}.AppImage", size=10**9, sha256=ZERO, variant=name, architecture=machine)
        for name in table()
        for machine in MACHINES
        if (name, machine) not in left_out
    ]


def release(*left_out: tuple[str, str]) -> Release:
    return Release(version=VERSION, artifacts=artifacts(*left_out), releases=RELEASES)


def test_every_image_has_its_row_and_its_command() -> None:
    text = notes.text(release(), table())
    for name, row in table().items():
        assert re.search(rf"^\| `{name}` \| {re.escape(row.summary)} \| 1\.0 GB \| [\d.]+ [MG]B \|$", text, re.MULTILINE), name
        wanted = f"{RELEASES}/download/v{VERSION}/install.sh | sh" + ("" if name == notes.DEFAULT else f" -s -- --variant {name}")
        assert f"curl -fsSL {wanted}\n" in text
    assert "Not in this release" not in text


def test_what_could_not_be_built_is_said() -> None:
    gone = "tea-python-llm-gemma"
    text = notes.text(release((gone, "x86_64"), (gone, "aarch64"), ("tea-python", "aarch64")), table())
    assert f"- `{gone}` for x86_64\n- `{gone}` for aarch64" in text
    assert "- `tea-python` for aarch64" in text
    assert f"--variant {gone}\n" not in text
    assert "Gemma 3n E4B |" not in text


def test_licences_changes_and_ways_to_check_are_there_when_they_are() -> None:
    bare = notes.text(release(), table())
    assert "minisign" not in bare
    assert "gh attestation" not in bare
    one = Artifact(name=f"tea-python-{VERSION}-x86_64.AppImage.cdx.json", size=1, sha256=ZERO)
    full = replace(
        release(), changes="### Workflows\n\n- They run.", public_key="RW" + "A" * 54, repository="owner/tea", artifacts=[*artifacts(), one]
    )
    text = notes.text(full, table())
    assert text.startswith("### Workflows\n\n- They run.\n\n## Which file")
    assert f"minisign -Vm SHA256SUMS -P RW{'A' * 54}" in text
    assert f"gh attestation verify tea-python-llm-{VERSION}-x86_64.AppImage --repo owner/tea" in text
    assert "| Phi-4 mini | MIT |" in text
    assert "CycloneDX" in text


@needs_minisign
def test_the_commands_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Download by hand, join, and check: exactly the lines of the notes, with the address of a server of this machine."""
    folder, desk = tmp_path / "release", tmp_path / "desk"
    folder.mkdir()
    desk.mkdir()
    small, large = (image(folder, name, size=5000) for name in ("tea-python-llm", "tea-python-llm-phi4"))
    cut = split(describe(large), folder, limit=4000, largest=2000)
    found = [describe(small), cut]
    key = read_key(make_key(tmp_path / "key"))
    made = sums.write_sums(folder, sums.collect(found))
    signature.sign(made, key, "tea", {signature.SECRET: (tmp_path / "key/minisign.key").read_text(encoding="utf-8")})
    content = large.read_bytes()
    large.unlink()
    text = notes.text(Release(version=VERSION, artifacts=found, releases=RELEASES, public_key=key), table())
    monkeypatch.chdir(desk)
    with serving(folder) as mirror:
        for fence in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            lines = [line for line in fence.splitlines() if "install.sh" not in line and not line.startswith("./")]
            script = "\n".join(lines).replace(f"{RELEASES}/download/v{VERSION}", mirror.url)
            done = subprocess.run(["sh", "-ec", script], capture_output=True, encoding="utf-8", check=False)  # noqa: S607 - the user's
            assert done.returncode == 0, f"{script}\n{done.stderr}"
    assert (desk / large.name).read_bytes() == content
    assert (desk / small.name).read_bytes() == small.read_bytes()
    assert not list(desk.glob("*.part-*"))


CHANGES = """# What changed

## Unreleased

Later.

## [1.2.3] - 2026-01-31

### Added

- This.

## 1.2.2

- That.
"""


@pytest.mark.parametrize(
    ("version", "text"), [("1.2.3", "### Added\n\n- This."), ("1.2.2", "- That."), ("1.2", ""), ("9", ""), ("Unreleased", "Later.")]
)
def test_the_changelog_of_a_version(version: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "CHANGELOG.md"
    assert changelog.section(path, version) == ""
    path.write_text(CHANGES, encoding="utf-8")
    assert changelog.section(path, version) == text


def test_a_file_elsewhere_is_shown_there(tmp_path: Path) -> None:
    made = replace(describe(image(tmp_path, "tea-python-llm")), urls=("https://store.example.org/v1/x",))
    save(made, tmp_path)
    text = notes.text(Release(version=VERSION, artifacts=[made], releases=RELEASES), table())
    assert "curl -fLO https://store.example.org/v1/x" in text


ENGINE = 25_000_000
LLM = 44_000_000
"""Bytes of the images without a model of their own, about."""


@pytest.mark.parametrize("row", table().values(), ids=lambda row: row.name)
def test_the_page_for_users_has_the_figures_of_the_data(row: Variant) -> None:
    known = catalogue.known(row.own_model) if row.own_model else None
    download = (known.expected_size or 0) + LLM if known else LLM if row.llm else ENGINE
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    assert f"| `{row.name}` | {notes.size(download)} | {notes.size(listing.memory(row))} |" in page
