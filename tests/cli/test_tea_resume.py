from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

Tea = Callable[..., "subprocess.CompletedProcess[str]"]

THREE = """\
name: three
initial_state: {x: 1}
nodes:
  - name: a
    run: |
      return {"x": state["x"] + 1}
  - name: b
    run: |
      return {"y": state["x"] * 10 + state.get("y", 0)}
  - name: c
    run: |
      return {"z": state["y"] + 1}
"""


@pytest.fixture
def paused(tea: Tea, tmp_path: Path) -> Callable[..., str]:
    """Run the workflow until it pauses; the name of the checkpoint."""
    (tmp_path / "w.yaml").write_text(THREE, encoding="utf-8")

    def pause(*words: str) -> str:
        assert tea("run", "w.yaml", "-c", "kept dir", *words).returncode == 10
        (kept,) = (tmp_path / "kept dir").iterdir()
        return str(kept.relative_to(tmp_path))

    return pause


@pytest.mark.parametrize("option", ["--interrupt-before", "--interrupt-after"])
def test_a_finished_node_does_not_run_again(tea: Tea, paused: Any, option: str) -> None:
    done = tea("resume", paused(option, "b"), "-w", "w.yaml", option, "b")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"x": 2, "y": 20, "z": 21}, "")


def test_input_lies_over_the_state_of_the_checkpoint(tea: Tea, paused: Any) -> None:
    done = tea("resume", paused("--interrupt-before", "b"), "--workflow", "w.yaml", "--input", '{"x": 7, "new": true}')
    assert json.loads(done.stdout) == {"x": 7, "y": 70, "z": 71, "new": True}


def test_the_stream_tells_only_of_what_runs_now(tea: Tea, paused: Any) -> None:
    done = tea("resume", paused("--interrupt-after", "b"), "-w", "w.yaml", "--stream")
    assert [(event["type"], event.get("node")) for event in map(json.loads, done.stdout.splitlines())] == [
        ("start", None),
        ("node_complete", "c"),
        ("complete", None),
    ]


def test_a_later_interrupt_pauses_and_keeps_its_checkpoint_beside_the_first(tea: Tea, paused: Any, tmp_path: Path) -> None:
    first = paused("--interrupt-before", "b")
    done = tea("resume", first, "-w", "w.yaml", "--interrupt-before", "b,c")
    assert (done.returncode, done.stdout) == (10, "")
    (second,) = (path for path in (tmp_path / "kept dir").iterdir() if path != tmp_path / first)
    name = str(second.relative_to(tmp_path))
    assert f"tea resume '{name}' -w w.yaml;" in done.stderr
    assert json.loads(tea("resume", name, "-w", "w.yaml").stdout)["z"] == 21
    assert json.loads(tea("resume", first, "-w", "w.yaml", "--interrupt-before", "c", "--auto-continue").stdout)["z"] == 21


def test_what_to_type_names_the_overlays_of_the_run(tea: Tea, paused: Any, tmp_path: Path) -> None:
    (tmp_path / "over.yaml").write_text("config: {interrupt_after: [a]}\n", encoding="utf-8")
    paused("--interrupt-before", "a")
    assert "-w w.yaml -f over.yaml;" in tea("run", "w.yaml", "-f", "over.yaml", "-c", "more").stderr


def test_a_run_that_keeps_no_checkpoint_does_not_speak_of_resume(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(THREE, encoding="utf-8")
    done = tea("run", "w.yaml", "--interrupt-before", "b")
    assert done.returncode == 10
    assert "resume" not in done.stderr


GOOD = {"state": {}, "node": "b", "when": "before", "version": "1.0"}


@pytest.mark.parametrize(
    ("content", "mentions"),
    [
        (None, ["no such file", "--checkpoint-dir"]),
        ("x: 1", ["not valid JSON", "--checkpoint-dir"]),
        (b"\x80\x04K\x01.", ["not UTF-8", "--checkpoint-dir"]),
        ([], ["no checkpoint"]),
        ({**GOOD, "state": 1}, ["no checkpoint"]),
        ({"state": {}}, ["no checkpoint"]),
        ({**GOOD, "version": "9.0"}, ["'9.0'", "'1.0'"]),
        ({**GOOD, "when": None}, ["'when'", "checkpoint.load"]),
        ({**GOOD, "when": []}, ["'when'"]),
        ({**GOOD, "jump": 1}, ["no checkpoint"]),
        ({**GOOD, "node": "bb"}, ["no node 'bb'", "hint: "]),
        ({**GOOD, "when": "after", "jump": "gone"}, ["no node 'gone'"]),
    ],
)
def test_what_cannot_be_resumed_is_a_usage_error(tea: Tea, tmp_path: Path, content: Any, mentions: list[str]) -> None:
    (tmp_path / "w.yaml").write_text(THREE, encoding="utf-8")
    if content is not None:
        text = content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode()
        (tmp_path / "cp.json").write_bytes(text)
    done = tea("resume", "cp.json", "-w", "w.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    for mention in mentions:
        assert mention in done.stderr


def test_resume_needs_a_workflow_and_starts_nowhere_else(tea: Tea) -> None:
    assert "--workflow" in tea("resume", "cp.json").stderr
    assert "--entry-point" in tea("resume", "cp.json", "-w", "w.yaml", "--entry-point", "a").stderr


def test_a_condition_behind_the_node_sees_its_result(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        """\
name: steer
config: {checkpoint_dir: kept, interrupt_after: [judge]}
nodes:
  - name: judge
    run: return 7
    output: score
    goto:
      - {if: result > 5, to: praise}
      - {to: blame}
  - {name: praise, run: "say = 'good'", goto: __end__}
  - {name: blame, run: "say = 'bad'"}
""",
        encoding="utf-8",
    )
    assert tea("run", "w.yaml").returncode == 10
    (kept,) = (tmp_path / "kept").iterdir()
    done = tea("resume", str(kept), "-w", "w.yaml")
    assert json.loads(done.stdout) == {"score": 7, "say": "good"}


def test_no_checkpoint_is_kept_while_branches_are_under_way(tea: Tea, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        """\
name: beside
nodes: [{name: begin}, {name: left}, {name: right}, {name: beside, interrupt: before}, {name: meet, fan_in: true}]
edges:
  - {from: begin, parallel: [left, right], fan_in: meet}
  - {from: begin, to: beside}
  - {from: left, to: meet}
  - {from: right, to: meet}
  - {from: beside, to: meet}
""",
        encoding="utf-8",
    )
    done = tea("run", "w.yaml", "-c", "kept")
    assert done.returncode == 10
    assert "no checkpoint is kept while branches are under way" in done.stderr
    assert not (tmp_path / "kept").exists()
