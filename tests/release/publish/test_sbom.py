"""What is inside an image, as others read it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from tests.release.publish.conftest import image

from release.build import payload, wheels
from release.build.debs import read_lock
from release.publish import sbom
from release.publish.artifact import ArtifactDamaged, digest
from the_edge_agent.models import catalogue

if TYPE_CHECKING:
    from pathlib import Path

needs_schema = pytest.mark.skipif(find_spec("cyclonedx") is None, reason="cyclonedx-python-lib is not installed: ./dev release-test")
GEMMA, PHI = "gemma-3n-E4B-it-Q4_K_M.gguf", "microsoft_Phi-4-mini-instruct-Q3_K_S.gguf"


def components(path: Path) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in sbom.document(path)["components"]}


def test_everything_that_is_pinned_is_listed(tmp_path: Path) -> None:
    found = components(image(tmp_path, "tea-python-llm-gemma"))
    recipe = payload.read_recipe()
    assert set(recipe.packages) <= found.keys()
    assert set(wheels.read_lock(payload.WHEELS_LOCK)) <= found.keys()
    assert {"the-edge-agent", "llama.cpp", "musl-dev", GEMMA} <= found.keys()
    for one in read_lock(payload.DEBS_LOCK):
        if one.architecture == "amd64":
            assert found[one.name]["version"] == one.version
            assert found[one.name]["hashes"] == [{"alg": "SHA-256", "content": one.sha256}]


def test_a_model_has_digest_licence_and_origin(tmp_path: Path) -> None:
    gemma = components(image(tmp_path, "tea-python-llm-gemma"))[GEMMA]
    assert gemma["type"] == "machine-learning-model"
    assert gemma["hashes"] == [{"alg": "SHA-256", "content": f"{1:064x}"}]
    assert gemma["licenses"] == [{"license": {"name": "Gemma Terms of Use"}}]
    known = catalogue.known(GEMMA)
    assert known
    assert gemma["purl"] == f"pkg:huggingface/{known.sources[0].repository}"
    assert components(image(tmp_path, "tea-python-llm-phi4"))[PHI]["licenses"] == [{"license": {"id": "MIT"}}]


def test_an_image_without_models_has_no_llama(tmp_path: Path) -> None:
    assert not {"llama.cpp", "xllamacpp"} & components(image(tmp_path, "tea-python")).keys()


def test_an_image_lists_the_packages_of_its_own_processor(tmp_path: Path) -> None:
    amd, arm = (components(image(tmp_path, "tea-python", machine)) for machine in ("x86_64", "aarch64"))
    assert amd.keys() == arm.keys()
    assert amd["libc6"]["hashes"] != arm["libc6"]["hashes"]
    assert amd["libcrypt1"]["purl"] == "pkg:deb/debian/libcrypt1@1%3A4.4.33-2?arch=amd64&distro=bookworm"


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    path = image(tmp_path, "tea-python-llm-phi4")
    first = json.dumps(sbom.document(path), sort_keys=True)
    assert json.dumps(sbom.document(path), sort_keys=True) == first
    made = sbom.document(path)
    assert made["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest(path)}]
    assert sbom.document(image(tmp_path, "tea-python-llm"))["serialNumber"] != made["serialNumber"]


def test_every_component_is_one_and_the_image_depends_on_it(tmp_path: Path) -> None:
    made = sbom.document(image(tmp_path, "tea-python-llm-gemma"))
    names = [one["bom-ref"] for one in made["components"]]
    assert len(names) == len(set(names))
    assert made["dependencies"][0]["dependsOn"] == names


@needs_schema
@pytest.mark.parametrize("name", ["tea-python", "tea-python-llm", "tea-python-llm-gemma", "tea-python-llm-phi4"])
def test_it_keeps_to_the_schema(name: str, tmp_path: Path) -> None:
    made = sbom.text(image(tmp_path, name))
    assert json.loads(made)["specVersion"] == "1.6"
    assert made.endswith("}\n")


@needs_schema
def test_what_does_not_keep_to_the_schema_is_not_published() -> None:
    with pytest.raises(ArtifactDamaged, match=r"CycloneDX 1\.6"):
        sbom.check('{"bomFormat": "CycloneDX", "specVersion": "1.6", "more": 1}')
