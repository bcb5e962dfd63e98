"""The notes of a release, made from the files that it has: which file for whom, and the commands that get and check it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.publish import installer, listing, sbom, sums
from release.publish.artifact import IMAGE
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from release.build.variants import Variant
    from release.publish.artifact import Artifact

GIGABYTE = 1_000_000_000
DEFAULT = "tea-python-llm"
"""What ``install.sh`` takes if nothing is said: small, and it answers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the notes are about.

    Attributes:
        releases: the address that all releases are below.
        changes: the version's section of the changelog, or ``""``.
        public_key: of minisign, ``None`` where nothing is signed with it.
        repository: ``OWNER/NAME`` on GitHub, where the files are attested there.
    """

    version: str
    artifacts: Sequence[Artifact]
    releases: str
    changes: str = ""
    public_key: str | None = None
    repository: str | None = None

    @property
    def base(self) -> str:
        """Where the files of this release are."""
        return f"{self.releases}/download/v{self.version}"

    def of(self, variant: str) -> tuple[Artifact, ...]:
        """The images of a variant."""
        return tuple(one for one in self.artifacts if one.variant == variant)


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / GIGABYTE:.1f} GB" if count >= GIGABYTE else f"{max(1, round(count / 1e6))} MB"


def text(release: Release, variants: Mapping[str, Variant]) -> str:
    """The notes, as Markdown."""
    parts = [release.changes, _which(release, variants), _install(release, variants), _by_hand(release), _check(release)]
    parts += [_missing(release, variants), _inside(release, variants)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _which(release: Release, variants: Mapping[str, Variant]) -> str:
    rows = ["| image | what it is | download | memory that should be free |", "|---|---|---|---|"]
    for name, row in variants.items():
        if images := release.of(name):
            sizes = size(max(one.size for one in images))
            rows.append(f"| `{name}` | {row.summary} | {sizes} | {size(listing.memory(row))} |")
    return "\n".join(
        ["## Which file for you", "", *rows, "", "`x86_64` is for Intel and AMD, `aarch64` for ARM64; `uname -m` says which you have."]
    )


def _install(release: Release, variants: Mapping[str, Variant]) -> str:
    there = [name for name in variants if release.of(name)]
    lines = [f"curl -fsSL {release.base}/{installer.NAME} | sh"] if DEFAULT in there else []
    lines += [f"curl -fsSL {release.base}/{installer.NAME} | sh -s -- --variant {name}" for name in there if name != DEFAULT]
    about = (
        "This finds the file for your machine, downloads it, goes on where it was interrupted, checks it, and puts it into `~/.local/bin`:"
    )
    return "\n".join(["## Install", "", about, "", *_fence(lines)])


def _by_hand(release: Release) -> str:
    found = ["## Download by hand", ""]
    plain = [one for one in release.artifacts if one.variant and not one.parts]
    if plain:
        found += ["A file in one piece:", ""]
        shown = next((one for one in plain if one.variant == DEFAULT), plain[0])
        place = shown.urls[0] if shown.urls else f"{release.base}/{shown.name}"
        found += [*_fence([f"curl -fLO {place}", f"chmod +x {shown.name}", f"./{shown.name} --version"]), ""]
    cut = [one for one in release.artifacts if one.parts]
    if cut:
        found += ["GitHub takes no file of 2 GiB. Larger ones come in parts, which you put together:", ""]
    for one in cut:
        lines = [f"curl -fLO {release.base}/{part.name}" for part in one.parts]
        lines += [f"cat {one.name}.part-* >{one.name} && rm {one.name}.part-*", f"chmod +x {one.name}"]
        found += [*_fence(lines), ""]
        if one.urls:
            found += [f"Or in one piece: {one.urls[0]}", ""]
    return "\n".join(found).strip()


def _check(release: Release) -> str:
    shown = next((one.name for one in release.artifacts if one.variant == DEFAULT), f"{DEFAULT}-{release.version}-x86_64{IMAGE}")
    lines = [f"curl -fLO {release.base}/{sums.NAME}"]
    found = ["## Check what you downloaded", "", f"`{sums.NAME}` has the SHA-256 of every file and of every part."]
    if release.public_key:
        lines += [f"curl -fLO {release.base}/{sums.NAME}.minisig", f"minisign -Vm {sums.NAME} -P {release.public_key}"]
        found[-1] += " minisign (a package of most distributions) says whether it is ours."
    lines.append(f"grep ' {shown}$' {sums.NAME} | sha256sum -c")
    found += ["", *_fence(lines)]
    if release.repository:
        found += ["", "With GitHub's own tool you can also see which workflow built a file, and from which commit:", ""]
        found += _fence([f"gh attestation verify {shown} --repo {release.repository}"])
    return "\n".join(found)


def _missing(release: Release, variants: Mapping[str, Variant]) -> str:
    absent = listing.missing(variants, release.artifacts)
    if not absent:
        return ""
    lines = [f"- `{name}` for {machine}" for name, machine in absent]
    return "\n".join(
        [
            "## Not in this release",
            "",
            "These could not be built, or did not pass their tests. Take them from an earlier release:",
            "",
            *lines,
        ]
    )


def _inside(release: Release, variants: Mapping[str, Variant]) -> str:
    lines = []
    if any(one.name.endswith(sbom.SUFFIX) for one in release.artifacts):
        lines.append(f"`FILE{sbom.SUFFIX}` lists every package and model in `FILE`, in the format of CycloneDX 1.6.")
    licences = dict(_licences(release, variants))
    if licences:
        rows = [f"| {title} | {licence} |" for title, licence in licences.items()]
        lines += ["", "| model | its licence |", "|---|---|", *rows]
    return "\n".join(["## What is inside", "", *lines]).strip() if lines else ""


def _licences(release: Release, variants: Mapping[str, Variant]) -> Iterator[tuple[str, str]]:
    for name, row in variants.items():
        known = catalogue.known(row.own_model) if row.own_model and release.of(name) else None
        if known:
            yield known.title, known.licence


def _fence(lines: Sequence[str]) -> list[str]:
    return ["```sh", *lines, "```"]
