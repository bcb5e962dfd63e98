from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

TWO = """\
name: two
nodes:
  - name: a
    run: |
      return {"x": state.get("q", 0) + 1}
  - name: b
    run: |
      return {"y": "é" * state["x"]}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put


def code(text: str, *more: str) -> str:
    """A workflow of one node ``a`` with this Python block."""
    block = "".join(f"      {line}\n" for line in text.splitlines())
    return "\n".join(["name: one", "nodes:", "  - name: a", *(f"    {line}" for line in more), "    run: |", block])


def test_the_answer_is_all_there_is_on_standard_output(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--input", '{"q": 1}')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '{\n  "q": 1,\n  "x": 2,\n  "y": "éé"\n}\n'


def test_what_the_workflow_prints_goes_to_standard_error(tea: Tea, write: Any) -> None:
    write("w.yaml", code("import subprocess\nprint('hello')\nsubprocess.run(['echo', 'from below'], check=True)\nreturn {'x': 1}"))
    done = tea("run", "w.yaml", "-q")
    assert json.loads(done.stdout) == {"x": 1}
    assert sorted(done.stderr.splitlines()) == ["from below", "hello"]


def test_input_from_files_and_standard_input(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    write("in.yaml", "q: 2\n")
    assert json.loads(tea("run", "w.yaml", "-i", "@in.yaml").stdout)["x"] == 3
    assert json.loads(tea("run", "w.yaml", "-i", "-", input='{"q": 3}').stdout)["x"] == 4


def test_an_input_that_is_no_mapping_is_a_usage_error(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--input", "[1]")
    assert (done.returncode, done.stdout) == (2, "")
    assert "object" in done.stderr


def test_output_to_a_file_leaves_standard_output_empty(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "-q", "-o", "out.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == {"x": 1, "y": "é"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "w.yaml"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_output_to_standard_output_is_standard_output(tea: Tea, write: Any, tmp_path: Path, name: str) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "-q", "--output", name)
    assert (json.loads(done.stdout), done.stderr) == ({"x": 1, "y": "é"}, "")
    assert [path.name for path in tmp_path.iterdir()] == ["w.yaml"]


def test_a_failed_run_leaves_the_old_output_alone(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", code("return {'x': 1 / 0}"))
    write("out.json", "old")
    done = tea("run", "w.yaml", "-o", "out.json")
    assert done.returncode == 4
    assert "division by zero" in done.stderr
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == "old"


def test_an_output_that_cannot_be_written_is_known_before_the_run(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", code("open('ran', 'w').close()\nreturn {}"))
    done = tea("run", "w.yaml", "-o", "no/such/out.json")
    assert done.returncode == 2
    assert not (tmp_path / "ran").exists()


def test_quiet_hides_neither_answer_nor_error(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    assert json.loads(tea("run", "w.yaml", "--quiet").stdout)["x"] == 1
    write("bad.yaml", code("raise ValueError('boom')"))
    done = tea("run", "bad.yaml", "--quiet")
    assert done.returncode == 4
    assert "boom" in done.stderr
    assert "node: 'a'" in done.stderr
    assert "Traceback" not in done.stderr


def test_verbose_tells_what_ran(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "-v")
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith("✓")] == ["a", "b"]
    assert json.loads(done.stdout)["x"] == 1


def test_the_stream_of_a_plain_flow(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--stream")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["type"], line.get("node")) for line in lines] == [
        ("start", None),
        ("node_complete", "a"),
        ("node_complete", "b"),
        ("complete", None),
    ]
    assert lines[-1]["state"] == {"x": 1, "y": "é"}


@pytest.mark.parametrize("text", [code("raise ValueError('boom')"), "nodes:\n  - name: a\n   run: x\n"], ids=["node fails", "bad file"])
def test_a_stream_that_fails_ends_with_an_error_event(tea: Tea, write: Any, text: str) -> None:
    write("w.yaml", text)
    done = tea("run", "w.yaml", "--stream")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode in {3, 4}
    assert [line["type"] for line in lines].count("error") == 1
    assert lines[-1]["type"] == "error"
    assert lines[-1]["code"]


def test_a_value_json_cannot_say_fails_and_names_the_key(tea: Tea, write: Any) -> None:
    write("w.yaml", code("return {'bad_key': {1, 2}}"))
    for words in ((), ("--stream",)):
        done = tea("run", "w.yaml", *words)
        assert done.returncode == 4
        assert "bad_key" in done.stderr
        assert "Traceback" not in done.stderr


def test_fail_on_state_compares_the_python_text_after_the_answer(tea: Tea, write: Any) -> None:
    write("w.yaml", code("return {'ok': False, 'status': 'red'}"))
    for pair in ("ok=False", "status=red"):
        done = tea("run", "w.yaml", "--fail-on-state", "n=1", "--fail-on-state", pair)
        assert done.returncode == 4
        assert json.loads(done.stdout) == {"ok": False, "status": "red"}
        assert pair in done.stderr
    assert tea("run", "w.yaml", "--fail-on-state", "ok=false", "--fail-on-state", "gone=None").returncode == 0
    assert tea("run", "w.yaml", "--fail-on-state", "xyz").returncode == 2


def test_entry_and_exit_points(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    assert json.loads(tea("run", "w.yaml", "--entry-point", "b", "-i", '{"x": 3}').stdout) == {"x": 3, "y": "ééé"}
    assert json.loads(tea("run", "w.yaml", "--exit-point", "b").stdout) == {"x": 1}
    done = tea("run", "w.yaml", "--entry-point", "bb")
    assert done.returncode == 2
    assert "'bb'" in done.stderr


@pytest.mark.parametrize("option", ["--interrupt-before", "--interrupt-after"])
def test_an_interrupt_pauses_without_a_terminal(tea: Tea, write: Any, tmp_path: Path, option: str) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", option, "b", "-c", "kept")
    assert (done.returncode, done.stdout) == (10, "")
    assert "'b'" in done.stderr
    assert "--auto-continue" in done.stderr
    (checkpoint,) = (tmp_path / "kept").iterdir()
    assert str(checkpoint.relative_to(tmp_path)) in done.stderr
    saved = json.loads(checkpoint.read_text(encoding="utf-8"))
    assert saved["node"] == "b"
    assert saved["when"] == option.rpartition("-")[2]
    assert saved["state"] == ({"x": 1} if option.endswith("before") else {"x": 1, "y": "é"})


def test_auto_continue_goes_on_and_runs_nothing_twice(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--auto-continue", "--interrupt-before", "a,b", "--interrupt-after", "b", "-i", '{"q": 1}')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"q": 1, "x": 2, "y": "éé"})


def test_an_interrupt_at_no_node_is_an_error(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--auto-continue", "--interrupt-before", "a,bee")
    assert done.returncode == 2
    assert "'bee'" in done.stderr


def test_a_paused_stream_ends_with_the_interrupt(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", "--stream", "--interrupt-before", "b")
    assert done.returncode == 10
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["start", "node_complete", "interrupt"]


def test_debug_state_keeps_every_state(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", TWO + "  - name: c/d\n    run: |\n      raise ValueError('boom')\n")
    done = tea("run", "w.yaml", "-q", "--debug-state", "dbg/deep")
    assert done.returncode == 4
    folder = tmp_path / "dbg" / "deep"
    assert sorted(path.name for path in folder.iterdir()) == ["01-after-a.json", "02-after-b.json", "03-FAILED-c_d.json"]
    failed = json.loads((folder / "03-FAILED-c_d.json").read_text(encoding="utf-8"))
    assert failed["step"] == 3
    assert failed["node"] == "c/d"
    assert failed["state"] == {"x": 1, "y": "é"}


def test_a_secret_is_in_no_error_of_debug_state(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", code("raise ValueError(secrets['key'])"))
    assert tea("run", "w.yaml", "-q", "--secrets", '{"key": "swordfish"}', "--debug-state", "dbg").returncode == 4
    failed = (tmp_path / "dbg" / "01-FAILED-a.json").read_text(encoding="utf-8")
    assert json.loads(failed)["error"] == "***"
    assert "swordfish" not in failed


def test_heartbeat_tells_every_node(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    lines = tea("run", "w.yaml", "--heartbeat").stderr.splitlines()
    assert [line.rpartition(" ")[0] for line in lines] == ["[a done in", "[b done in"]


def test_no_code_refuses_before_anything_runs(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("w.yaml", code("open('ran', 'w').close()\nreturn {}"))
    done = tea("run", "w.yaml", "--no-code")
    assert done.returncode == 11
    assert "--no-code" in done.stderr
    assert not (tmp_path / "ran").exists()
    write("calm.yaml", "nodes:\n  - name: a\n    uses: json.stringify\n    with: {data: 1}\n    output: out\n")
    assert tea("run", "calm.yaml", "--no-code").returncode == 0


def test_secrets_are_used_and_shown_nowhere(tea: Tea, write: Any) -> None:
    write("w.yaml", code("print('leak: ' + state['seen'])\nraise ValueError('no access with ' + state['seen'])"))
    write(
        "s.yaml",
        "initial_state: {}\nnodes:\n  - name: t\n    uses: json.stringify\n    with: {data: '{{ secrets.key }}'}\n    output: out\n",
    )
    shown = tea("run", "s.yaml", "--secrets-env", "MY_", env={"MY_KEY": "hush-hush"})
    assert json.loads(shown.stdout)["out"]["text"] == '"hush-hush"'
    assert "MINE_" in tea("run", "s.yaml", "--secrets-env", "MINE_").stderr
    for words in ((), ("--stream",)):
        done = tea("run", "w.yaml", "-v", *words, "--secrets", '{"key": "hush-hush"}', "-i", '{"seen": "hush-hush"}')
        assert done.returncode == 4
        assert "no access with ***" in done.stderr
        assert "leak: ***" in done.stderr
        assert "hush-hush" not in done.stderr
        assert all("hush-hush" not in json.loads(line).get("error", "") for line in done.stdout.splitlines())


def test_overlays_and_the_merged_document(tea: Tea, write: Any) -> None:
    write("w.yaml", TWO)
    write("o.yaml", "name: changed\nnodes:\n  - name: b\n    __delete__: true\n")
    merged = tea("run", "w.yaml", "-f", "o.yaml", "--dump-merged")
    assert merged.returncode == 0
    write("merged.yaml", merged.stdout)
    assert merged.stdout.startswith("name: changed\n")
    assert json.loads(tea("run", "merged.yaml").stdout) == {"x": 1}


def test_actions_from_files_and_modules(tea: Tea, write: Any, tmp_path: Path) -> None:
    write("acts.py", "def register_actions(registry, engine):\n    registry['greet'] = lambda state, who, **kw: 'hi ' + who\n")
    write("w.yaml", "nodes:\n  - name: n\n    uses: greet\n    with: {who: Ann}\n    output: g\n")
    assert json.loads(tea("run", "w.yaml", "--actions-file", "acts.py").stdout) == {"g": "hi Ann"}
    assert json.loads(tea("run", "w.yaml", "--actions-module", "acts", env={"PYTHONPATH": str(tmp_path)}).stdout) == {"g": "hi Ann"}
    assert tea("run", "w.yaml").returncode == 3


def test_a_missing_model_file_is_exit_8_before_the_run(tea: Tea, write: Any) -> None:
    write("w.yaml", "nodes:\n  - name: ask\n    uses: llm.call\n    with: {prompt: hi}\n    output: r\n")
    done = tea("run", "w.yaml", "--gguf", "nope.gguf")
    assert done.returncode == 8
    assert "nope.gguf" in done.stderr


@pytest.mark.parametrize(
    ("words", "mentions"),
    [
        (["--backend", "cloud"], "backend"),
        (["--interactive", "--stream"], "--stream"),
        (["--interactive"], "not available"),
        (["--trace-file", "t.jsonl"], "--stream"),
        (["-g"], "inspect"),
        (["--no-cache"], "not needed"),
        (["--state", "{}"], "--input"),
        (["--quite"], "No such option"),
    ],
)
def test_options_that_cannot_be_meant(tea: Tea, write: Any, words: list[str], mentions: str) -> None:
    write("w.yaml", TWO)
    done = tea("run", "w.yaml", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert mentions in done.stderr


SLEEPS = code("import time\nopen('started', 'w').close()\ntime.sleep(60)\nreturn {}")
SLEEPS_IN_A_BRANCH = (
    SLEEPS.replace("  - name: a", "  - name: fan\n  - name: a")
    + "  - {name: end, fan_in: true}\n"
    + "edges:\n  - {from: __start__, to: fan}\n  - {from: fan, to: a, type: parallel, fan_in: end}\n  - {from: end, to: __end__}\n"
)


@pytest.mark.parametrize("text", [SLEEPS, SLEEPS_IN_A_BRANCH], ids=["node", "branch"])
@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, (130, "interrupted")), (signal.SIGTERM, (143, "terminated"))])
def test_a_signal_ends_the_run_in_one_line(
    write: Any, environment: dict[str, str], number: signal.Signals, ends: tuple[int, str], text: str
) -> None:
    folder = write("w.yaml", text).parent
    process = subprocess.Popen(
        [sys.executable, "-m", "the_edge_agent", "run", "w.yaml"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (folder / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (ends[0], "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"{ends[1]} at node ")
    assert "a" in err.rpartition("node ")[2]


def test_a_reader_that_leaves_ends_the_run_quietly(write: Any, environment: dict[str, str], tmp_path: Path) -> None:
    write("w.yaml", code("import time\ntime.sleep(0.3)\nreturn {'n': state.get('n', 0) + 1}", "goto: [{to: a}]"))
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m the_edge_agent run w.yaml --stream | head -1"],  # noqa: S607 - any bash will do
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["type"] == "start"
    assert done.stderr == ""


def test_a_full_disk_is_an_error(write: Any) -> None:
    write("w.yaml", TWO)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "the_edge_agent", "run", "w.yaml"],
            cwd=write("x", "").parent,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_confuse_nothing(write: Any, environment: dict[str, str], closed: str) -> None:
    folder = write("w.yaml", TWO).parent
    command = f"'{sys.executable}' -m the_edge_agent run w.yaml -v -o out.json {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S607 - any bash will do
    assert (done.returncode, done.stdout) == (0, "")
    assert "bug" not in done.stderr
    assert json.loads((folder / "out.json").read_text(encoding="utf-8"))["x"] == 1


@pytest.mark.parametrize("way", ["same", "spelling", "symbolic link", "hard link"])
@pytest.mark.parametrize("name", ["w.yaml", "more.yaml", "custom.py", "m.gguf"])
def test_the_output_never_takes_the_place_of_what_was_read(tea: Tea, tmp_path: Path, name: str, way: str) -> None:
    (tmp_path / "w.yaml").write_text("name: w\nnodes: [{name: a, run: 'return {}'}]\n", encoding="utf-8")
    (tmp_path / "more.yaml").write_text("description: more\n", encoding="utf-8")
    (tmp_path / "custom.py").write_text("def register_actions(registry, engine): pass\n", encoding="utf-8")
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(20))
    (tmp_path / "folder").mkdir()
    target = {"same": name, "spelling": f"folder/../{name}"}.get(way, "other")
    if way == "symbolic link":
        (tmp_path / target).symlink_to(name)
    elif way == "hard link":
        (tmp_path / target).hardlink_to(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    done = tea("run", "w.yaml", "-f", "more.yaml", "--actions-file", "custom.py", "-o", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert "would be lost" in done.stderr
    assert (tmp_path / name).read_bytes() == before


def test_who_asks_for_more_sees_where_in_a_module_of_the_users_it_failed(tea: Tea, write: Any) -> None:
    write("w.yaml", "name: w\nimports: [{path: units.py}]\nnodes: [{name: a, uses: half, with: {n: 3}}]\n")
    module = "def inner(n):\n    raise ValueError(n)\n\ndef half(n):\n    return inner(n)\n"
    write("units.py", module + "\ndef register_actions(registry, engine):\n    registry['half'] = half\n")
    done = tea("run", "w.yaml", "-v")
    assert done.returncode == 4
    told = [line.strip() for line in done.stderr.splitlines() if "File " in line]
    assert [line.rpartition("/")[2] for line in told] == ['units.py", line 5, in half', 'units.py", line 2, in inner']
    assert "Traceback" not in tea("run", "w.yaml").stderr


def test_who_asks_for_more_sees_why_a_module_cannot_be_imported(tea: Tea, write: Any) -> None:
    write("w.yaml", "name: w\nimports: [{path: units.py}]\nnodes: [{name: a}]\n")
    write("units.py", "import helping\n")
    write("helping.py", "raise ValueError('no')\n")
    done = tea("run", "w.yaml", "-v", env={"PYTHONPATH": "."})
    assert done.returncode == 3
    assert ('units.py", line 1' in done.stderr, 'helping.py", line 1' in done.stderr) == (True, True), done.stderr
    assert "Traceback" not in tea("run", "w.yaml", env={"PYTHONPATH": "."}).stderr


@pytest.mark.llm
@pytest.mark.parametrize("limit", [20_000, 30_000, 40_000, 60_000, 90_000, 110_000])
def test_too_little_address_space_is_told(tmp_path: Path, environment: dict[str, str], write: Any, limit: int) -> None:
    """At every stage: before anything is imported, while llama.cpp is opened, and when its threads start."""
    write("w.yaml", "name: w\nnodes: [{name: a, uses: llm.call, with: {prompt: Hi, max_tokens: 2}, output: said}]\n")
    script = f'ulimit -v {limit}; exec "$@"'
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "the_edge_agent", "run", "w.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stdout) == (9, ""), done.stderr
    assert "error [MACHINE_UNABLE]: " in done.stderr
    assert "hint: " in done.stderr
