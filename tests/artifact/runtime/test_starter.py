"""AppRun, usr/bin/tea, usr/bin/python, usr/bin/swipl: what they start, and with which environment."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.artifact.runtime.rig import Told, need, run

MACHINE = os.uname().machine
TRIPLET = f"{MACHINE}-linux-gnu"
LOADER = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}[MACHINE]
PYTHON = Path("/usr/bin/python3.11")
HOST_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"]
HOOK = """
import os
inside = {}
for name in os.environ.pop("TEA_RESTORE", "").split():
    inside[name] = os.environ.pop(name, None)
    before = os.environ.pop("TEA_RESTORE_" + name, None)
    if before is not None:
        os.environ[name] = before
"""


def lay_starters(built: Path, root: Path) -> Path:
    """A payload's root with the four copies of the starter."""
    for folder in ("usr/bin", f"usr/lib/{TRIPLET}", "usr/lib/ssl", "usr/lib/locale/C.utf8"):
        (root / folder).mkdir(parents=True)
    for name in ("AppRun", "usr/bin/tea", "usr/bin/python", "usr/bin/swipl"):
        shutil.copy2(built / "starter", root / name)
    return root


@dataclass(frozen=True)
class Payload:
    """A payload whose loader is the test program, which tells how it was started."""

    root: Path

    def ask(self, name: str, *words: str, **environment: object) -> Told:
        done = run([str(self.root / name), *words], **environment)
        assert (done.stderr, done.returncode) == ("", 0)
        return Told.read(done.stdout)


@pytest.fixture
def payload(built: Path, probe: Path, desk: Path) -> Payload:
    root = lay_starters(built, desk / "r\N{LATIN SMALL LETTER O WITH DIAERESIS} t")
    shutil.copy2(probe, root / "usr/lib" / TRIPLET / LOADER)
    return Payload(root)


def test_the_words_that_each_name_gives_the_loader(payload: Payload) -> None:
    lib = f"{payload.root}/usr/lib/{TRIPLET}"
    loader = [f"{lib}/{LOADER}", "--inhibit-cache", "--library-path", lib, "--argv0"]
    python = [*loader, f"{payload.root}/usr/bin/python", f"{payload.root}/usr/bin/python3.11"]
    tea = [*python, "-I", "-m", "the_edge_agent", "run", "a b", ""]
    assert payload.ask("AppRun", "run", "a b", "").words == tea
    assert payload.ask("usr/bin/tea", "run", "a b", "").words == tea
    assert payload.ask("usr/bin/python", "-c", "pass").words == [*python, "-c", "pass"]
    swipl = [*loader, f"{payload.root}/usr/bin/swipl", f"{payload.root}/usr/lib/swi-prolog/bin/swipl"]
    assert payload.ask("usr/bin/swipl", "-q").words == [*swipl, f"--home={payload.root}/usr/lib/swi-prolog", "-q"]
    # SWI-Prolog tells its version only when nothing else is asked.
    assert payload.ask("usr/bin/swipl", "--version").words == [*swipl, "--version"]


def test_a_link_to_it_from_elsewhere_works(payload: Payload, desk: Path) -> None:
    (desk / "agent").symlink_to(payload.root / "AppRun")
    told = Told.read(run([str(desk / "agent"), "word"]).stdout)
    assert told.words[-4:] == ["-I", "-m", "the_edge_agent", "word"]
    assert told.environment["APPDIR"] == str(payload.root)


def test_the_library_inside_is_preloaded_by_name(payload: Payload, built: Path) -> None:
    """The loader takes a list of paths with spaces between them."""
    shutil.copy2(built / "libtea-inside.so", payload.root / "usr/lib" / TRIPLET)
    words = payload.ask("AppRun").words
    assert words[words.index("--preload") + 1] == "libtea-inside.so"
    assert not [name for name in payload.ask("AppRun").environment if name.startswith("LD_")]


def test_what_it_hands_over_can_be_put_back(payload: Payload) -> None:
    told = payload.ask("AppRun", APPDIR="/outer", LANG="de_DE.UTF-8", SSL_CERT_FILE="/my.pem")
    assert told.environment["APPDIR"] == str(payload.root)
    assert told.environment["TEA_STARTED_AS"] == "AppRun"
    assert told.environment["TEA_CERTIFICATES"] == "/my.pem"
    assert told.environment["TEA_RESTORE"] == "APPDIR TEA_STARTED_AS TEA_CERTIFICATES"
    assert told.environment["TEA_RESTORE_APPDIR"] == "/outer"
    assert told.environment["LANG"] == "de_DE.UTF-8"


def test_prolog_is_started_with_the_users_environment(payload: Payload) -> None:
    """Nobody in there would put it back."""
    assert set(payload.ask("usr/bin/swipl", LANG="C").environment) == {"PATH", "LANG"}


def test_certificates_the_hosts_before_the_own(payload: Payload) -> None:
    (payload.root / "usr/lib/ssl/certs.pem").write_text("a certificate")
    there = [path for path in HOST_BUNDLES if Path(path).exists()]
    wanted = there[0] if there else f"{payload.root}/usr/lib/ssl/certs.pem"
    assert payload.ask("AppRun").environment["TEA_CERTIFICATES"] == wanted


def test_certificates_the_own_where_the_host_has_none(payload: Payload) -> None:
    need("bwrap")
    (payload.root / "usr/lib/ssl/certs.pem").write_text("a certificate")
    done = run(["bwrap", "--ro-bind", str(payload.root), "/app", "--clearenv", "--setenv", "A", "1", "/app/AppRun"])
    told = Told.read(done.stdout)
    assert told.environment["TEA_CERTIFICATES"] == "/app/usr/lib/ssl/certs.pem"
    assert told.environment["APPDIR"] == "/app"


def test_a_folder_with_a_colon_is_told(payload: Payload, desk: Path) -> None:
    payload.root.rename(desk / "a:b")
    done = run([str(desk / "a:b/AppRun")])
    assert done.returncode == 2
    assert "a program cannot be started from a folder with : or ; in its name" in done.stderr


def test_a_payload_without_its_loader_is_told(payload: Payload) -> None:
    (payload.root / "usr/lib" / TRIPLET / LOADER).unlink()
    done = run([str(payload.root / "AppRun")])
    assert done.returncode == 9
    assert f"cannot start {payload.root}/usr/lib/{TRIPLET}/{LOADER}: No such file or directory" in done.stderr


@pytest.fixture
def python(built: Path, desk: Path) -> Path:
    """A payload with this machine's CPython 3.11, and a module the_edge_agent that prints the result of its word."""
    if not PYTHON.exists():
        pytest.skip(f"there is no {PYTHON}: apt-get install python3 on Debian 12")
    root = lay_starters(built, desk / "with p\N{LATIN SMALL LETTER Y WITH DIAERESIS}thon")
    lib = root / "usr/lib" / TRIPLET
    lib.rmdir()
    shutil.copy2(PYTHON, root / "usr/bin/python3.11")
    (root / "usr/lib/python3.11").symlink_to("/usr/lib/python3.11")
    lib.mkdir()
    for path in Path("/usr/lib", TRIPLET).glob("*.so*"):
        (lib / path.name).symlink_to(path)
    (lib / LOADER).unlink(missing_ok=True)
    shutil.copy2(Path("/lib64" if MACHINE == "x86_64" else "/lib", LOADER).resolve(), lib / LOADER)
    shutil.copy2(built / "libtea-inside.so", lib)
    shutil.rmtree(root / "usr/lib/locale/C.utf8")
    shutil.copytree("/usr/lib/locale/C.utf8", root / "usr/lib/locale/C.utf8")
    shutil.copy2("/etc/ssl/openssl.cnf", root / "usr/lib/ssl/openssl.cnf")
    return root


def evaluate(root: Path, expression: str, **environment: object) -> object:
    """The value of a Python expression in the payload's interpreter, which has put the environment back."""
    program = f"{HOOK}\nimport json, sys, subprocess, ctypes, locale\nprint(json.dumps({expression}))"
    done = run([str(root / "usr/bin/python"), "-I", "-c", program], **environment)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


def test_python_starts_itself_again(python: Path) -> None:
    assert evaluate(python, "sys.executable") == f"{python}/usr/bin/python"
    assert evaluate(python, "[sys.prefix, sys.flags.isolated]") == [f"{python}/usr", 1]
    again = "subprocess.run([sys.executable, '-I', '-c', 'import sys; print(sys.executable)'], capture_output=True, text=True).stdout"
    assert evaluate(python, again) == f"{python}/usr/bin/python\n"
    # Under a child's name there is nothing of the loader's.
    assert evaluate(python, "open('/proc/self/comm').read()") == "python\n"


def test_multiprocessing_starts_it_too(python: Path) -> None:
    program = "import multiprocessing as m\nif __name__ == '__main__':\n    with m.get_context('spawn').Pool(1) as pool: print(pool.map(abs, [-3]))"
    script = python / "pool.py"
    script.write_text(program)
    done = run([str(python / "usr/bin/python"), "-I", str(script)])
    assert (done.stdout, done.returncode) == ("[3]\n", 0), done.stderr


@pytest.mark.parametrize(
    "environment", [{}, {"LANG": "C", "APPDIR": "/x"}, {"LC_ALL": "de_DE.ISO-8859-1", "SSL_CERT_FILE": "/my.pem", "LOCPATH": "/y"}]
)
def test_a_child_process_gets_the_users_environment(python: Path, environment: dict[str, str]) -> None:
    child = evaluate(
        python, "dict(l.split('=', 1) for l in subprocess.run(['env'], capture_output=True, text=True).stdout.splitlines())", **environment
    )
    assert child == {"PATH": os.environ["PATH"], **environment}


@pytest.mark.parametrize("language", ["C", "POSIX", "de_DE.ISO-8859-1", "nowhere.UTF-8", ""])
def test_texts_are_utf8_whatever_the_language(python: Path, language: str) -> None:
    encodings = "[sys.getfilesystemencoding(), sys.stdout.encoding, locale.setlocale(locale.LC_ALL, '')]"
    assert evaluate(python, encodings, LANG=language) == ["utf-8", "utf-8", "C.UTF-8"]


def test_libraries_see_variables_that_are_not_in_the_environment(python: Path) -> None:
    get = "(lambda f: (setattr(f, 'restype', ctypes.c_char_p), [(f(n) or b'').decode() for n in (b'SSL_CERT_FILE', b'OPENSSL_CONF')])[1])"
    values = f"{get}(ctypes.CDLL(None).getenv)"
    there = [path for path in HOST_BUNDLES if Path(path).exists()]
    assert evaluate(python, values) == [there[0] if there else "", f"{python}/usr/lib/ssl/openssl.cnf"]
    assert evaluate(python, values, SSL_CERT_FILE="/my.pem", OPENSSL_CONF="/my.cnf") == ["/my.pem", "/my.cnf"]
    assert evaluate(python, "[name for name in __import__('os').environ if name.startswith(('SSL', 'OPENSSL', 'TEA', 'LC', 'LOC'))]") == []


def test_openssl_trusts_what_it_is_given(python: Path, desk: Path) -> None:
    """The default certificates of Python's ssl come from the payload on a machine without any; here the payload's are the only ones."""
    need("bwrap")
    bundle = ssl.get_default_verify_paths().cafile or next((path for path in HOST_BUNDLES if Path(path).exists()), None)
    if bundle is None:
        pytest.skip("this machine has no certificates to copy")
    shutil.copyfile(bundle, python / "usr/lib/ssl/certs.pem")
    copied = desk / "copied"
    shutil.copytree(python, copied, symlinks=True)
    for path in list((copied / "usr/lib" / TRIPLET).iterdir()):
        if path.is_symlink() and not path.name.startswith(("libc.", "libm.", "libz.", "libexpat", "libssl", "libcrypto")):
            path.unlink()
        elif path.is_symlink():
            target = path.resolve()
            path.unlink()
            shutil.copy2(target, path)
    (copied / "usr/lib/python3.11").unlink()
    binds = ["--ro-bind", str(copied), "/app", "--ro-bind", "/usr/lib/python3.11", "/app-lib", "--symlink", "/app-lib", "/nowhere"]
    (copied / "usr/lib/python3.11").symlink_to("/app-lib")
    program = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    done = run(
        ["bwrap", *binds, "--dev", "/dev", "--proc", "/proc", "--unshare-all", "--clearenv", "/app/usr/bin/python", "-I", "-c", program]
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout) > 10


def test_the_full_command_is_shown_as_tea(python: Path) -> None:
    site = python / "usr/lib/python3.11"
    site.unlink()
    site.mkdir()
    for path in Path("/usr/lib/python3.11").iterdir():
        (site / path.name).symlink_to(path)
    (site / "the_edge_agent.py").write_text("import sys\nprint(open('/proc/self/comm').read().strip(), sys.argv[1:])")
    done = run([str(python / "AppRun"), "run", "x.yaml"])
    assert (done.stdout, done.stderr) == ("tea ['run', 'x.yaml']\n", "")


def test_this_interpreter_is_not_the_one_inside(python: Path) -> None:
    assert evaluate(python, "sys.prefix") != sys.prefix
    assert subprocess.run([str(python / "usr/bin/python"), "-V"], capture_output=True, text=True, check=True).stdout.startswith(
        "Python 3.11"
    )
