from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from the_edge_agent.cli import keys
from the_edge_agent.errors import UsageError
from the_edge_agent.workflow.parse import parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n=3", 3),
        ("n=-0.5", -0.5),
        ("n=true", True),
        ("n=null", None),
        ('n=[1, {"a": 2}]', [1, {"a": 2}]),
        ("n=Ada", "Ada"),
        ("n=Ada = Grace", "Ada = Grace"),
        ("n=007", "007"),
        ("n=[urgent] call me", "[urgent] call me"),
        ('n="3"', "3"),
        ('n="@ada"', "@ada"),
        ("n=", ""),
        ("n=gr\udcc3\udcbc\udcc3\udc9f", "grüß"),
    ],
)
def test_a_value_is_json_where_it_can_be_read_as_json(text: str, value: Any) -> None:
    assert keys.assigned([text]) == {"n": value}


def test_a_value_is_the_text_of_a_file_without_its_last_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "n.txt").write_text("3\n\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("grüß\n"))
    assert keys.assigned([f"a=@{tmp_path / 'n.txt'}", "b=@-"]) == {"a": "3\n", "b": "grüß"}


@pytest.mark.parametrize(
    ("texts", "mentions"),
    [
        (["Ada"], "'Ada' is not of the form KEY=VALUE"),
        (["=Ada"], "not of the form"),
        (["a..b=1"], "not of the form"),
        ([".a=1"], "not of the form"),
        (["a=1", "a=2"], "'a' is given twice"),
        (["a.b=1", "a={}"], "'a' is given as a whole, and 'a.b' inside it too"),
        (['a={"x": 1, "x": 2}'], "'x' is there twice"),
        (["a=[NaN]"], "NaN"),
        (["a=@nope.txt"], "a=@nope.txt: there is no such file"),
        (["a=" + "[" * 100_000], "nested too deeply"),
        (["a=\udcff"], "not UTF-8"),
    ],
)
def test_what_cannot_be_meant_is_refused(texts: list[str], mentions: str) -> None:
    with pytest.raises(UsageError) as caught:
        keys.assigned(texts)
    assert mentions in caught.value.message


def test_a_text_that_begins_with_an_at_sign_can_be_given() -> None:
    with pytest.raises(UsageError) as caught:
        keys.assigned(["who=@ada"])
    assert caught.value.hint == """for the text itself: 'who="@ada"'"""


def test_a_value_inside_another_leaves_its_neighbours() -> None:
    below = {"a": {"b": 1, "c": {"d": 2}}, "x.y": 0, "none": None}
    given = {"more": {"k": 1}}
    assigned = {"a.c.e": 3, "x.y": 4, "more.l": 2, "new.key": 5, "none.z": 6}
    assert keys.laid(assigned, given, below) == {
        "a": {"b": 1, "c": {"d": 2, "e": 3}},
        "x.y": 4,
        "more": {"k": 1, "l": 2},
        "new": {"key": 5},
        "none": {"z": 6},
    }
    assert (below["a"], given) == ({"b": 1, "c": {"d": 2}}, {"more": {"k": 1}})


def test_there_is_nothing_inside_a_text() -> None:
    with pytest.raises(UsageError, match=r"a\.b\.c: a\.b is a text and not a mapping") as caught:
        keys.laid({"a.b.c": 1}, {}, {"a": {"b": "x"}})
    assert caught.value.hint == "give it as a whole: a.b=VALUE"


@pytest.mark.parametrize(
    "schema", ["{question: str, limit: {type: integer}}", "{type: object, properties: {question: {}, limit: {}}}"], ids=["names", "schema"]
)
def test_a_workflow_lists_its_keys(tmp_path: Path, schema: str) -> None:
    (tmp_path / "w.yaml").write_text(
        f"initial_state: {{limit: 1, name: x}}\nstate_schema: {schema}\nnodes: [{{name: n}}]\n", encoding="utf-8"
    )
    workflow, _ = parse(tmp_path / "w.yaml")
    assert workflow
    assert sorted(keys.known(workflow)) == ["limit", "name", "question"]


def test_a_misspelt_key_is_named_and_another_one_may_be_meant() -> None:
    (problem,) = keys.misspelt(["questoin", "country", "name"], ["question", "name"])
    assert (problem.severity, problem.hint) == ("warning", "did you mean 'question'?")
    assert "'questoin'" in problem.message
    assert not list(keys.misspelt(["totals", "total"], ["total"])), "who gives both means both"


STATE = {"a": {"b": "text", "c": [1, {"d": None}]}, "x.y": True}


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("a.b", "text\n"),
        ("a.c", '[1, {"d": null}]\n'),
        ("a.c.1.d", "null\n"),
        ("x.y", "true\n"),
    ],
)
def test_one_value_is_shown_raw(key: str, shown: str) -> None:
    assert keys.raw(keys.value(STATE, key)).decode() == shown


def test_half_a_character_is_shown_as_an_escape() -> None:
    assert keys.raw("\ud83d") == b"\\ud83d\n"


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        ("aa", "--raw aa: the final state has no key 'aa'", "did you mean 'a'?"),
        ("zebra", "--raw zebra: the final state has no key 'zebra'", "the keys are: a, x.y"),
        ("a.bb", "--raw a.bb: a has no key 'bb'", "did you mean 'b'?"),
        ("a.c.7", "--raw a.c.7: a.c has no key '7'", "the keys are: 0, 1"),
        ("a.c.x", "--raw a.c.x: a.c has no key 'x'", "the keys are: 0, 1"),
        ("a.b.c", "--raw a.b.c: a.b is a text, there is nothing inside it", "--raw a.b"),
    ],
)
def test_a_key_that_is_not_there_is_told_with_those_that_are(key: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        keys.value(STATE, key)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_empty_state_has_no_keys() -> None:
    with pytest.raises(UsageError) as caught:
        keys.value({}, "a")
    assert caught.value.hint == "the final state is empty"
