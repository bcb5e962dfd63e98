"""What a person sees who has one file and nothing else: it starts, it works, it leaves nothing behind and lets nothing through."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.artifact.acceptance.rooms import Place, foreign, need
from tests.benchmarks.appimage.standins import MODELS

from the_edge_agent import __version__

if TYPE_CHECKING:
    from the_edge_agent.image.manifest import Manifest

STATE = """
name: plain
nodes:
  - name: read
    uses: json.parse
    with: {text: '{"n": 20}'}
    output: numbers
  - name: add
    run: |
      return {"n": state["numbers"]["data"]["n"] + state.get("more", 22)}
"""

TELL = """
name: tell
nodes:
  - name: look
    run: |
      import os, subprocess, sys
      child = subprocess.run([sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"], capture_output=True, text=True)
      return {"own": dict(os.environ), "child": child.stdout, "said": child.stderr, "executable": sys.executable}
"""

MODULES = """
name: modules
nodes:
  - name: use
    run: |
      import bz2, ctypes, curses, datetime, hashlib, lzma, multiprocessing, readline, sqlite3, ssl, uuid, zlib
      authorities = len(ssl.create_default_context().get_ca_certs())
      rows = sqlite3.connect(":memory:").execute("select 40 + 2").fetchone()
      same = lzma.decompress(lzma.compress(bz2.decompress(bz2.compress(zlib.decompress(zlib.compress(b"abc"))))))
      return {"authorities": authorities, "rows": rows[0], "same": same.decode(), "id": str(uuid.uuid4()), "text": "é".encode("cp1252").hex()}
"""

SPAWN = """
name: spawn
nodes:
  - name: work
    run: |
      import multiprocessing, math
      with multiprocessing.get_context("spawn").Pool(2) as pool:
          return {"roots": pool.map(math.sqrt, [1, 4, 9])}
"""

PROLOG = """
name: prolog
initial_state: {age: 30}
nodes:
  - name: judge
    language: prolog
    run: |
      state(age, A), ( A >= 18 -> G = adult ; G = child ), return(group, G).
      state(age, A), sum_list([A, 1, 2], S), return(sum, S).
"""

LUA = """
name: lua
nodes:
  - name: count
    language: lua
    run: |
      return {version = _VERSION, n = #"abc" + 39}
"""


LETTERS = """
name: letters
nodes:
  - name: look
    run: |
      import json, locale, pathlib, subprocess, sys
      pathlib.Path("größe.txt").write_text("naïve – 日本")
      code = '''
      import json, locale, os, pathlib, sys
      variables = {name: value for name, value in os.environ.items() if name.startswith(("LC_", "LANG", "LOC", "PYTHON"))}
      print(sys.argv[1], pathlib.Path("größe.txt").read_text(), locale.setlocale(locale.LC_CTYPE), json.dumps(variables))
      '''
      child = subprocess.run([sys.executable, "-c", code.strip(), "Ω"], capture_output=True)
      return {"own": locale.setlocale(locale.LC_CTYPE), "child": child.stdout.decode("utf-8"), "said": child.stderr.decode()}
"""

LETTERS_OF_PROLOG = """
name: letters
nodes:
  - name: join
    language: prolog
    run: |
      atom_concat('größe – ', '日本', Joined), atom_length(Joined, Length), return(joined, Joined), return(length, Length).
"""

TRUST = """
name: trust
nodes:
  - name: ask
    run: |
      import http.server, ssl, threading
      import certifi, httpx2

      class Page(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              self.send_response(200)
              self.send_header("Content-Length", "5")
              self.end_headers()
              self.wfile.write(b"hello")

          def log_message(self, *words):
              pass

      server = http.server.HTTPServer(("127.0.0.1", 0), Page)
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain("server.pem", "server.key")
      server.socket = context.wrap_socket(server.socket, server_side=True)
      threading.Thread(target=server.serve_forever, daemon=True).start()
      try:
          said = httpx2.get(f"https://127.0.0.1:{server.server_port}/", trust_env=state["trust_env"]).text
      except httpx2.ConnectError as problem:
          said = str(problem)
      server.shutdown()
      server.server_close()
      known = httpx2.create_ssl_context(trust_env=state["trust_env"]).get_ca_certs()
      return {"said": said, "authorities": certifi.where(), "known": len(known)}
"""


ASK = "name: ask\nnodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 4, temperature: 0}, output: said}]\n"
EMBED = "name: embed\nnodes: [{name: embed, uses: llm.embed, with: {text: Hi}, output: said}]\n"


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stderr}\n{done.stdout}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_version(place: Place) -> None:
    done = place.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tea {__version__}\n", "")
    assert place.run("tea", "--version").stdout == done.stdout


def test_what_it_is_and_what_it_can(place: Place, manifest: Manifest) -> None:
    assert place.run("tea", "--impl").stdout == "python\n"
    assert place.run("tea", "--impl", "--features").stdout.split() == list(manifest.features)


def test_a_workflow_without_a_model(place: Place) -> None:
    name = place.write("plain.yaml", STATE)
    assert answer(place.run("tea", "run", name))["n"] == 42
    assert answer(place.run("tea", "run", name, "--input", '{"more": 1}'))["n"] == 21


def test_input_from_a_pipe(place: Place) -> None:
    assert answer(place.run("tea", "run", place.write("plain.yaml", STATE), "--input", "-", stdin='{"more": 2}'))["n"] == 22


def test_a_model_answers(place: Place, manifest: Manifest, examples: str) -> None:
    if not manifest.models:
        pytest.skip("there is no model in this image")
    question = '{"question": "What is the capital of Japan?"}'
    state = answer(place.run("tea", "run", f"{examples}/llm/local-chat.yaml", "--input", question))
    assert state["backend"] == "local"
    assert state["model"] in {part.name.rpartition("/")[2] for part in manifest.models}
    assert isinstance(state["answer"], str)
    if state["model"].startswith("tiny-chat"):
        assert "Tokyo" in state["answer"]


def test_a_model_embeds_here_and_in_an_image_built_out_of_this_one(place: Place, manifest: Manifest) -> None:
    embedding = next((part.name.rpartition("/")[2] for part in manifest.models if "embed" in part.name), None)
    if embedding is None:
        pytest.skip("there is no embedding model in this image")
    said = answer(place.run("tea", "run", place.write("embed.yaml", EMBED)))["said"]
    assert (said["model"], len(said["embedding"])) == (embedding, said["dimensions"])
    done = place.run("tea", "bundle", "embed.yaml", "-o", "mine.AppImage")
    assert done.returncode == 0, done.stderr
    assert f"usr/share/models/{embedding}" in done.stderr


def test_a_model_is_found_by_its_path_and_by_its_name(place: Place, manifest: Manifest) -> None:
    chat = next((part.name for part in manifest.models if "embed" not in part.name), None)
    if chat is None:
        pytest.skip("there is no model in this image")
    node = "nodes: [{name: ask, uses: llm.call, with: {prompt: Hi, max_tokens: 2}, output: said}]\n"
    for named in (f"model_path: $APPDIR/{chat}", f"model: {chat.rpartition('/')[2]}"):
        name = place.write("named.yaml", f"name: named\nsettings: {{llm: {{{named}}}}}\n{node}")
        assert answer(place.run("tea", "run", name))["said"]["model"] == chat.rpartition("/")[2]
    listed = json.loads(place.run("tea", "doctor", "--json").stdout)
    assert any(entry["path"].endswith(chat) for entry in listed["models"])


def test_without_llama_cpp_the_error_says_so(place: Place, manifest: Manifest, examples: str) -> None:
    if "llm-local" in manifest.features:
        pytest.skip("this image runs models")
    done = place.run("tea", "run", f"{examples}/llm/local-chat.yaml")
    assert (done.returncode, done.stdout) == (8, "")


def test_a_prolog_node(place: Place, manifest: Manifest) -> None:
    if "prolog" not in manifest.features:
        pytest.skip("there is no Prolog in this image")
    state = answer(place.run("tea", "run", place.write("prolog.yaml", PROLOG)))
    assert (state["group"], state["sum"]) == ("adult", 33)


def test_a_lua_node(place: Place, manifest: Manifest) -> None:
    if "lua" not in manifest.features:
        pytest.skip("there is no Lua in this image")
    state = answer(place.run("tea", "run", place.write("lua.yaml", LUA)))
    assert (state["version"], state["n"]) == ("Lua 5.4", 42)


def test_nothing_of_the_image_reaches_a_child_process(place: Place) -> None:
    state = answer(place.run("tea", "run", place.write("tell.yaml", TELL)))
    assert state["said"] == ""
    allowed = {"PATH", "HOME", "PWD", *place.environment}
    assert set(json.loads(state["child"])) <= allowed
    assert set(state["own"]) <= allowed


def test_text_is_unicode_whatever_the_machine_speaks(place: Place) -> None:
    for language in ({}, {"LANG": "de_DE.ISO-8859-1"}, {"LC_ALL": "C"}):
        place.environment = {**place.environment, "LANG": "", "LC_ALL": "", **language}
        state = answer(place.run("tea", "run", place.write("letters.yaml", LETTERS)))
        assert (state["own"], state["said"]) == ("C.UTF-8", "")
        letters, variables = state["child"].split("{")
        assert letters == "Ω naïve – 日本 C.UTF-8 "
        assert json.loads("{" + variables) == {"LANG": "", "LC_ALL": "", **language}, "nothing of the image, and nothing of Python"


def test_prolog_reads_and_writes_unicode(place: Place, manifest: Manifest) -> None:
    if "prolog" not in manifest.features:
        pytest.skip("there is no Prolog in this image")
    state = answer(place.run("tea", "run", place.write("letters.yaml", LETTERS_OF_PROLOG)))
    assert (state["joined"], state["length"]) == ("größe – 日本", 10)


@pytest.fixture
def authority(place: Place) -> Path:
    """The certificate of a server on this machine that nobody trusts, with the server's key beside it."""
    need("openssl", "openssl")
    certificate = place.work / "server.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=here"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(place.work / "server.key"), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    (place.work / "server.key").chmod(0o644)
    return certificate


def trusting(place: Place, *, trust_env: bool = True) -> dict[str, Any]:
    words = ["tea", "run", place.write("trust.yaml", TRUST), "--input", json.dumps({"trust_env": trust_env})]
    return answer(place.run(*words, timeout=120))


def test_whom_the_user_trusts_is_trusted(place: Place, authority: Path) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in trusting(place)["said"]
    place.environment["SSL_CERT_FILE"] = str(place.inside / authority.name)
    found = trusting(place)
    assert (found["said"], found["authorities"]) == ("hello", place.environment["SSL_CERT_FILE"])


def test_whom_the_machine_trusts_is_trusted(place: Place, authority: Path) -> None:
    """By httpx2 too; where the machine trusts nobody, the certificates of the image are taken."""
    if not place.room.own or place.room.root is None:
        pytest.skip("the certificates of this machine are left alone")
    found = trusting(place)
    assert found["authorities"].endswith("/usr/lib/ssl/certs.pem")
    assert found["known"] > 50
    bundle = place.room.root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(authority, bundle)
    try:
        found = trusting(place, trust_env=False)
    finally:
        bundle.unlink()
    assert (found["said"], found["authorities"]) == ("hello", "/etc/ssl/certs/ca-certificates.crt")


def test_the_standard_library_is_whole(place: Place) -> None:
    state = answer(place.run("tea", "run", place.write("modules.yaml", MODULES)))
    assert state["authorities"] > 50, "TLS knows whom to trust"
    assert (state["rows"], state["same"], state["text"]) == (42, "abc", "e9")


def test_processes_of_its_own_can_be_started(place: Place) -> None:
    assert answer(place.run("tea", "run", place.write("spawn.yaml", SPAWN)))["roots"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (["tea", "run", "none.yaml"], "", 2),
        (["tea", "frobnicate"], "", 2),
        (["tea", "run", "w.yaml"], "name: x\nnodes: [{name: a, uses: no.such}]\n", 3),
        (["tea", "run", "w.yaml"], "name: x\nnodes: [{name: a, run: 'raise ValueError(1)'}]\n", 4),
    ],
)
def test_exit_codes_pass_through(place: Place, words: list[str], text: str, code: int) -> None:
    place.write("w.yaml", text)
    done = place.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr


def test_without_a_home_it_works(place: Place) -> None:
    del place.environment["TEA_APPIMAGE_CACHE"]
    assert answer(place.run("tea", "run", place.write("plain.yaml", STATE), home=False))["n"] == 42


def test_the_doctor_finds_nothing_wrong(place: Place) -> None:
    done = place.run("tea", "doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["broken"] == []
    assert found["languages"]["prolog"]["version"]


def test_it_brings_the_licences_of_everything_inside(place: Place, manifest: Manifest) -> None:
    done = place.run("tea", "licenses", "--json")
    assert done.returncode == 0, done.stderr
    found = {each["name"]: each for each in json.loads(done.stdout)}
    inside = {"libc6", "libgcc-s1", "libstdc++6", "libpython3.11-stdlib", "swi-prolog-nox", "runtime/libfuse3-dev", "click"}
    assert inside < found.keys()
    assert [name for name, each in found.items() if not each["texts"] and not name.endswith(".gguf")] == []
    assert "GCC RUNTIME LIBRARY EXCEPTION" in place.run("tea", "licenses", "libstdc++6").stdout.upper()
    if "llm-local" in manifest.features:
        assert "The ggml authors" in place.run("tea", "licenses", "llama.cpp").stdout
        assert "libgomp1" in found


def test_a_user_without_a_name_and_a_home_is_served(place: Place) -> None:
    """As in a container that is started with a number for a user."""
    if not place.room.plain_user:
        pytest.skip("everybody has a name here")
    place.environment["TMPDIR"] = "/tmp"  # noqa: S108 - of the room
    assert place.run("tea", "doctor", home=False).returncode == 0
    assert answer(place.run("tea", "run", place.write("plain.yaml", STATE), home=False))["n"] == 42


def test_a_bundled_agent_is_a_program_of_its_own(place: Place) -> None:
    flow = (
        "name: adder\nversion: 3\ndescription: Adds one.\nstate_schema: {n: int, sum: int}\n"
        'nodes:\n  - {name: add, run: \'return {"sum": state["n"] + 1}\'}\n'
        "  - {name: end, run: 'return {\"ended\": True}', interrupt: before}\n"
    )
    done = place.run("tea", "bundle", place.write("adder.yaml", flow), "-o", "adder")
    assert done.returncode == 0, done.stderr
    ship = place.work.parent / "ship"
    ship.mkdir()
    built = Path(shutil.move(place.work / "adder", ship / "adder"))
    ship.chmod(0o755)
    (place.work / "adder.yaml").unlink()
    assert place.run("--version", image=built).stdout == f"adder 3 (tea {__version__})\n"
    assert "--n N" in place.run("--help", image=built).stdout
    assert place.run("tea", "verify", image=built).stdout.startswith("OK: ")
    done = place.run("--n", "41", "--checkpoint-dir", "kept", image=built)
    assert (done.returncode, "tea resume kept/end_" in done.stderr) == (10, True), done.stderr
    (kept,) = (place.work / "kept").iterdir()
    assert answer(place.run("tea", "resume", f"kept/{kept.name}", "--auto-continue", image=built)) == {"n": 41, "sum": 42, "ended": True}


def test_it_finds_itself_intact(place: Place) -> None:
    done = place.run("tea", "verify", place.seen)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OK: ")


def test_it_builds_an_image_out_of_itself(place: Place, manifest: Manifest, examples: str) -> None:
    flow = f"{examples}/llm/local-chat.yaml" if manifest.models else place.write("plain.yaml", STATE)
    done = place.run("tea", "bundle", flow, "-o", "mine.AppImage")
    assert done.returncode == 0, done.stderr
    built = place.work / "mine.AppImage"
    assert [path.name for path in place.work.glob("*.AppImage")] == ["mine.AppImage"]
    ship = place.work.parent / "ship"
    ship.mkdir()
    shutil.move(built, ship / "mine.AppImage")
    ship.chmod(0o755)
    question = ["--input", '{"question": "What is the capital of France?"}'] if manifest.models else []
    state = answer(place.run(*question, image=ship / "mine.AppImage"))
    assert state.get("backend", "local") == "local"
    assert place.run("tea", "--version", image=ship / "mine.AppImage").stdout == f"tea {__version__}\n"


@pytest.mark.here
@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_each_published_architecture_answers_from_an_image(place: Place, manifest: Manifest, model: str) -> None:
    if not manifest.models:
        pytest.skip("this image runs no models")
    maker = Path(__file__).parents[3] / "benchmarks" / "appimage" / "standins.py"
    subprocess.run([sys.executable, maker, "--small", place.work, model], check=True)
    flow = place.write("ask.yaml", ASK)
    done = place.run("tea", "bundle", flow, "--model", model, "-o", "mine.AppImage")
    assert done.returncode == 0, done.stderr
    (place.work / model).unlink()
    built = place.work / "mine.AppImage"
    assert place.run("tea", "verify", str(built), image=built).returncode == 0
    said = answer(place.run(image=built))["said"]
    assert (said["model"], said["usage"]["completion_tokens"]) == (model, 4)


def test_no_model_is_copied_where_nothing_can_be_mounted(place: Place, manifest: Manifest) -> None:
    if place.room.clean and place.room.fuse:
        pytest.skip("it is mounted here")
    del place.environment["TEA_APPIMAGE_CACHE"]
    place.environment["APPIMAGE_EXTRACT_AND_RUN"] = "1"
    cache = place.work / ".cache"
    assert place.run("tea", "--version").returncode == 0
    written = [path for path in cache.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in written if path.suffix == ".gguf"]
    assert 0 < sum(path.stat().st_size for path in written) < 150_000_000
    assert manifest.models or not (cache / "usr/share/models").exists()


@pytest.mark.here
@pytest.mark.parametrize("name", ["with space.AppImage", "mit Umläuten é.AppImage", "no-ending"])
def test_any_file_name_will_do(place: Place, name: str) -> None:
    folder = place.work / f"folder of {name}"
    folder.mkdir()
    os.link(place.image, folder / name) if place.image.stat().st_dev == folder.stat().st_dev else shutil.copy(place.image, folder / name)
    flow = place.write("plain.yaml", STATE)
    assert answer(place.run("tea", "run", flow, image=folder / name))["n"] == 42


@pytest.mark.here
def test_a_link_to_it_works(place: Place) -> None:
    (place.work / "tea").symlink_to(place.image)
    assert place.run("--version", image=place.work / "tea").stdout == f"tea {__version__}\n" or foreign(place.image)


@pytest.mark.here
def test_a_folder_that_cannot_be_written_works(place: Place) -> None:
    folder = place.work / "fixed"
    folder.mkdir()
    place.write("fixed/plain.yaml", STATE)
    folder.chmod(0o555)
    done = subprocess.run(
        place.command("tea", "run", "plain.yaml"), cwd=folder, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False
    )
    assert answer(done)["n"] == 42


@pytest.mark.here
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("way", ["mounted", "extracted"])
def test_a_signal_ends_it(place: Place, number: signal.Signals, code: int, way: str) -> None:
    flow = place.write(
        "wait.yaml",
        "name: wait\nnodes:\n  - name: sleep\n    run: |\n      import pathlib, time\n      pathlib.Path('mark').touch()\n      time.sleep(60)\n",
    )
    if way == "extracted":
        place.environment["APPIMAGE_EXTRACT_AND_RUN"] = "1"
    own = {"PATH": os.environ["PATH"], "HOME": str(place.work), **place.environment}
    process = subprocess.Popen(place.command("tea", "run", flow), env=own, cwd=place.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (place.work / "mark").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, b"")
    assert b"sleep" in err


@pytest.mark.here
def test_a_reader_that_goes_away_is_no_failure_of_its(place: Place) -> None:
    own = {"PATH": os.environ["PATH"], **place.environment}
    process = subprocess.Popen(place.command("tea", "schema"), env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert b"Traceback" not in said


@pytest.mark.here
def test_it_leaves_no_mount_and_no_process(place: Place) -> None:
    place.environment["TMPDIR"] = str(place.work)
    assert place.run("tea", "--version").returncode == 0
    deadline = time.monotonic() + 10
    while (rest := [*place.work.glob(".mount_*")]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not rest
    assert str(place.work) not in Path("/proc/mounts").read_text(encoding="utf-8")
