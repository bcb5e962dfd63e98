"""The recipe of an engine: pinned to the byte, free of hosts, and the start that gives the environment back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import certifi
import httpcore2
import pytest
from tests.unit.appimage.conftest import DATA, ROOT

from the_edge_agent.appimage import packages, payload, variants, wheels
from the_edge_agent.appimage.packages import Package
from the_edge_agent.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = payload.read_recipe(DATA)


def test_every_package_is_pinned_for_both_architectures() -> None:
    pinned = packages.read_lock(RECIPE.debs_lock)
    for architecture in packages.ARCHITECTURES.values():
        assert {one.name for one in pinned if one.architecture in {architecture, "all"}} == set(RECIPE.packages)
    assert all(re.fullmatch(r"[0-9a-f]{64}", one.sha256) for one in pinned)


def test_the_wheels_are_those_the_tests_run_with() -> None:
    tested = wheels.read_lock(ROOT / "requirements.lock")
    shipped = wheels.read_lock(RECIPE.wheels_lock)
    assert set(RECIPE.llm_wheels) <= shipped.keys()
    assert {name: version for name, version in shipped.items() if name in tested} == {
        name: tested[name] for name in shipped if name in tested
    }
    assert shipped.keys() <= tested.keys()


def test_every_wheel_is_hashed_for_both_architectures() -> None:
    text = RECIPE.wheels_lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())[1:]
    for entry in entries:
        assert 1 <= entry.count("--hash=sha256:") <= 2, entry


def test_no_file_of_the_recipe_names_a_host() -> None:
    for path in DATA.iterdir():
        if path.suffix in {".lock", ".toml", ".py", ".desktop"}:
            assert "://" not in path.read_text(encoding="utf-8"), path.name


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    some = (Package("b", "1:2.0-1", "arm64", "1" * 64), Package("a", "3", "amd64", "2" * 64))
    (tmp_path / "lock").write_text(packages.lock_text(some), encoding="utf-8")
    assert packages.read_lock(tmp_path / "lock") == tuple(sorted(some))
    (tmp_path / "lock").write_text("a b\n", encoding="utf-8")
    with pytest.raises(UsageError, match="pinned packages"):
        packages.read_lock(tmp_path / "lock")


def test_a_wheel_lock_is_what_pip_reads(tmp_path: Path) -> None:
    for name in ("some_thing-1.0-py3-none-any.whl", "other-2.1-cp311-cp311-manylinux_2_17_x86_64.whl"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "lock").write_text(wheels.lock_text(sorted(tmp_path.glob("*.whl"))), encoding="utf-8")
    assert wheels.read_lock(tmp_path / "lock") == {"some-thing": "1.0", "other": "2.1"}


def test_a_wheel_is_unpacked_into_its_folder_only(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x-1-py3-none-any.whl", "w") as archive:
        for name in ("x/__init__.py", "x-1.data/purelib/y.py", "x-1.data/scripts/run", "../out.py", "/abs.py"):
            archive.writestr(name, "pass")
    wheels.unpack(tmp_path / "x-1-py3-none-any.whl", tmp_path / "site")
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")} == {"site/x/__init__.py", "site/y.py"}
    assert not list(tmp_path.rglob("run"))


def test_the_projects_wheel_is_the_same_twice(tmp_path: Path) -> None:
    built = [wheels.own(ROOT, tmp_path / name) for name in ("one", "two")]
    assert built[0].read_bytes() == built[1].read_bytes()


def test_the_table_names_the_artifacts_and_their_models() -> None:
    table = variants.table()
    assert {name: row.models for name, row in table.items()} == {
        "tea-python": (),
        "tea-python-llm": ("built-in",),
        "tea-python-llm-gemma": ("gemma-3n-E4B-it-Q4_K_M.gguf", "built-in"),
        "tea-python-llm-phi4": ("microsoft_Phi-4-mini-instruct-Q3_K_S.gguf", "built-in"),
        "tea-python-llm-gemma3-1b": ("gemma-3-1b-it-Q8_0.gguf", "built-in"),
    }
    from the_edge_agent import __version__

    assert table["tea-python"].file_name("aarch64") == f"tea-python-{__version__}-aarch64.AppImage"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write the engine's files below .*: not a directory"):
        payload.assemble(RECIPE, architecture="x86_64", llm=False, runtime=tmp_path, source=ROOT, work=tmp_path / "file" / "work")


def test_wheels_of_an_earlier_build_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"one": "some_thing-1.0-py3-none-any.whl", "two": "other-2.1-cp311-cp311-manylinux_2_17_x86_64.whl"}
    for content, name in names.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "lock").write_text(wheels.lock_text(sorted(tmp_path.glob("*.whl"))), encoding="utf-8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    def fetched(architecture: str) -> set[str]:
        return {file.name for file in wheels.fetch(tmp_path / "lock", ["some-thing", "other"], architecture, "3.11", tmp_path)}

    assert fetched("x86_64") == set(names.values())
    with pytest.raises(UsageError, match="pip cannot fetch"):
        fetched("aarch64")
    (tmp_path / names["one"]).write_text("changed", encoding="utf-8")
    with pytest.raises(UsageError, match="pip cannot fetch"):
        fetched("x86_64")


CERTIFI = "import json, sys; sys.path[:0] = [{data!r}, {folder!r}]; import certifi.core as core; print(json.dumps([core.where(), core.contents()]))"


def test_certifi_names_the_certificates_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi/__init__.py").touch()
    shutil.copy(DATA / "certificates.py", tmp_path / "certifi/core.py")
    (tmp_path / "certifi/cacert.pem").write_text("own", encoding="utf-8")
    (tmp_path / "machine.pem").write_text("the machine's – ü", encoding="utf-8")
    told = {"TEA_RESTORE": "TEA_CERTIFICATES", "TEA_CERTIFICATES": str(tmp_path / "machine.pem")}
    code = CERTIFI.format(data=str(DATA), folder=str(tmp_path))

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
    shutil.copy(DATA / "trust.py", tmp_path / "httpcore2/_ssl.py")
    code = TRUST.format(bundle=str(tmp_path / "machine.pem"), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-B", "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "3 3\n"


def started(environment: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The environment after the image's sitecustomize has run in it, and what it kept."""
    code = "import json, os, sitecustomize; print(json.dumps([dict(os.environ), sitecustomize.inside]))"
    command = [sys.executable, "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(DATA)!r}); {code}"]
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
