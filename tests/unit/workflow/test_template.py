"""Templates and conditions, as a workflow's author sees them."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent.errors import NodeFailed, Problem, Source, Spot
from the_edge_agent.workflow.template import compile_condition, compile_expression, compile_text, compile_value

STATE: dict[str, Any] = {
    "n": 3,
    "zero": 0,
    "name": "Bo",
    "no": "no",
    "none": None,
    "flag": True,
    "items": [1, "a"],
    "user": {"name": "Ada", "tags": ["x", "y"]},
    "people": [{"ok": True, "n": 1}, {"ok": False, "n": 2}],
    "text": "not json",
    "json": '{"k": [1, 2]}',
    "dollar": "${who}",
}
CONTEXT: dict[str, Any] = {"state": STATE, "variables": {"who": "world", "k": 7}, "settings": {}, "result": {"x": 1}}


def refuse(problem: Problem) -> None:
    pytest.fail(str(problem))


def render(text: str, **more: Any) -> Any:
    return compile_text(text, key="with.data", spot=None, report=refuse).render({**CONTEXT, **more})


def problems_of(text: str) -> list[Problem]:
    found: list[Problem] = []
    compile_text(text, key="with.data", spot=None, report=found.append)
    return found


def holds(source: str | bool, *, lenient_text: bool = False) -> bool:  # noqa: FBT001 - a condition may be a boolean
    return compile_condition(source, key="when", spot=None, report=refuse, lenient_text=lenient_text).holds(CONTEXT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ state.n }}", 3),
        ("  {{ state.n }}\n", 3),
        ("{{ state.n * 2 + 1 }}", 7),
        ("{{ state.flag }}", True),
        ("{{ state.none }}", None),
        ("{{ state.user }}", {"name": "Ada", "tags": ["x", "y"]}),
        ("{{ state.items }}", [1, "a"]),
        ("{{ state.user.items() }}", [["name", "Ada"], ["tags", ["x", "y"]]]),
        ("{{ state.people | map(attribute='n') }}", [1, 2]),
        ("{{ state.people | selectattr('ok') | map(attribute='n') | list }}", [1]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ {'a': {'b': state.n}} }}", {"a": {"b": 3}}),
        ("{{ {'a': state.nowhere} }}", {"a": None}),
        ("{{ '}}' }}", "}}"),
        ("{{ '3' }}", "3"),
    ],
)
def test_a_sole_expression_keeps_its_type(text: str, value: object) -> None:
    rendered = render(text)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n={{ state.n }} l={{ state.items }}", "n=3 l=[1, 'a']"),
        ("[{{ state.none }}] {{ state.flag }}", "[None] True"),
        ("{{ state.n }}{{ state.zero }}", "30"),
        ("a {{ state.n }}\n", "a 3\n"),
        ("{{ state.name ~ '-' ~ state.n }}", "Bo-3"),
        ("{% for x in state.items %}<{{ x }}>{% endfor %}", "<1><a>"),
        ("{% for x in state.items %}{{ loop.index }}{{ '.' if loop.last else ',' }}{% endfor %}", "1,2."),
        ("{% if state.nowhere %}a{% else %}b{% endif %}", "b"),
        ("{% set x = state.n %}{{ x + 1 }}", "4"),
        ("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice(state.n) }}", "33"),
        ("up: {{ state.items | map('string') | map('upper') }}", "up: ['1', 'A']"),
        ("{# nothing #}", ""),
        ("plain", "plain"),
    ],
)
def test_anything_else_is_a_text(text: str, value: str) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ state.json | fromjson }}", {"k": [1, 2]}),
        ("{{ state.text | fromjson }}", "not json"),
        ("{{ state.n | fromjson }}", 3),
        ("{{ state.user | json }}", '{"name": "Ada", "tags": ["x", "y"]}'),
        ("{{ '<a>' | tojson }}", '"\\u003ca\\u003e"'),
        ("{{ state.people | map(attribute='n') | tojson }}", "[1, 2]"),
        ("{{ 'a' | sha256 }}", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("{{ state.user.tags | join(',') }}", "x,y"),
        ("{{ state.people | join('/', attribute='n') }}", "1/2"),
        ("{{ state.people | sum('n') }}", 3),
        ("{{ [[1], [2]] | sum(start=[]) }}", [1, 2]),
        ("{{ '%s is %d' | format('a', 2) }}", "a is 2"),
        ("{{ '{:>4}'.format(state.n) }}", "   3"),
        ("{{ '{name}'.format_map(state.user) }}", "Ada"),
        ("{{ 'aXb' | replace('X', '--') }}", "a--b"),
        ("{{ 'a b' | wordwrap(1) }}", "a\nb"),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'x' | center(3) }}", " x "),
        ("{{ [1, 2, 3] | batch(2, 0) }}", [[1, 2], [3, 0]]),
        ("{{ ', '.join(state.user.tags) }}", "x, y"),
    ],
)
def test_filters_and_methods(text: str, value: object) -> None:
    rendered = render(text)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize("text", ["{{ state.nowhere }}", "{{ state.nowhere.deeper }}", "{{ state.n.deeper }}", "{{ state['nowhere'] }}"])
def test_a_missing_key_alone_is_null(text: str) -> None:
    assert render(text) is None


@pytest.mark.parametrize("text", ["{{ state.nowhere | default('d') }}", "{{ state.nowhere or 'd' }}", "{{ 'd' if state.nowhere is none }}"])
def test_a_missing_key_can_be_provided_for(text: str) -> None:
    assert render(text) == "d"


@pytest.mark.parametrize(
    "text",
    ["{{ state.nmae | upper }}", "hi {{ state.nmae }}", "{{ state.nmae == 'Bo' }}", "{{ state.nmae > 1 }}", "{{ state.nmae.first ~ '' }}"],
)
def test_any_other_use_of_a_missing_key_fails_and_names_key_expression_and_the_near_one(text: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        render(text)
    message = str(caught.value)
    assert message.startswith("with.data: ")
    assert text in message
    assert "'nmae'" in message
    assert "did you mean 'name'" in message
    assert "default" in str(caught.value.hint)


def test_a_root_name_without_a_value_fails() -> None:
    with pytest.raises(NodeFailed, match="'parallel_results' has no value here"):
        render("{{ parallel_results }}")
    assert render("{{ parallel_results | default([]) }}") == []


@pytest.mark.parametrize(
    ("text", "error_type", "words"),
    [
        ("{{ 1 / state.zero }}", "ZeroDivisionError", "division by zero"),
        ("{{ state.name + 1 }}", "TypeError", "state.name + 1"),
        ("{{ state.user.keys }}", "TypeError", "function 'keys'"),
        ("all: {{ state.user.keys }}", "TypeError", "call it with ()"),
        ("{{ 'é'.encode() }}", "TypeError", "bytes"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError", "nested too deeply"),
    ],
)
def test_every_other_error_fails_and_names_key_and_expression(text: str, error_type: str, words: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        render(text)
    assert caught.value.error_type == error_type
    assert "with.data" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hi ${who}, ${nobody}", "hi world, ${nobody}"),
        ("${k}", "7"),
        ("{{ state.n }} ${who}", "3 world"),
        ("{% if state.flag %}${who}{% endif %}", "world"),
        ("{{ '${who}' }}", "${who}"),
        ("{{ state.dollar }}!", "${who}!"),
    ],
)
def test_dollar_names_in_the_written_text_are_variables(text: str, value: str) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("{{ state.", "expected name or number", None),
        ("{{ state.n + }}", "unexpected", None),
        ("{% for x in %}", "", None),
        ("{{ state.n | uper }}", "No filter named 'uper'", "did you mean 'upper'?"),
        ("{{ state.n is definde }}", "No test named 'definde'", "did you mean 'defined'?"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply", None),
        ("{{ 1" + " + 1" * 5000 + " }}", "nested too deeply", None),
    ],
)
def test_a_bad_template_is_reported_not_raised(text: str, words: str, hint: str | None) -> None:
    (problem,) = problems_of(text)
    assert problem.code == "BAD_TEMPLATE"
    assert problem.message.startswith("with.data: `")
    assert words in problem.message
    assert len(problem.message) < 300
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("text", "name"), [("{{ stat.n }}", "stat"), ("a {{ stat.n }}", "stat"), ("{{ self }}", "self"), ("{{ lipsum() }}", "lipsum")]
)
def test_an_unknown_root_name_is_reported(text: str, name: str) -> None:
    (problem,) = problems_of(text)
    assert problem.code == "UNKNOWN_NAME"
    assert f"'{name}'" in problem.message


def test_an_unknown_root_name_says_what_to_write() -> None:
    assert problems_of("{{ stat.n }}")[0].hint == "did you mean 'state'?"
    assert "state.customer" in str(problems_of("{{ customer }}")[0].hint)


def test_names_of_the_template_itself_are_known() -> None:
    assert problems_of("{% for x in state.items %}{{ x }}{{ loop.index }}{% endfor %}{% set y = 1 %}{{ y }}{{ range(2) }}") == []


def test_data_is_walked_at_any_depth_and_problems_carry_the_place() -> None:
    data = {"a": "{{ state.n }}", "b": [["{{ state.n }}", {"c": "{{ state.name }}!"}], 7, None], "{{ k }}": "x"}
    value = compile_value(data, key="with", spot_of=lambda _: None, report=refuse)
    assert value.render(CONTEXT) == {"a": 3, "b": [[3, {"c": "Bo!"}], 7, None], "{{ k }}": "x"}

    source = Source("flow.yaml", "")
    found: list[Problem] = []
    compile_value({"b": [["{{ }}"]]}, key="with", spot_of=lambda path: Spot(source, len(path), 1), report=found.append)
    assert [(problem.spot and problem.spot.line, problem.message[:14]) for problem in found] == [(3, "with.b[0][0]: ")]


def test_every_rendering_gives_fresh_data() -> None:
    value = compile_value({"xs": [1, {"y": []}]}, key="with", spot_of=lambda _: None, report=refuse)
    value.render(CONTEXT)["xs"][1]["y"].append("changed")
    assert value.render(CONTEXT) == {"xs": [1, {"y": []}]}


def test_rendering_leaves_the_state_alone() -> None:
    before = copy.deepcopy(STATE)
    render("{{ state.people | sort(attribute='n', reverse=true) }}")
    render("{{ state.items + [4] }}")
    assert before == STATE


@pytest.mark.parametrize(
    "source",
    [
        True,
        "true",
        "True",
        "flag",
        "!nowhere",
        "! zero",
        "state.n > 2",
        "{{ state.n > 2 }}",
        "'a' in state.items",
        "not state.nowhere",
        "not state.nowhere.deeper",
        "state.nowhere is none",
        "result.x == 1",
        "result",
        "state.no",
        "no",
        "{% if state.n %}yes{% endif %}",
        "!state.zero",
        "state.people | selectattr('ok') | list",
    ],
)
def test_true_conditions(source: str | bool) -> None:  # noqa: FBT001 - a condition may be a boolean
    assert holds(source)


@pytest.mark.parametrize(
    "source",
    [
        False,
        "false",
        "FALSE",
        "nowhere",
        "!flag",
        "zero",
        "state.n > 3",
        "state.nowhere",
        "state.nowhere > 1",
        "state.nowhere.deep > 1",
        "state.nowhere != 'x'",
        "state.nowhere is not none",
        "state.nowhere | length > 0",
        "parallel_results[0].success",
        "[]",
        "{% if state.zero %}yes{% endif %}",
        "{% if state.n %} No {% endif %}",
        "none",
        "state.people | selectattr('nowhere')",
    ],
)
def test_false_conditions(source: str | bool) -> None:  # noqa: FBT001 - a condition may be a boolean
    assert not holds(source)


@pytest.mark.parametrize("source", ["no", "state.no", "{{ state.no }}", "' FALSE '", "'0'", "'none'", "''"])
def test_words_that_mean_false_are_false_in_a_goto_only(source: str) -> None:
    assert not holds(source, lenient_text=True)
    assert holds(source) is (source != "''")


def test_a_condition_keeps_its_text_for_messages() -> None:
    assert compile_condition("state.n > 2", key="when", spot=None, report=refuse).source == "state.n > 2"


def test_an_error_in_a_condition_fails_and_names_it() -> None:
    with pytest.raises(NodeFailed, match=r"when: `state.none > 1`"):
        holds("state.none > 1")


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("", "BAD_TEMPLATE", "empty"),
        ("state.n >", "BAD_TEMPLATE", "state.n >"),
        ("state.n = 3", "BAD_TEMPLATE", "state.n = 3"),
        ("{{ state.n }} == 3", "BAD_TEMPLATE", "whole condition"),
        ("stat.n > 3", "UNKNOWN_NAME", "'stat'"),
        ("name == 'Bo'", "UNKNOWN_NAME", "'name'"),
    ],
)
def test_a_bad_condition_is_reported(source: str, code: str, words: str) -> None:
    found: list[Problem] = []
    compile_condition(source, key="when", spot=None, report=found.append)
    assert [problem.code for problem in found] == [code]
    assert words in found[0].message


def test_an_expression_has_a_value_and_a_text() -> None:
    expression = compile_expression("state.items", key="run", spot=None, report=refuse)
    assert expression.evaluate(CONTEXT) == [1, "a"]
    assert expression.text(CONTEXT) == "[1, 'a']"
    missing = compile_expression("state.nowhere", key="run", spot=None, report=refuse)
    assert missing.evaluate(CONTEXT) is None
    with pytest.raises(NodeFailed, match="nowhere"):
        missing.text(CONTEXT)


def test_one_template_renders_in_many_threads_at_once() -> None:
    value = compile_text("{% set x = state.n %}{% for i in range(50) %}{{ x }},{% endfor %}", key="k", spot=None, report=refuse)
    wrong: list[str] = []

    def work(number: int) -> None:
        rendered = {value.render({"state": {"n": number}}) for _ in range(20)}
        wrong.extend(rendered - {f"{number}," * 50})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_texts_without_templates_do_not_load_jinja() -> None:
    program = (
        "import sys; from the_edge_agent.workflow.template import compile_text as c, compile_condition as d; "
        "c('a ${b}', key='k', spot=None, report=print).render({}); d('!x', key='k', spot=None, report=print).holds({'state': {}}); "
        "sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_any_json_value_goes_through_a_sole_expression_unchanged(value: Any) -> None:
    rendered = render("{{ state.v }}", state={"v": value})
    assert rendered == value
    assert type(rendered) is type(value)
    assert render("{{ [state.v] }}", state={"v": value}) == [value]


@given(st.text(alphabet="{}%#'\"|()[]. stae+~-${}\n", max_size=40))
def test_compiling_any_text_reports_or_works_but_never_raises(text: str) -> None:
    found: list[Problem] = []
    compile_text(text, key="k", spot=None, report=found.append)
    compile_condition(text, key="k", spot=None, report=found.append)
    assert all(problem.code in {"BAD_TEMPLATE", "UNKNOWN_NAME"} for problem in found)
