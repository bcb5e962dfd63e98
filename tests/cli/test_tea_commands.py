"""Every command but ``run``, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

FLOW = """\
name: ok-flow
description: two nodes
variables: {k: 1}
nodes:
  - name: a
    run: |
      return {"x": 1}
  - name: b
    uses: json.stringify
    with: {data: 1}
edges:
  - {from: __start__, to: a}
  - {from: a, to: b, when: "state.x > 0"}
  - {from: b, to: __end__}
"""
OK = "OK: w.yaml (2 nodes, 3 edges) [structural checks only — run blocks not executed]\n"
BAD = "nodes:\n  - name: a\n  - name: a\n  - name: b\n    uses: json.pars\nedges:\n  - {from: a, to: ghost}\n"


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "w.yaml"
    path.write_text(FLOW, encoding="utf-8")
    return path


def test_the_version(tea: Tea) -> None:
    from the_edge_agent import __version__

    for words in (["--version"], ["-V"], ["--version", "--impl"]):
        assert tea(*words).stdout == f"tea {__version__}\n"


def test_both_console_scripts_are_installed() -> None:
    for name in ("tea", "the-edge-agent"):
        done = subprocess.run([Path(sys.executable).with_name(name), "--version"], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.startswith("tea ")


def test_the_implementation_and_its_features(tea: Tea) -> None:
    assert tea("--impl").stdout == "python\n"
    words = tea("--impl", "--features").stdout.split()
    assert "python" in words
    assert json.loads(tea("--impl", "--features", "--json").stdout)["features"] == words
    assert tea("--features").returncode == 2


def test_no_words_show_the_help_as_an_error(tea: Tea) -> None:
    done = tea()
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: tea" in done.stderr
    assert "validate" in done.stderr
    asked = tea("--help")
    assert (asked.returncode, asked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "mentions"),
    [
        (["vaildate", "w.yaml"], "Did you mean 'validate'"),
        (["frobnicate"], "There are: init, run, resume, validate"),
        (["w.yaml"], "tea run w.yaml"),
        (["trace", "w.yaml"], "--stream"),
        (["--bogus"], "--bogus"),
    ],
)
def test_words_that_are_no_command(tea: Tea, words: list[str], mentions: str) -> None:
    done = tea(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert mentions in done.stderr


@pytest.mark.usefixtures("flow")
def test_validate_says_ok(tea: Tea) -> None:
    done = tea("validate", "w.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, OK, "")
    detailed = tea("validate", "w.yaml", "--detailed").stdout
    assert detailed == (
        "Workflow: ok-flow\nDescription: two nodes\n\nNodes: 2\n  - a\n  - b (uses: json.stringify)\n\n"
        "Edges: 3\n  - __start__ -> a\n  - a -> b\n  - b -> __end__\n\n" + OK
    )


def test_validate_shows_every_problem_with_its_place(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    done = tea("validate", "bad.yaml")
    assert (done.returncode, done.stdout) == (3, "")
    assert "bad.yaml:3:11: error [DUPLICATE_NODE]" in done.stderr
    assert "    3 |   - name: a\n      |           ^\n" in done.stderr
    assert "'ghost'" in done.stderr
    assert "json.parse" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("FAIL: bad.yaml (3 errors")


@pytest.mark.usefixtures("flow")
def test_validate_takes_several_files_and_speaks_json(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    done = tea("validate", "w.yaml", "bad.yaml")
    assert (done.returncode, done.stdout) == (3, OK)
    machine = tea("validate", "--json", "w.yaml", "bad.yaml")
    good, bad = json.loads(machine.stdout)
    assert (machine.returncode, machine.stderr) == (3, "")
    assert good == {"file": "w.yaml", "ok": True, "name": "ok-flow", "nodes": 2, "edges": 3, "problems": []}
    assert bad["ok"] is False
    duplicate = next(problem for problem in bad["problems"] if problem["code"] == "DUPLICATE_NODE")
    assert (duplicate["file"], duplicate["line"], duplicate["column"]) == ("bad.yaml", 3, 11)


def test_a_file_that_is_missing_does_not_take_the_findings_of_another_with_it(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    done = tea("validate", "bad.yaml", "missing.yaml")
    assert done.returncode == 2
    assert "DUPLICATE_NODE" in done.stderr
    assert "missing.yaml" in done.stderr


def test_strict_validation_fails_on_warnings(tea: Tea, tmp_path: Path) -> None:
    text = "nodes:\n  - {name: a, goto: b}\n  - {name: b}\nedges:\n  - {from: a, to: b}\n"
    (tmp_path / "w.yaml").write_text(text, encoding="utf-8")
    relaxed, strict = tea("validate", "w.yaml"), tea("validate", "w.yaml", "--strict")
    assert (relaxed.returncode, strict.returncode) == (0, 3)
    assert relaxed.stdout.startswith("OK: ")
    assert "w.yaml:5:5: warning [" in relaxed.stderr
    assert strict.stderr.splitlines()[-1] == "FAIL: w.yaml (1 warning)"


@pytest.mark.usefixtures("flow")
def test_inspect_json_is_the_document(tea: Tea) -> None:
    import yaml

    text = tea("inspect", "w.yaml", "--format", "json").stdout
    assert json.loads(text) == yaml.safe_load(FLOW)
    assert list(json.loads(text)) == ["name", "description", "variables", "nodes", "edges"]


@pytest.mark.usefixtures("flow")
def test_inspect_text_shows_graph_and_code(tea: Tea) -> None:
    text = tea("inspect", "w.yaml").stdout
    assert "  b: uses json.stringify\n" in text
    assert "  a -> b  [state.x > 0]\n" in text
    assert "  a (python, w.yaml:7:" in text
    assert '    | return {"x": 1}\n' in text


def test_inspect_text_names_the_models(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "settings: {llm: {model: small.gguf}}\nnodes:\n  - name: ask\n    uses: llm.call\n    with: {prompt: hi, provider: local}\n    output: r\n",
        encoding="utf-8",
    )
    assert "  ask (llm.call): provider local, model small.gguf\n" in tea("inspect", "w.yaml").stdout


NEEDS = """\
settings: {llm: {provider: openai, api_base: "http://127.0.0.1:9/v1", model: big, embedding_model: e5}}
nodes:
  - name: loop
    uses: actions.reflection_loop
    with:
      generator:
        run: |
          return {"n": 1}
      evaluator: {type: schema, schema: {type: object}}
  - {name: keep, uses: vector.store, with: {texts: [a], path: notes.db}}
  - {name: again, uses: cache.wrap, with: {action: llm.call, args: {prompt: hi}}}
  - {name: fetch, uses: http.get, with: {url: "http://127.0.0.1:9/x"}}
"""


def test_inspect_text_tells_what_actions_need(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(NEEDS, encoding="utf-8")
    text = tea("inspect", "w.yaml").stdout
    assert (
        text[text.index("models:") :]
        == """\
models:
  keep (vector.store): provider openai, model e5, api_base http://127.0.0.1:9/v1
  again (llm.call by cache.wrap): provider openai, model big, api_base http://127.0.0.1:9/v1

files:
  keep (vector.store): path notes.db

network:
  fetch (http.get): http://127.0.0.1:9/x

code:
  loop (reflection.loop) (python, w.yaml:8:11):
    | return {"n": 1}
"""
    )
    refused = tea("run", "w.yaml", "--no-code")
    assert (refused.returncode, "node 'loop'" in refused.stderr) == (11, True)


def test_a_model_file_that_is_not_there_is_an_error_though_nobody_asks_it(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("nodes: [{name: a}]\n", encoding="utf-8")
    done = tea("run", "w.yaml", "--gguf", "nope.gguf")
    assert (done.returncode, "--gguf names the model nope.gguf" in done.stderr) == (8, True)


def test_a_missing_model_behind_a_wrapper_is_found_before_anything_runs(tea: Tea, tmp_path: Path) -> None:
    first = "{name: a, uses: file.write, with: {path: out.txt, content: x}}"
    second = "{name: b, uses: cache.wrap, with: {action: llm.call, args: {prompt: hi, model_path: no.gguf}}}"
    (tmp_path / "w.yaml").write_text(f"nodes:\n  - {first}\n  - {second}\n", encoding="utf-8")
    done = tea("run", "w.yaml")
    assert (done.returncode, "node: 'b'" in done.stderr, (tmp_path / "out.txt").exists()) == (8, True, False)


@pytest.mark.usefixtures("flow")
def test_inspect_draws(tea: Tea) -> None:
    assert tea("inspect", "w.yaml", "-f", "dot").stdout.startswith('digraph "ok-flow" {')
    assert tea("inspect", "w.yaml", "-f", "mermaid").stdout.startswith("flowchart TD\n")


def test_inspect_of_a_broken_file_says_what_is_wrong(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    done = tea("inspect", "bad.yaml")
    assert (done.returncode, done.stdout) == (3, "")
    assert "DUPLICATE_NODE" in done.stderr


def test_the_schema_accepts_a_workflow_and_refuses_a_misspelt_one(tea: Tea) -> None:
    import jsonschema
    import yaml

    schema = json.loads(tea("schema").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(yaml.safe_load(FLOW))
    assert not validator.is_valid(yaml.safe_load(FLOW.replace("nodes:", "nods:")))


def test_schema_merge(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n\t"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}', encoding="utf-8")
    (tmp_path / "b.yaml").write_text("properties: {y: {type: integer}}\nrequired: [y]\n", encoding="utf-8")
    merged: dict[str, Any] = {"type": "object", "properties": {"x": {"type": "string"}, "y": {"type": "integer"}}, "required": ["y"]}
    shown = tea("schema", "merge", "a.json", "b.yaml", "--dry-run", "-o", "out.json")
    assert shown.stdout == json.dumps(merged, indent=2) + "\n"
    assert not (tmp_path / "out.json").exists()
    assert tea("schema", "merge", "a.json", "b.yaml", "-o", "out.json").stdout == ""
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8")) == merged
    missing = tea("schema", "merge", "a.json", "nope.json")
    assert missing.returncode == 2
    assert "nope.json" in missing.stderr


def test_actions_are_listed_and_described(tea: Tea) -> None:
    table = tea("actions").stdout
    names = [line.split()[0] for line in table.splitlines()]
    assert {"json.parse", "llm.call", "file.read"} <= set(names)
    assert names == sorted(names)
    page = tea("actions", "json.parse").stdout
    assert "text: string, required" in page
    described = json.loads(tea("actions", "json.parse", "--json").stdout)
    assert next(each for each in described["parameters"] if each["name"] == "text")["required"] is True
    assert [each["name"] for each in json.loads(tea("actions", "--json").stdout)] == names
    assert all(line.startswith("json.") for line in tea("actions", "json").stdout.splitlines())


def test_an_action_that_is_not_there(tea: Tea) -> None:
    done = tea("actions", "jsn.parse")
    assert done.returncode == 2
    assert "json.parse" in done.stderr


def test_the_doctor_knows_python_models_and_folders(tea: Tea, tmp_path: Path) -> None:
    done = tea("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (8 if found["broken"] else 0)
    assert found["python"]["version"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert found["cpu"]["cores_available"] >= 1
    assert found["folders"]["data"].startswith(str(tmp_path))
    assert any(model["origin"] == "built in" for model in found["models"])
    text = tea("doctor").stdout
    assert found["models"][0]["path"] in text
    assert found["cpu"]["model"] in text


def test_the_doctor_shows_a_damaged_model(tea: Tea, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    done = tea("doctor", env={"TEA_MODEL_PATH": str(broken)})
    assert done.returncode == 8
    assert str(broken) in done.stdout
    assert "cannot be used: it is" in done.stdout
    assert f"cannot use the model {broken}" in done.stderr
    found = json.loads(tea("doctor", "--json", env={"TEA_MODEL_PATH": str(broken)}).stdout)
    assert [str(broken) in problem["message"] for problem in found["broken"]] == [True]


@pytest.mark.parametrize("value", ["no-such.gguf", "empty", "$NOT_SET/model.gguf"])
def test_the_doctor_sees_a_variable_that_names_no_model(tea: Tea, tmp_path: Path, value: str) -> None:
    (tmp_path / "empty").mkdir()
    done = tea("doctor", env={"TEA_MODEL_PATH": value})
    assert done.returncode == 8
    assert done.stderr.count("[MODEL_UNAVAILABLE]") == 1
    assert "TEA_MODEL_PATH" in done.stderr
    assert "built in" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed(tea: Tea, shell: str) -> None:
    done = tea("completion", shell)
    assert done.returncode == 0
    assert "_TEA_COMPLETE" in done.stdout


def test_completion_offers_commands_and_options(tea: Tea) -> None:
    commands = tea(env={"_TEA_COMPLETE": "bash_complete", "COMP_WORDS": "tea va", "COMP_CWORD": "1"}).stdout
    assert commands.strip() == "plain,validate"
    options = tea(env={"_TEA_COMPLETE": "bash_complete", "COMP_WORDS": "tea run --dum", "COMP_CWORD": "2"}).stdout
    assert options.strip() == "plain,--dump-merged"
    actions = tea(env={"_TEA_COMPLETE": "bash_complete", "COMP_WORDS": "tea actions json.", "COMP_CWORD": "2"}).stdout
    assert actions.split() == ["plain,json.parse", "plain,json.stringify", "plain,json.transform"]


def completed(tea: Tea, line: str) -> list[str]:
    """What a shell offers at the end of ``line``."""
    words = line.split(" ")
    shown = tea(env={"_TEA_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}).stdout
    return shown.split()


def test_completion_offers_nodes_of_the_workflow_in_the_line(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        "nodes: [{name: load}, {name: look}, {name: save}]\nimports: [{path: acts.py, namespace: a}]\n", encoding="utf-8"
    )
    (tmp_path / "acts.py").write_text("open('ran', 'w').close()\n", encoding="utf-8")
    assert completed(tea, "tea run w.yaml --entry-point lo") == ["plain,load", "plain,look"]
    assert completed(tea, "tea run w.yaml -q --exit-point s") == ["plain,save"]
    assert completed(tea, "tea run w.yaml --interrupt-before load,l") == ["plain,load,look"]
    assert completed(tea, "tea resume kept.json -w w.yaml --interrupt-after s") == ["plain,save"]
    assert completed(tea, "tea run no.yaml --entry-point l") == []
    assert not (tmp_path / "ran").exists(), "no code runs to complete a name"


def test_completion_offers_models_templates_and_commands(tea: Tea) -> None:
    assert completed(tea, "tea run w.yaml --gguf tiny-c") == ["file,tiny-c", "plain,tiny-chat"]
    assert completed(tea, "tea run ") == ["file,"]
    assert completed(tea, "tea init -t ha") == []
    assert completed(tea, "tea init -t he") == ["plain,hello"]
    assert completed(tea, "tea help doc") == ["plain,doctor"]


def test_help_is_the_help_of_the_command(tea: Tea) -> None:
    from the_edge_agent.cli.root import COMMANDS

    assert tea("help").stdout == tea("--help").stdout == tea("-h").stdout
    for words in (*((name,) for name in COMMANDS), ("schema", "merge")):
        shown = tea("help", *words)
        assert shown.returncode == 0
        assert shown.stdout.startswith(f"Usage: tea {' '.join(words)} ")
        assert tea(*words, "-h").stdout == shown.stdout
    near, none = tea("help", "rum"), tea("help", "run", "it")
    assert (near.returncode, "Did you mean 'run'?" in near.stderr) == (2, True)
    assert (none.returncode, "'tea run' has no commands" in none.stderr) == (2, True)


def test_the_licences_of_everything_here(tea: Tea) -> None:
    found = {each["name"]: each for each in json.loads(tea("licenses", "--json").stdout)}
    assert found["the-edge-agent"]["licence"] == "MIT"
    assert found["click"]["licence"] == "BSD-3-Clause"
    assert found["tiny-chat-Q8_0.gguf"]["licence"] == "MIT"
    assert "pytest" not in found, "what only tests need is no part of it"
    assert all(each["licence"] for each in found.values())
    assert "Redistribution and use in source and binary forms" in tea("licenses", "Click").stdout
    done = tea("licenses", "clik")
    assert (done.returncode, "did you mean 'click'?" in done.stderr) == (2, True)
