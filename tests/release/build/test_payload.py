"""The recipe of an engine: pinned to the byte, free of hosts, and the start that gives the environment back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import certifi
import httpcore2
import pytest

from release.build import RECIPE, ROOT, debs, payload, wheels
from release.build.machine import MACHINES
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

WANTED = payload.read_recipe()


def test_every_package_is_pinned_for_both_architectures() -> None:
    pinned = debs.read_lock(payload.DEBS_LOCK)
    for machine in MACHINES.values():
        assert {one.name for one in pinned if one.architecture in {machine.debian, "all"}} == set(WANTED.packages)
    assert all(re.fullmatch(r"[0-9a-f]{64}", one.sha256) for one in pinned)


def test_the_wheels_are_those_the_tests_run_with() -> None:
    tested = wheels.read_lock(ROOT / "requirements.lock")
    shipped = wheels.read_lock(payload.WHEELS_LOCK)
    assert set(WANTED.llm_wheels) <= shipped.keys()
    assert {name: version for name, version in shipped.items() if name in tested} == {
        name: tested[name] for name in shipped if name in tested
    }
    assert shipped.keys() <= tested.keys()


def test_every_wheel_is_hashed_for_both_architectures() -> None:
    text = payload.WHEELS_LOCK.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())[1:]
    for entry in entries:
        assert 1 <= entry.count("--hash=sha256:") <= 2, entry


def test_no_file_of_the_recipe_names_a_host() -> None:
    for path in RECIPE.iterdir():
        if path.suffix in {".lock", ".toml", ".py", ".desktop"}:
            assert "://" not in path.read_text(encoding="utf-8"), path.name


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write the engine's files below .*: not a directory"):
        payload.assemble(MACHINES["x86_64"], llm=False, runtime=tmp_path, work=tmp_path / "file" / "work")


CERTIFI = "import json, sys; sys.path[:0] = [{data!r}, {folder!r}]; import certifi.core as core; print(json.dumps([core.where(), core.contents()]))"


def test_certifi_names_the_certificates_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi/__init__.py").touch()
    shutil.copy(RECIPE / "certificates.py", tmp_path / "certifi/core.py")
    (tmp_path / "certifi/cacert.pem").write_text("own", encoding="utf-8")
    (tmp_path / "machine.pem").write_text("the machine's – ü", encoding="utf-8")
    told = {"TEA_RESTORE": "TEA_CERTIFICATES", "TEA_CERTIFICATES": str(tmp_path / "machine.pem")}
    code = CERTIFI.format(data=str(RECIPE), folder=str(tmp_path))

    def answer(**environment: str) -> list[str]:
        done = subprocess.run([sys.executable, "-S", "-B", "-c", code], env=environment, capture_output=True, text=True, check=True)
        return list(json.loads(done.stdout))

    assert answer() == [str(tmp_path / "certifi/cacert.pem"), "own"]
    assert answer(**told) == [str(tmp_path / "machine.pem"), "the machine's – ü"]


TRUST = """
import ctypes, sys
# As the library inside an image answers: OpenSSL sees the variable, Python does not.
ctypes.CDLL(None).setenv(b"SSL_CERT_FILE", {bundle!r}.encode(), 1)
sys.path.insert(0, {folder!r})
import httpx2
print(len(httpx2.create_ssl_context().get_ca_certs()), len(httpx2.create_ssl_context(trust_env=False).get_ca_certs()))
"""


def test_httpx2_trusts_whom_openssl_trusts(tmp_path: Path) -> None:
    certificates = certifi.contents()
    end = "-----END CERTIFICATE-----\n"
    (tmp_path / "machine.pem").write_text(end.join([*certificates.split(end)[:3], ""]), encoding="utf-8")
    shutil.copytree(tmp_path.joinpath(httpcore2.__file__).parent, tmp_path / "httpcore2")
    shutil.copy(RECIPE / "trust.py", tmp_path / "httpcore2/_ssl.py")
    code = TRUST.format(bundle=str(tmp_path / "machine.pem"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-B", "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "3 3\n"


def started(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The environment after the image's sitecustomize has run in it, and what it kept."""
    code = "import json, os, sitecustomize; print(json.dumps([dict(os.environ), sitecustomize.inside]))"
    command = [sys.executable, "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(RECIPE)!r}); {code}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after, kept = json.loads(done.stdout)
    after.pop("LC_CTYPE", None)  # Python's own, where the locale is C
    return after, kept


def test_the_environment_is_given_back() -> None:
    own = {"PATH": os.environ["PATH"], "APPDIR": "/outer"}
    told = {"APPDIR": "/inner", "TEA_IMAGE": "/x", "TEA_RESTORE": "APPDIR TEA_IMAGE TEA_CERTIFICATES", "TEA_RESTORE_APPDIR": "/outer"}
    after, kept = started(own | told)
    assert after == own
    assert kept == {"APPDIR": "/inner", "TEA_IMAGE": "/x"}


def test_outside_of_an_image_nothing_happens() -> None:
    own = {"PATH": os.environ["PATH"], "TEA_IMAGE": "kept"}
    assert started(own) == (own, {})
