"""What every AppImage can be asked, and what the program inside is given, whichever way it is started."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.artifact.runtime.rig import MODEL, PAGE, Told, run, sections, with_section

if TYPE_CHECKING:
    from pathlib import Path

    from tests.artifact.runtime.rig import Image, Rig

UNPACKED = {"TEA_APPIMAGE_MOUNT": "none"}
FILES = {"AppRun", "usr/bin/link", "salt.txt", "text.txt", MODEL}


def test_the_head_is_a_type_2_appimage_of_whole_pages_with_empty_slots(built: Path) -> None:
    head = (built / "head").read_bytes()
    found = sections(head)
    assert head[8:11] == b"AI\x02"
    assert len(head) % PAGE == 0
    sizes = {".tea_table": 8192, ".upd_info": 1024, ".sha256_sig": 1024, ".sig_key": 8192}
    assert {name: found[name].size for name in sizes} == sizes
    assert all(not head[found[name].offset :][: found[name].size].strip(b"\0") for name in sizes)


def test_no_path_of_the_build_machine_is_in_the_outputs(built: Path) -> None:
    for name in ("head", "starter", "libtea-inside.so"):
        assert str(built.parents[1]).encode() not in (built / name).read_bytes()


def test_help_names_every_option_and_variable(image: Image) -> None:
    done = image.run("--appimage-help")
    assert done.returncode == 0
    for word in (
        "version",
        "offset",
        "extract",
        "mount",
        "extract-and-run",
        "updateinformation",
        "signature",
        "portable-home",
        "portable-config",
    ):
        assert f"--appimage-{word}" in done.stdout
    for word in ("APPIMAGE_EXTRACT_AND_RUN", "TEA_APPIMAGE_CACHE", "TEA_APPIMAGE_MOUNT", "TARGET_APPIMAGE"):
        assert word in done.stdout


def test_version_and_offset(image: Image) -> None:
    assert image.run("--appimage-version").stdout == "tea AppImage runtime 1\n"
    assert image.run("--appimage-offset").stdout == f"{image.payload}\n"


def test_an_unknown_option_is_not_given_to_the_program(image: Image) -> None:
    done = image.run("--appimage-extrakt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error [USAGE]: there is no option --appimage-extrakt\n    hint: --appimage-help lists them\n"


def test_update_information_and_signature_are_printed_when_they_are_there(image: Image, rig: Rig, desk: Path) -> None:
    assert image.run("--appimage-updateinformation").stdout == ""
    head = with_section((rig.built / "head").read_bytes(), ".upd_info", b"zsync|https://example.org/tea.zsync")
    signed = desk / "signed"
    signed.write_bytes(with_section(head, ".sha256_sig", b"-----BEGIN PGP SIGNATURE-----"))
    signed.chmod(0o755)
    assert run([str(signed), "--appimage-updateinformation"]).stdout == "zsync|https://example.org/tea.zsync\n"
    assert run([str(signed), "--appimage-signature"]).stdout == "-----BEGIN PGP SIGNATURE-----\n"


def test_extract_writes_everything_the_model_too(image: Image, desk: Path) -> None:
    done = image.run("--appimage-extract", cwd=desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == FILES
    root = desk / "squashfs-root"
    assert {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()} == FILES
    assert (root / MODEL).read_bytes() == image.model
    assert (root / "usr/bin/link").readlink().as_posix() == "../../AppRun"
    assert os.access(root / "AppRun", os.X_OK)
    assert run([str(root / "AppRun"), "exit", "5"]).returncode == 5


def test_extract_again_replaces_what_is_there(image: Image, desk: Path) -> None:
    image.run("--appimage-extract", cwd=desk)
    (desk / "squashfs-root/text.txt").write_text("changed")
    assert image.run("--appimage-extract", cwd=desk).returncode == 0
    assert (desk / "squashfs-root/text.txt").read_bytes() == b"some text\n" * 100_000


@pytest.mark.parametrize(
    ("pattern", "files"),
    [("*.txt", {"salt.txt", "text.txt"}), ("usr", {"usr/bin/link", MODEL}), ("usr/share/*/*.gguf", {MODEL}), ("AppRun", {"AppRun"})],
)
def test_extract_with_a_pattern(image: Image, desk: Path, pattern: str, files: set[str]) -> None:
    done = image.run("--appimage-extract", pattern, cwd=desk)
    assert done.returncode == 0
    root = desk / "squashfs-root"
    assert {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()} == files


def test_extract_a_pattern_that_matches_nothing(image: Image, desk: Path) -> None:
    done = image.run("--appimage-extract", "*.so", cwd=desk)
    assert done.returncode == 2
    assert "matches *.so" in done.stderr
    assert not (desk / "squashfs-root").exists()


def test_extract_does_not_follow_a_link_that_lies_in_its_way(image: Image, desk: Path) -> None:
    (desk / "elsewhere").mkdir()
    (desk / "squashfs-root").symlink_to("elsewhere")
    assert image.run("--appimage-extract", cwd=desk).returncode == 9
    assert not list((desk / "elsewhere").iterdir())


def test_the_program_gets_its_words_and_its_environment(image: Image, desk: Path) -> None:
    told = image.ask(
        "two words", "", "--appimage-help", cwd=desk, HOME=desk, LANG="de_DE.UTF-8", TEA_APPIMAGE_CACHE=desk / "cache", **UNPACKED
    )
    assert told.words == [str(image.path), "two words", "", "--appimage-help"]
    assert told.environment["APPDIR"] == f"{desk}/cache/tea.test/{image.digest}"
    assert told.environment["APPIMAGE"] == told.environment["TEA_IMAGE"] == str(image.path)
    assert told.environment["OWD"] == str(desk)
    assert told.environment["ARGV0"] == str(image.path)
    assert told.environment["LANG"] == "de_DE.UTF-8"
    assert told.environment["TEA_IMAGE_FILES"] == f"{image.offset} {len(image.model)} {MODEL}\n"


def test_the_lines_lead_to_the_models_bytes(image: Image, desk: Path) -> None:
    told = image.ask(cwd=desk, TEA_APPIMAGE_CACHE=desk / "cache", **UNPACKED)
    offset, length, path = told.environment["TEA_IMAGE_FILES"].rstrip("\n").split(" ", 2)
    with open(told.environment["TEA_IMAGE"], "rb") as file:  # noqa: PTH123 - as any program would do it
        file.seek(int(offset))
        assert file.read(int(length)) == image.model
    assert path == MODEL


def test_the_process_stays_the_same(image: Image, desk: Path) -> None:
    for way in ("any", "none"):
        environment = {"PATH": os.environ["PATH"], "TEA_APPIMAGE_CACHE": str(desk), "TEA_APPIMAGE_MOUNT": way}
        with subprocess.Popen(image.command(), env=environment, stdout=subprocess.PIPE, text=True) as process:
            output, _ = process.communicate(timeout=30)
        assert Told.read(output).pid == process.pid


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_passes(image: Image, desk: Path, code: int) -> None:
    for way in ("any", "none"):
        assert image.run("exit", str(code), TEA_APPIMAGE_CACHE=desk, TEA_APPIMAGE_MOUNT=way).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP])
def test_signals_pass_both_ways(image: Image, desk: Path, number: signal.Signals) -> None:
    assert image.run("kill", str(int(number)), TEA_APPIMAGE_CACHE=desk).returncode == -number
    with subprocess.Popen(
        image.command("sleep", "60"), env={"TEA_APPIMAGE_CACHE": str(desk)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == -number


def test_a_symbolic_link_is_followed_and_its_name_kept(image: Image, desk: Path) -> None:
    link = desk / "t\N{LATIN SMALL LETTER E WITH ACUTE}a agent"
    link.symlink_to(image.path)
    told = Told.read(run([str(link)], TEA_APPIMAGE_CACHE=desk / "cache", **UNPACKED).stdout)
    assert told.words == [str(link)]
    assert told.environment["ARGV0"] == str(link)
    assert told.environment["APPIMAGE"] == str(image.path)


def test_found_by_its_name_in_path(image: Image, desk: Path) -> None:
    (desk / "my-agent").symlink_to(image.path)
    done = run(["sh", "-c", "my-agent hello"], PATH=f"{desk}:{os.environ['PATH']}", TEA_APPIMAGE_CACHE=desk / "cache", **UNPACKED)
    told = Told.read(done.stdout)
    assert told.words == ["my-agent", "hello"]
    assert told.environment["APPIMAGE"] == str(image.path)


def test_extract_and_run_by_option_and_by_variable(image: Image, desk: Path) -> None:
    by_option = image.ask("--appimage-extract-and-run", "word", TEA_APPIMAGE_CACHE=desk)
    by_variable = image.ask("word", TEA_APPIMAGE_CACHE=desk, APPIMAGE_EXTRACT_AND_RUN=1)
    assert by_option.words == by_variable.words == [str(image.path), "word"]
    assert by_option.environment["APPDIR"] == by_variable.environment["APPDIR"]
    assert by_option.environment["APPDIR"].startswith(str(desk))


def test_target_appimage_is_another_image_and_not_inherited(image: Image, rig: Rig, desk: Path) -> None:
    other = rig.image("other.AppImage", salt="other", application="other.app")
    told = image.ask("word", TARGET_APPIMAGE=other.path, TEA_APPIMAGE_CACHE=desk, **UNPACKED)
    assert told.environment["APPIMAGE"] == str(other.path)
    assert other.digest in told.environment["APPDIR"]
    assert "TARGET_APPIMAGE" not in told.environment
    missing = image.run(TARGET_APPIMAGE="/no/such/file")
    assert missing.returncode == 2
    assert "TARGET_APPIMAGE=/no/such/file: No such file or directory" in missing.stderr


def test_what_the_user_had_is_kept_to_be_put_back(image: Image, desk: Path) -> None:
    told = image.ask(TEA_APPIMAGE_CACHE=desk, APPDIR="/outer", TEA_IMAGE="/outer.AppImage", TEA_IMAGE_FILES="1 2 x\n", **UNPACKED)
    names = told.environment["TEA_RESTORE"].split(" ")
    assert names == ["APPDIR", "APPIMAGE", "ARGV0", "OWD", "TEA_IMAGE", "TEA_IMAGE_FILES"]
    saved = {name.removeprefix("TEA_RESTORE_"): value for name, value in told.environment.items() if name.startswith("TEA_RESTORE_")}
    assert saved == {"APPDIR": "/outer", "TEA_IMAGE": "/outer.AppImage", "TEA_IMAGE_FILES": "1 2 x\n"}


def test_an_image_started_from_inside_another_is_itself(image: Image, rig: Rig, desk: Path) -> None:
    other = rig.image("inner.AppImage", salt="inner")
    outer = image.ask(TEA_APPIMAGE_CACHE=desk, **UNPACKED)
    inherited = {name: value for name, value in outer.environment.items() if name != "PATH"}
    inner = other.ask("word", **{**inherited, "TARGET_APPIMAGE": ""})
    assert inner.environment["APPIMAGE"] == inner.environment["TEA_IMAGE"] == str(other.path)
    assert other.digest in inner.environment["APPDIR"]
    # The list of what to put back names no variable twice and keeps what the user had, not what the outer image set.
    assert inner.environment["TEA_RESTORE"] == outer.environment["TEA_RESTORE"]
    assert not [name for name in inner.environment if name.startswith("TEA_RESTORE_")]


def test_an_outer_image_with_models_leaves_none_to_an_inner_one_without(image: Image, rig: Rig, desk: Path) -> None:
    bare = rig.image("bare.AppImage", table=f"tea-table 1\npayload {'5' * 64}\napplication bare\n")
    outer = image.ask(TEA_APPIMAGE_CACHE=desk, **UNPACKED)
    inner = bare.ask(**{name: value for name, value in outer.environment.items() if name != "PATH"})
    assert "TEA_IMAGE_FILES" not in inner.environment


def test_portable_folders(rig: Rig, desk: Path) -> None:
    made = rig.image("portable.AppImage", salt="portable")
    home, config = f"{made.path}.home", f"{made.path}.config"
    assert made.run("--appimage-portable-home").stdout == f"{home}\n"
    assert made.run("--appimage-portable-config").stdout == f"{config}\n"
    again = made.run("--appimage-portable-home")
    assert (again.returncode, again.stderr.splitlines()[0]) == (2, f"error [USAGE]: cannot make {home}: File exists")
    told = made.ask(HOME=desk, TEA_APPIMAGE_CACHE=desk, **UNPACKED)
    assert (told.environment["HOME"], told.environment["XDG_CONFIG_HOME"]) == (home, config)
