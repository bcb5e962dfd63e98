"""``tea models``: the real command against a hub on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.hub import COMMIT, Fault, Hub

from the_edge_agent.models import builtin, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tea = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parents[2]
CHAT, EMBED = builtin.path().read_bytes(), builtin.embedding_path().read_bytes()
SHA256 = hashlib.sha256(CHAT).hexdigest()
TINY = "acme/tiny-GGUF/tiny-Q8_0.gguf"
ASKING = "name: one\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 2}, output: said}]\n"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(tmp_path / "hub") as started:
        put(started, TINY)
        yield started


@pytest.fixture
def environment(environment: dict[str, str], hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {**environment, "HF_ENDPOINT": hub.endpoint, "XDG_DATA_HOME": str(tmp_path / "data")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "the-edge-agent" / "models"


def put(hub: Hub, reference: str, content: bytes = CHAT) -> Path:
    path = hub.folder / reference
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_list_shows_what_is_here_and_what_can_be_had(tea: Tea, hub: Hub) -> None:
    done = tea("models", "list")
    assert done.returncode == 0
    assert re.search(r"^installed\n  tiny-chat +6\.1 MB +2,048 tokens  MIT +built in$", done.stdout, re.MULTILINE)
    assert re.search(r"^  gemma +about 4\.5 GB +32,768 tokens  Gemma Terms of Use +unsloth/gemma-3n-E4B-it-GGUF", done.stdout, re.MULTILINE)
    assert hub.requests == []


def test_the_list_as_json_says_where_each_comes_from(tea: Tea, hub: Hub, tmp_path: Path) -> None:
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    studio = tmp_path / ".lmstudio" / "models" / "a" / "b" / "ocelot.gguf"
    studio.parent.mkdir(parents=True)
    studio.write_bytes(EMBED)
    hub.requests.clear()
    rows = {row["name"]: row for row in json.loads(tea("models", "list", "--json").stdout)}
    assert hub.requests == []
    tiny, ocelot, gemma = rows["tiny-Q8_0"], rows["ocelot"], rows["gemma"]
    assert (tiny["where"], tiny["source"], tiny["sha256"], tiny["size"]) == (
        "installed",
        f"acme/tiny-GGUF@{COMMIT}/tiny-Q8_0.gguf",
        SHA256,
        len(CHAT),
    )
    assert (ocelot["where"], ocelot["origin"], ocelot["path"], ocelot["embeds"]) == ("elsewhere", "LM Studio", str(studio), True)
    assert (gemma["where"], gemma["path"], gemma["exact"], gemma["locked"]) == ("known", None, False, False)
    assert gemma["terms"] == "https://ai.google.dev/gemma/terms"


def test_what_nobody_vouches_for_takes_a_word_and_is_recorded(tea: Tea, hub: Hub, folder: Path) -> None:
    done = tea("models", "pull", TINY)
    assert done.returncode == 8
    assert "nobody has confirmed which SHA-256 tiny-Q8_0.gguf must have" in done.stderr
    assert "--trust-first-use" in done.stderr
    assert hub.requests == []
    done = tea("models", "pull", TINY, "--trust-first-use")
    assert (done.returncode, done.stdout) == (0, f"{folder / 'tiny-Q8_0.gguf'}\n")
    assert (folder / "tiny-Q8_0.gguf").read_bytes() == CHAT
    record = json.loads((folder.parent / "records" / "tiny-Q8_0.gguf.json").read_text(encoding="utf-8"))
    assert record == {"sha256": SHA256, "size": len(CHAT), "source": f"acme/tiny-GGUF@{COMMIT}/tiny-Q8_0.gguf", "trust": "first use"}


def test_what_was_trusted_once_has_to_be_the_same_the_next_time(tea: Tea, hub: Hub, folder: Path) -> None:
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    hub.requests.clear()
    assert tea("models", "pull", TINY).returncode == 0
    assert hub.requests == []
    assert tea("models", "rm", "tiny-Q8_0").returncode == 0
    put(hub, TINY, EMBED)
    for words in (["pull", TINY], ["pull", TINY, "--trust-first-use"]):
        done = tea("models", *words)
        assert done.returncode == 8
        assert "another file under this name" in done.stderr
        assert list(folder.iterdir()) == []
    assert tea("models", "rm", "--forget", "tiny-Q8_0").returncode == 0
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    assert (folder / "tiny-Q8_0.gguf").read_bytes() == EMBED


def test_a_damaged_record_trusts_nothing(tea: Tea, folder: Path) -> None:
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    (folder.parent / "records" / "tiny-Q8_0.gguf.json").write_text("{", encoding="utf-8")
    for words in (["pull", TINY, "--trust-first-use"], ["verify", "tiny-Q8_0"]):
        done = tea("models", *words)
        assert (done.returncode, "the record" in done.stderr) == (8, True)
    assert tea("models", "list").returncode == 0


def test_a_model_of_the_catalogue_has_to_have_the_bytes_that_it_knows(tea: Tea, hub: Hub, folder: Path) -> None:
    put(hub, "unsloth/Qwen3.5-4B-GGUF/Qwen3.5-4B-Q4_K_M.gguf")
    for announces in (True, False):
        hub.announces = announces
        done = tea("models", "pull", "qwen", "--trust-first-use")
        assert done.returncode == 8
        assert "00fe7986ff5f6b46" in done.stderr
        assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pull", "gema"], 2, "did you mean gemma?"),
        (["pull", "https://example.org/"], 2, "names no file at a hub"),
        (["pull", "acme/x/../y.gguf"], 2, "names no file at a hub"),
        (["pull", "acme/x/big-00001-of-00003.gguf"], 2, "no whole model"),
        (["pull", "acme/x/model.safetensors"], 2, "no whole model"),
        (["pull", "smollm2"], 2, "tea models add SmolLM2-135M-Instruct.Q4_1.gguf"),
        (["pull", "acme/tiny-GGUF/none.gguf", "--trust-first-use"], 8, "acme/tiny-GGUF has no file none.gguf"),
        (["pull"], 2, "Missing argument"),
        (["pull", "qwen", "--locked"], 8, "size and SHA-256 of qwen are not confirmed"),
        (["pull", TINY, "--locked"], 8, "only models of the catalogue"),
        (["pull", TINY, "--locked", "--trust-first-use"], 2, "exclude each other"),
        (["path", "gemma"], 8, "get it: tea models pull gemma"),
        (["path", "none"], 8, "there is no model none here"),
        (["verify", "none"], 8, "there is no model none here"),
        (["rm", "none"], 8, "there is no model none here"),
        (["rm", "tiny-chat"], 2, "is part of this tea"),
        (["rm", "../x"], 2, "is no name of an installed model"),
        (["add", "none.gguf"], 8, "there is no such file"),
        (["lock", "none"], 2, "knows no source of none"),
        (["none"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_told(tea: Tea, words: list[str], code: int, said: str) -> None:
    done = tea("models", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_an_address_that_is_none_is_told(tea: Tea) -> None:
    done = tea("models", "pull", TINY, "--trust-first-use", env={"HF_HUB_OFFLINE": "1"})
    assert (done.returncode, "HF_HUB_OFFLINE forbids" in done.stderr) == (2, True)
    done = tea("models", "pull", TINY, "--trust-first-use", env={"HF_ENDPOINT": "ftp://hub"})
    assert (done.returncode, "is no address of a hub" in done.stderr) == (2, True)


def test_a_token_opens_a_gated_repository_and_is_never_shown(tea: Tea, hub: Hub) -> None:
    hub.gated = {"acme/tiny-GGUF"}
    done = tea("models", "pull", TINY, "--trust-first-use")
    assert done.returncode == 8
    assert f"open {hub.endpoint}/acme/tiny-GGUF" in done.stderr
    done = tea("models", "pull", TINY, "--trust-first-use", env={"HF_TOKEN": "hf_of_somebody_else"})
    assert (done.returncode, "hf_of_somebody_else" in done.stderr) == (8, False)
    done = tea("models", "pull", TINY, "--trust-first-use", env={"HF_TOKEN": hub.token, "TEA_DEBUG": "1"})
    assert done.returncode == 0
    assert hub.token not in done.stdout + done.stderr


def test_the_token_of_a_login_is_for_the_real_hub_only(tea: Tea, hub: Hub, tmp_path: Path) -> None:
    place = tmp_path / ".cache" / "huggingface" / "token"
    place.parent.mkdir(parents=True)
    place.write_text(hub.token, encoding="ascii")
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    assert all("authorization" not in headers for _, _, headers in hub.requests)


def test_a_model_is_found_verified_used_and_removed_by_its_name(tea: Tea, hub: Hub, folder: Path, tmp_path: Path) -> None:
    target = folder / "tiny-Q8_0.gguf"
    assert tea("models", "pull", TINY, "--trust-first-use").returncode == 0
    hub.requests.clear()
    assert tea("models", "path", "tiny-Q8_0").stdout == f"{target}\n"
    done = tea("models", "verify", "tiny-Q8_0")
    assert (done.returncode, done.stdout) == (0, f"OK  {target}  {SHA256} (its record)\n")
    (tmp_path / "one.yaml").write_text(ASKING, encoding="utf-8")
    for words, env in ((["--gguf", "tiny-Q8_0"], {}), ([], {"TEA_MODEL_PATH": "tiny-Q8_0"})):
        said = json.loads(tea("run", "one.yaml", *words, env=env).stdout)["said"]
        assert said["model"] == "tiny-Q8_0.gguf"
    target.write_bytes(CHAT[:-1] + b"x")
    done = tea("models", "verify")
    assert (done.returncode, done.stdout.count("OK  "), "is damaged" in done.stderr) == (8, 2, True)
    done = tea("models", "rm", "tiny-Q8_0")
    assert (done.returncode, done.stdout, "removed" in done.stderr, target.exists()) == (0, "", True, False)
    assert hub.requests == []


def test_a_file_that_nothing_is_known_of_is_not_verified(tea: Tea, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "own.gguf").write_bytes(CHAT)
    done = tea("models", "verify")
    assert (done.returncode, "nothing says which SHA-256" in done.stderr) == (8, True)
    assert tea("models", "add", str(folder / "own.gguf")).returncode == 0
    assert tea("models", "verify").returncode == 0


def ollama(tmp_path: Path) -> Path:
    root = tmp_path / ".ollama" / "models"
    manifest = root / "manifests" / "registry.ollama.ai" / "library" / "ocelot" / "1b"
    blob = root / "blobs" / f"sha256-{SHA256}"
    for path in (manifest, blob):
        path.parent.mkdir(parents=True)
    manifest.write_text(
        json.dumps({"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{SHA256}"}]}), "utf-8"
    )
    blob.write_bytes(CHAT)
    return blob


def test_a_model_of_another_program_is_used_and_left_alone(tea: Tea, tmp_path: Path) -> None:
    blob = ollama(tmp_path)
    assert re.search(r"^of other programs, used in place\n  ocelot:1b .* ollama$", tea("models", "list").stdout, re.MULTILINE)
    assert tea("models", "path", "ocelot:1b").stdout == f"{blob}\n"
    assert tea("models", "verify", "ocelot:1b").stdout == f"OK  {blob}  {SHA256} (ollama)\n"
    (tmp_path / "one.yaml").write_text(ASKING, encoding="utf-8")
    assert json.loads(tea("run", "one.yaml", "--gguf", "ocelot:1b").stdout)["said"]["model"] == "ocelot-1b.gguf"
    done = tea("models", "rm", "ocelot:1b")
    assert (done.returncode, "belongs to another program" in done.stderr, blob.exists()) == (2, True, True)


@pytest.mark.parametrize("place", ["ollama", ".lmstudio/models/a/b/SmolLM.gguf", ".cache/tea/models/SmolLM.gguf"])
def test_what_is_on_this_machine_is_not_downloaded_again(tea: Tea, hub: Hub, tree: Path, tmp_path: Path, place: str) -> None:
    file = tree / "src/the_edge_agent/models/catalogue.toml"
    entry = f'\n[smol]\nfile = "SmolLM.gguf"\nsources = ["acme/smol"]\nsha256 = "{SHA256}"\n'
    facts = 'title = "Smol"\nlicence = "MIT"\nterms = "https://spdx.org"\ncontext = 1\nfamily = "llama"\n'
    file.write_text(file.read_text(encoding="utf-8") + entry + facts, encoding="utf-8")
    path = ollama(tmp_path) if place == "ollama" else tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CHAT)
    done = tea("models", "pull", "smol", env={"PYTHONPATH": str(tree / "src")})
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert "is used where it lies" in done.stderr
    assert hub.requests == []
    assert tea("models", "path", "smol", env={"PYTHONPATH": str(tree / "src")}).stdout == f"{path}\n"
    path.write_bytes(CHAT[:-1] + b"x")
    put(hub, "acme/smol/SmolLM.gguf")
    assert tea("models", "pull", "smol", env={"PYTHONPATH": str(tree / "src")}).returncode == 0
    assert hub.asked("/cdn/")


def test_a_file_of_ones_own_is_added(tea: Tea, folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(CHAT)
    done = tea("models", "add", "own.gguf")
    assert (done.returncode, done.stdout) == (0, f"{folder / 'own.gguf'}\n")
    assert (folder / "own.gguf").read_bytes() == CHAT
    assert not (folder / "own.gguf").is_symlink()
    assert tea("models", "add", "own.gguf", "--name", "linked", "--link").stdout == f"{folder / 'linked.gguf'}\n"
    assert (folder / "linked.gguf").readlink() == own
    assert tea("models", "add", "own.gguf").returncode == 0
    own.write_bytes(EMBED)
    done = tea("models", "verify", str(folder / "linked.gguf"))
    assert (done.returncode, "is damaged" in done.stderr) == (8, True)
    done = tea("models", "add", "own.gguf")
    assert (done.returncode, "was another file before" in done.stderr) == (8, True)
    assert tea("models", "rm", "linked").returncode == 0
    assert own.read_bytes() == EMBED
    assert sorted(path.name for path in folder.iterdir()) == ["own.gguf"]


@pytest.mark.parametrize(
    ("name", "content", "words", "outcome"),
    [
        ("broken.gguf", b"GGUF", [], (8, "truncated")),
        ("page.gguf", b"<html>", [], (8, "not a GGUF file")),
        ("Qwen3.5-4B-Q4_K_M.gguf", CHAT, [], (8, "is the name of a model of the catalogue")),
        ("own.gguf", CHAT, ["--name", "a/b"], (2, "is no name for a model")),
        ("own.gguf", CHAT, ["--name", ".hidden"], (2, "is no name for a model")),
        ("own.gguf", CHAT, ["--name", "mmproj-own"], (2, "is no name for a model")),
    ],
)
def test_what_is_no_model_or_has_anothers_name_is_not_added(
    tea: Tea, tmp_path: Path, name: str, content: bytes, words: list[str], outcome: tuple[int, str]
) -> None:
    (tmp_path / name).write_bytes(content)
    done = tea("models", "add", name, *words)
    assert done.returncode == outcome[0]
    assert outcome[1] in done.stderr
    folder = tmp_path / "data" / "the-edge-agent" / "models"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_interrupted_download_goes_on(hub: Hub, folder: Path, environment: dict[str, str]) -> None:
    hub.faults = [Fault("stall", len(CHAT) // 2)]
    words = [sys.executable, "-m", "the_edge_agent", "models", "pull", TINY, "--trust-first-use"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert hub.wait_for(1, "/cdn/")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "tiny-Q8_0.gguf: what has come so far stays; the same command goes on" in said
    assert not (folder / "tiny-Q8_0.gguf").exists()
    hub.faults.clear()
    assert subprocess.run(words, env=environment, check=False, capture_output=True).returncode == 0
    assert (folder / "tiny-Q8_0.gguf").read_bytes() == CHAT


def test_a_terminal_shows_how_far_it_is(hub: Hub, environment: dict[str, str]) -> None:
    hub.faults = [Fault("drip", 60_000)]
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "the_edge_agent", "models", "pull", TINY, "--trust-first-use"]
    seen = b""
    with subprocess.Popen(words, env={**environment, "TERM": "xterm"}, stdout=subprocess.DEVNULL, stderr=theirs, stdin=theirs):
        os.close(theirs)
        try:
            while block := os.read(ours, 4096):
                seen += block
        except OSError:
            pass
    os.close(ours)
    assert re.search(r"tiny-Q8_0\.gguf  █+░+  \d+%  [\d.]+ \w+ of 6\.1 MB", seen.decode())
    assert seen.endswith(b"\r\x1b[2K")


def test_names_are_completed(tea: Tea, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "gemma-3-1b-it-Q8_0.gguf").write_bytes(CHAT)

    def complete(words: str) -> set[str]:
        env = {"_TEA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        return set(tea(env=env).stdout.split())

    assert complete("tea models p") == {"plain,path", "plain,pull"}
    assert complete("tea models pull gemma") == {f"plain,{name}" for name in ("gemma3-1b", "gemma", "gemma4-e2b", "gemma4-e4b")}
    assert complete("tea models path ge") == {"plain,gemma3-1b"}
    assert complete("tea run x.yaml --gguf ge") == {"plain,gemma3-1b", "file,ge"}
    assert complete("tea bundle x.yaml --model ge") == {"plain,gemma3-1b", "file,ge"}


# Maintainers: the catalogue of a source tree.


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree of its own, whose catalogue may be written."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_a_model_is_locked_reviewed_and_then_pulled_without_a_word(tea: Tea, hub: Hub, tree: Path, folder: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(tree / "src")}
    file = tree / "src/the_edge_agent/models/catalogue.toml"
    before = file.read_text(encoding="utf-8")
    put(hub, "unsloth/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf")
    put(hub, "ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q8_0.gguf", EMBED)
    hub.licences["unsloth/gemma-3-1b-it-GGUF"] = "gemma"
    done = tea("models", "lock", "gemma3-1b", env=env)
    assert done.returncode == 0
    assert done.stdout == f"gemma3-1b: {len(CHAT):,} bytes, SHA-256 {SHA256}, unsloth/gemma-3-1b-it-GGUF@{COMMIT}/gemma-3-1b-it-Q8_0.gguf\n"
    assert "ggml-org/gemma-3-1b-it-GGUF: it has other bytes" in done.stderr
    assert "licence: gemma (catalogue: Gemma Terms of Use)" in done.stderr
    after = file.read_text(encoding="utf-8")
    removed, added = set(before.splitlines()) - set(after.splitlines()), set(after.splitlines()) - set(before.splitlines())
    assert removed == {'sources = ["unsloth/gemma-3-1b-it-GGUF", "ggml-org/gemma-3-1b-it-GGUF"]', "about = 1_069_306_368"}
    assert added == {f'sources = ["unsloth/gemma-3-1b-it-GGUF@{COMMIT}"]', "locked = true"}
    assert [model.name for model in catalogue.read(after)] == [model.name for model in catalogue.catalogue()]

    done = tea("models", "pull", "gemma3-1b", "--locked", env=env)
    assert (done.returncode, done.stdout) == (0, f"{folder / 'gemma-3-1b-it-Q8_0.gguf'}\n")
    assert "licence: Gemma Terms of Use, https://ai.google.dev/gemma/terms" in done.stderr
    assert f"/resolve/{COMMIT}/" in hub.requests[-2][1]
    (tmp_path / "one.yaml").write_text(ASKING.replace("max_tokens: 2", "max_tokens: 2, model: gemma3-1b"), encoding="utf-8")
    assert json.loads(tea("run", "one.yaml", env=env).stdout)["said"]["model"] == "gemma-3-1b-it-Q8_0.gguf"
    assert tea("models", "verify", "gemma3-1b", env=env).stdout.endswith(f"{SHA256} (the catalogue)\n")


def test_a_file_that_changed_at_the_hub_is_not_taken_over_unless_told_so(tea: Tea, hub: Hub, tree: Path) -> None:
    env = {"PYTHONPATH": str(tree / "src")}
    file = tree / "src/the_edge_agent/models/catalogue.toml"
    before = file.read_text(encoding="utf-8")
    put(hub, "unsloth/Qwen3.5-4B-GGUF/Qwen3.5-4B-Q4_K_M.gguf")
    put(hub, "bartowski/microsoft_Phi-4-mini-instruct-GGUF/microsoft_Phi-4-mini-instruct-Q3_K_S.gguf")
    done = tea("models", "lock", "qwen", "phi4", "gemma", env=env)
    assert done.returncode == 8
    assert "qwen: the hub has another file than the catalogue: SHA-256 00fe7986" in done.stderr
    assert "gemma: no source has gemma-3n-E4B-it-Q4_K_M.gguf" in done.stderr
    locked = {model.name for model in catalogue.read(file.read_text("utf-8")) if model.locked}
    assert locked == {"phi4"}
    done = tea("models", "lock", "qwen", "--accept-changes", env=env)
    assert done.returncode == 0
    (qwen,) = (model for model in catalogue.read(file.read_text("utf-8")) if model.name == "qwen")
    assert (qwen.sha256, qwen.locked, qwen.size) == (SHA256, True, len(CHAT))
    assert before.count("#") == file.read_text(encoding="utf-8").count("#")
