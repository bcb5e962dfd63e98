"""YAML with places, and what hostile YAML costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.agent import read as read_workflow
from the_edge_agent.errors import Problem, Source, Spot, UsageError
from the_edge_agent.workflow import source as module
from the_edge_agent.workflow.source import Map, Scalar, Seq, compose, plain, read

if TYPE_CHECKING:
    from pathlib import Path


def composed(text: str) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    tree = compose(Source("f.yaml", text), problems.append)
    return (None if tree is None else plain(tree)), problems


def places(text: str) -> Map:
    tree = compose(Source("f.yaml", text), lambda problem: pytest.fail(str(problem)))
    assert isinstance(tree, Map)
    return tree


def at(spot: Spot) -> tuple[int, int]:
    return spot.line, spot.column


def test_keys_and_values_know_their_places() -> None:
    tree = places("a: 1\nb:\n  - x\n  - {c: d}\n")
    assert at(tree.spot) == (1, 1)
    assert {key: at(spot) for key, spot in tree.keys.items()} == {"a": (1, 1), "b": (2, 1)}
    items = tree.get("b")
    assert isinstance(items, Seq)
    assert [at(item.spot) for item in items.items] == [(3, 5), (4, 5)]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("run: |\n  code\n", (2, 3)),
        ("run: >-\n\n    code\n", (2, 5)),
        ("run: |1\n   code\n", (2, 2)),
        ("run: code\n", (1, 6)),
        ("run: 'code'\n", (1, 6)),
    ],
)
def test_the_text_of_a_block_starts_below_its_mark(text: str, content: tuple[int, int]) -> None:
    value = places(text).get("run")
    assert isinstance(value, Scalar)
    assert at(value.content) == content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("0x1F", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("012", 10),
        ("1:30", 90),
        ("1.5e+3", 1500.0),
        ("1e3", "1e3"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("=", "="),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '7'", 7),
        ("!!float 1", 1.0),
        ("é ✓ 😀", "é ✓ 😀"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found, problems = composed(f"v: {text}\n")
    assert problems == []
    assert found == {"v": value}
    assert type(found["v"]) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("v: .inf", "NOT_JSON"),
        ("v: -.INF", "NOT_JSON"),
        ("v: !!int x", "NOT_JSON"),
        ("v: !!int", "NOT_JSON"),
        ("v: !!float x", "NOT_JSON"),
        ("v: !!bool maybe", "NOT_JSON"),
        ("v: !!binary aGk=", "UNKNOWN_TAG"),
        ("v: !!python/name:os.system ''", "UNKNOWN_TAG"),
        ("v: !own [1]", "UNKNOWN_TAG"),
        ("v: !own {a: 1}", "UNKNOWN_TAG"),
        ("? {a: b}\n: 1", "BAD_KEY"),
        ("~: 1", "BAD_KEY"),
        ("<<: [1]", "BAD_KEY"),
        ("a: 1\n'a': 2", "DUPLICATE_KEY"),
        ("%YAML 9.9\n---\na: 1", "YAML_PARSE"),
        ("a: 'open", "YAML_PARSE"),
        ("a: b: c", "YAML_PARSE"),
        ("a: \x00", "YAML_PARSE"),
        ("{a: 1}}", "YAML_PARSE"),
        ("&a [*a]", "YAML_PARSE"),
    ],
)
def test_what_is_no_json_document_is_one_problem_with_a_place(text: str, code: str) -> None:
    _, problems = composed(text)
    assert [problem.code for problem in problems] == [code]
    assert problems[0].spot is not None


def test_merge_keys_take_what_is_not_there() -> None:
    found, problems = composed("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\n")
    assert problems == []
    assert found["c"] == {"x": 0, "y": 1, "z": 2}


def test_an_anchor_may_be_given_again() -> None:
    found, problems = composed("a: &n 1\nb: *n\nc: &n 2\nd: *n\n")
    assert problems == []
    assert found == {"a": 1, "b": 1, "c": 2, "d": 2}


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("levels", [7, 12, 60])
def test_a_billion_laughs_cost_nothing(levels: int) -> None:
    started = time.monotonic()
    found, problems = composed(laughs(levels))
    assert [problem.code for problem in problems] == ["TOO_LARGE"]
    assert found is None
    assert time.monotonic() - started < 30


def test_merged_laughs_cost_nothing() -> None:
    lines = ["a0: &a0 {x0: 1, y0: 1}"] + [
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], x{i}: *a{i - 1}, y{i}: *a{i - 1}}}" for i in range(1, 40)
    ]
    _, problems = composed("\n".join(lines))
    assert [problem.code for problem in problems] == ["TOO_LARGE"]


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "\n".join(" " * i + "a:" for i in range(500))])
def test_deep_nesting_is_a_problem(text: str) -> None:
    _, problems = composed(text)
    assert [problem.code for problem in problems] == ["TOO_DEEP"]
    assert problems[0].spot is not None


def test_as_deep_as_allowed_is_fine() -> None:
    _, problems = composed("[" * module.MAX_DEPTH + "]" * module.MAX_DEPTH)
    assert problems == []


def test_ten_megabytes_of_nesting_end_soon(tmp_path: Path) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 10_000_000)
    started = time.monotonic()
    workflow, problems = read_workflow(path)
    assert workflow is None
    assert [problem.code for problem in problems] == ["TOO_DEEP"]
    assert time.monotonic() - started < 30


def test_a_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(module.MAX_BYTES + 1)
    with pytest.raises(UsageError, match="too large"):
        read(path)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfnodes: []\n")
    assert read(path).text == "nodes: []\n"


def test_a_path_through_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path / "file" / "flow.yaml")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "absent" / "flow.yaml")
    assert caught.value.hint == f"the folder {tmp_path / 'absent'} does not exist"


def test_windows_line_ends_count_as_lines() -> None:
    tree = places("a: 1\r\nb: 2\r\n")
    assert at(tree.keys["b"]) == (2, 1)
