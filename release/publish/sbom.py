"""What is inside an image, as CycloneDX 1.6: the packages that were pinned for it, its runtime, llama.cpp and its models.

The same image gives the same bytes: there is no time in it, and its serial number is made of the image's digest.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from release.build import payload, runtime, wheels
from release.build.debs import read_lock
from release.build.machine import MACHINES
from release.publish.artifact import ArtifactDamaged, digest
from the_edge_agent.errors import MachineUnable
from the_edge_agent.image import manifest as manifests
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from release.build.machine import Machine
    from the_edge_agent.image.manifest import Manifest, Part

SUFFIX = ".cdx.json"
_SPDX = {"MIT", "Apache-2.0"}
"""Licences of the catalogue that have an SPDX identifier; any other is called by its own name."""
_LLAMA = "xllamacpp"
"""The wheel that brings llama.cpp; its version ends with llama.cpp's build."""

Component = dict[str, Any]


def document(image: Path) -> dict[str, Any]:
    """The components of ``image``.

    Raises:
        UsageError: a lock file cannot be read.
        ImageDamaged: it is no image, or not intact.
    """
    with image.open("rb") as file:
        manifest, _ = manifests.read(image, file)
    sha256 = digest(image)
    parts = sorted(_components(manifest, MACHINES[manifest.architecture]), key=lambda one: str(one["bom-ref"]))
    whole = {
        **_component("application", manifest.name, manifest.version, f"pkg:generic/{manifest.name}@{quote(manifest.version)}"),
        "hashes": _hashes(sha256),
        "licenses": _licence("MIT"),
        "properties": [{"name": "tea:architecture", "value": manifest.architecture}, {"name": "tea:file", "value": image.name}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'sha256:{sha256}')}",
        "version": 1,
        "metadata": {"component": whole},
        "components": parts,
        "dependencies": [
            {"ref": whole["bom-ref"], "dependsOn": [one["bom-ref"] for one in parts]},
            *({"ref": one["bom-ref"]} for one in parts),
        ],
    }


def text(image: Path) -> str:
    """The document as it is published, checked against the schema of CycloneDX.

    Raises:
        ArtifactDamaged: it does not keep to the schema.
        MachineUnable: the package that has the schema is not installed.
    """
    made = json.dumps(document(image), indent=1, sort_keys=True) + "\n"
    check(made)
    return made


def check(made: str) -> None:
    """Compare with the schema, as :func:`text`."""
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
    except ImportError as problem:
        raise MachineUnable(
            "there is no schema of CycloneDX", hint="pip install --require-hashes -r release/requirements.lock"
        ) from problem
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(made)
    if wrong is not None:
        raise ArtifactDamaged(f"the list of components does not keep to CycloneDX 1.6: {wrong}")


def _components(manifest: Manifest, machine: Machine) -> Iterator[Component]:
    recipe = payload.read_recipe()
    yield {
        **_component("library", "the-edge-agent", manifest.version, f"pkg:pypi/the-edge-agent@{manifest.version}"),
        "licenses": _licence("MIT"),
    }
    for path, names in ((payload.DEBS_LOCK, recipe.packages), (runtime.LOCK, runtime.LICENSED)):
        for one in read_lock(path):
            if one.architecture in {machine.debian, "all"} and one.name in names:
                where = f"pkg:deb/debian/{quote(one.name)}@{quote(one.version, safe='~')}?arch={one.architecture}&distro={recipe.suite}"
                yield {**_component("library", one.name, one.version, where), "hashes": _hashes(one.sha256)}
    llm = "llm-local" in manifest.features
    digests = _wheel_digests(payload.WHEELS_LOCK)
    for name, version in wheels.read_lock(payload.WHEELS_LOCK).items():
        if llm or name not in recipe.llm_wheels:
            yield {**_component("library", name, version, f"pkg:pypi/{name}@{quote(version)}"), **digests.get(name, {})}
            if name == _LLAMA:
                build = f"b{version.rsplit('.', 1)[-1]}"
                yield {**_component("library", "llama.cpp", build, f"pkg:github/ggml-org/llama.cpp@{build}"), "licenses": _licence("MIT")}
    for part in manifest.models:
        yield _model(part)


def _wheel_digests(lock: Path) -> dict[str, Component]:
    """The digest of each wheel that is the same for every architecture; the lock does not say which of several is for which."""
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8"))
    found = {entry.partition("==")[0]: re.findall(r"sha256:([0-9a-f]{64})", entry) for entry in entries}
    return {name: {"hashes": _hashes(*sums)} for name, sums in found.items() if len(sums) == 1}


def _model(part: Part) -> Component:
    """A GGUF file: its digest says which it is, so that is its version."""
    name = part.name.rsplit("/", 1)[-1]
    known = catalogue.known(name)
    made: Component = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}",
        "name": name,
        "version": part.sha256[:12],
        "hashes": _hashes(part.sha256),
        "properties": [{"name": "tea:bytes", "value": str(part.size)}, {"name": "tea:path", "value": part.name}],
    }
    if known:
        made["description"] = known.title
        made["licenses"] = _licence(known.licence)
        if known.sources:
            source = known.sources[0]
            made["purl"] = f"pkg:huggingface/{source.repository}" + (f"@{source.revision}" if known.locked else "")
    return made


def _component(kind: str, name: str, version: str, purl: str) -> Component:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _licence(name: str) -> list[dict[str, Any]]:
    return [{"license": {"id": name} if name in _SPDX else {"name": name}}]
