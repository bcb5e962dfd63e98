"""Python blocks: what they see, what they give back, and where they are wrong."""

from __future__ import annotations

import textwrap
import threading
import traceback
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from the_edge_agent import languages
from the_edge_agent.engine.scope import NOTHING, Host, Scope
from the_edge_agent.errors import NodeFailed, Problem, Source, Spot, WorkflowInvalid
from the_edge_agent.languages.python import failure_line
from the_edge_agent.resources import Resources
from the_edge_agent.workflow.model import Code, Workflow

if TYPE_CHECKING:
    from pathlib import Path

FIRST = 6
"""The line of the file on which the text of every block here starts."""


class Outside:
    """The outside of the engine, with one action."""

    secrets: dict[str, str] = {"token": "t"}  # noqa: RUF012 - never changed
    resources = Resources()

    def action_view(self, scope: Scope) -> dict[str, Any]:
        return {"echo": lambda state, **given: {"node": scope.node, "same": state is scope.state, **given}}


def block(text: str, *, name: str = "flow.yaml", result_key: str | None = None, **variables: Any) -> Code:
    head = "name: t\nnodes:\n  - name: here\n    # the block\n    run: |\n"
    return Code("python", text, Spot(Source(name, head + textwrap.indent(text, "      ")), FIRST, 7), result_key, variables)


def scope(state: dict[str, Any] | None = None, **variables: Any) -> Scope:
    workflow = Workflow("t", {}, {}, variables=variables, config={"c": 1})
    state = {"n": 1, "xs": [1, 2]} if state is None else state
    return Scope(workflow=workflow, host=cast("Host", Outside()), state=state, node="here", constants={"variables": variables})


def run(text: str, state: dict[str, Any] | None = None, *, result_key: str | None = None, **variables: Any) -> Any:
    return languages.program(block(text, result_key=result_key, **variables)).run(scope(state, **variables))


def check(text: str) -> list[Problem]:
    return languages.check(block(text))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('return {"n": state["n"] + 1}', {"n": 2}),
        ("return 41 + 1", 42),
        ("return None", None),
        ("if state['n']:\n    return {'a': 1}\nreturn {}", {"a": 1}),
        ("for x in state['xs']:\n    while True:\n        return x", 1),
        ("try:\n    return 1\nfinally:\n    pass", 1),
        ("with open('/dev/null') as f:\n    return f.read()", ""),
    ],
)
def test_a_block_with_return_gives_what_it_returns(text: str, result: object) -> None:
    assert run(text) == result


@pytest.mark.parametrize(
    "text", ["if state['n'] > 5:\n    return {'a': 1}", "x = 1\nreturn", "", "# nothing", "pass", "_hidden = 1", "state['n'] = 2"]
)
def test_a_block_that_gives_nothing_back(text: str) -> None:
    assert run(text) is NOTHING


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("total = state['n'] + 1\nlabel = 'sum'\n_hidden = 1", {"total": 2, "label": "sum"}),
        ("# we return nothing\nx = 'return'", {"x": "return"}),
        ("def f():\n    return 1\nx = f()", {"x": 1}),
        ("import os\nfrom math import floor as fl\nclass A:\n    y = 2\nx = fl(A.y)", {"x": 2}),
        ("a, (b, *c) = 1, (2, 3)\nd: int = 4\ne = f = 5", {"a": 1, "b": 2, "c": [3], "d": 4, "e": 5, "f": 5}),
        ("x = 1\nx += 1", {"x": 2}),
        ("xs = [y for y in state['xs']]\nif (w := 3):\n    pass", {"xs": [1, 2], "w": 3}),
        ("for i in range(3):\n    pass", {"i": 2}),
        ("with open('/dev/null') as f:\n    t = f.read()", {"t": ""}),
        ("x = 1\ny = 2\ndel x", {"y": 2}),
        ("match state['xs']:\n    case [first, *rest]:\n        pass", {"first": 1, "rest": [2]}),
        ("def f():\n    return k\nk = 3\nx = f()", {"k": 3, "x": 3}),
        ("x = (lambda: [state['n'] for _ in range(2)])()", {"x": [1, 1]}),
    ],
)
def test_a_block_without_return_gives_the_names_it_assigns(text: str, result: object) -> None:
    assert run(text) == result


def test_the_state_is_live_and_may_be_replaced_by_name() -> None:
    state = {"n": 1}
    run("state['m'] = state['n'] + 1", state)
    assert state == {"n": 1, "m": 2}
    assert run("state = dict(state)\nstate['n'] = 9\nreturn state", state) == {"n": 9, "m": 2}
    assert state["n"] == 1


def test_names_in_scope() -> None:
    assert run("return [variables['k'], config, node, graph, secrets['token'], json.dumps({}), datetime.date(2020, 1, 2).day]", k=3) == [
        3,
        {"c": 1},
        "here",
        None,
        "t",
        "{}",
        2,
    ]
    assert run('return actions["echo"](state=state, text="hi")') == {"node": "here", "same": True, "text": "hi"}
    assert run("return parallel_results", {"parallel_results": [1]}) == [1]
    with pytest.raises(NameError, match="parallel_results"):
        run("return parallel_results")


def test_runs_share_nothing() -> None:
    text = "global seen\ntry:\n    seen += 1\nexcept NameError:\n    seen = 1\nreturn seen"
    assert [run(text), run(text)] == [1, 1]


def test_a_client_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(ImportError, match="pip install openai"):
        run("return OpenAI()")
    assert run("OpenAI = 3") == {"OpenAI": 3}
    assert run("# OpenAI\nx = 'OpenAI'") == {"x": "OpenAI"}


@pytest.mark.parametrize(
    ("text", "value"), [("sum(state['xs'])", 3), ("\n[x\n for x in\nstate['xs']]\n", [1, 2]), ("{{ state.n }} + 1  # one more", 2)]
)
def test_an_expression_goes_under_its_key(text: str, value: object) -> None:
    assert run(text, result_key="total") == {"total": value}


# Templates in a block


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("x = {{ state.n }} + 1", 2),
        ("x = [{{ state.n }}, {'a': {'b': {{ state.xs }}}}]", [1, {"a": {"b": [1, 2]}}]),
        ("x = {{ state.xs | tojson }}", [1, 2]),
        ("x = {{ state.xs | tojson | safe }}", [1, 2]),
        ("x = {{ state.nowhere }}", None),
        ("x = {{ {'a': {'b': state.n}} }}", {"a": {"b": 1}}),
        ("x = {{ '}}' ~ \"}}\" }}", "}}}}"),
        ("x = {{- state.n -}}", 1),
        ("x = (lambda: {{ state.n }})()", 1),
        ("x = 'hi {{ state.n }}!'", "hi 1!"),
        ("x = '''{{ state.xs }}\n{{ state.n }}'''", "[1, 2]\n1"),
        ("x = r'\\{{ state.n }}'", "\\1"),
        ("x = f'{state[\"n\"]} {{ state.n }}'", "1 1"),
        ("x = f'{ {{ state.n }} + 1:>{{ state.n }}}'", "2"),
        ("x = 'a' 'b{{ state.n }}' 'c'", "ab1c"),
        ("x = {'k{{ state.n }}': 1}", {"k1": 1}),
        ("x = json.loads('{{ state.xs | tojson }}')", [1, 2]),
        ("# {{ anything( }} at all\nx = 1", 1),
        ("x = ${k} + 1", 4),
        ("x = '${k} ${nobody}'", "3 ${nobody}"),
        ("x = '{{'", "{{"),
        ("x = {'a': {'b': {}}}", {"a": {"b": {}}}),
    ],
)
def test_a_template_is_bound_to_its_value(text: str, result: object) -> None:
    assert run(text, k=3) == {"x": result}


@given(st.text())
def test_no_input_can_end_a_string_or_become_code(value: str) -> None:
    text = "a = '{{ state.v }}'\nb = \"\"\"<{{ state.v }}>\"\"\"\nc = f'{{ state.v }}{1}'\nd = {{ state.v }}\ne = r'{{ state.v }}'"
    assert run(text, {"v": value}) == {"a": value, "b": f"<{value}>", "c": f"{value}1", "d": value, "e": value}


def test_a_bound_list_is_the_blocks_own() -> None:
    state = {"xs": [1]}
    assert run("x = {{ state.xs }}\nx.append(2)", state) == {"x": [1, 2]}
    assert state == {"xs": [1]}


def test_a_missing_value_inside_a_string_fails() -> None:
    with pytest.raises(NodeFailed, match="nowhere"):
        run("x = 'hi {{ state.nowhere }}'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x_{{ state.n }} = 1", "part of a name"),
        ("x = {{ state.n }}{{ state.n }}", "part of a name"),
        ("{{ state.n }} = 1", "assigned to"),
        ("x = b'{{ state.n }}'", "inside bytes"),
        ("x = state.{{ state.n }}", "part of a name"),
        ("x = dict({{ state.n }}=1)", "part of a name"),
        ("def {{ state.n }}():\n    pass", "part of a name"),
        ("def f({{ state.n }}):\n    pass", "part of a name"),
        ("import {{ state.n }}", "part of a name"),
        ("match 1:\n    case '{{ state.n }}':\n        pass", "a pattern"),
        ("x = 1\n{% if state.n %}\ny = 2\n{% endif %}", "if or for of Python"),
        ("x = {{ state. }}", "expected name"),
        ("x = '{{ state.n | uper }}'", "No filter named 'uper'"),
    ],
)
def test_a_template_where_no_value_can_stand_is_reported(text: str, words: str) -> None:
    (problem,) = check(text)
    assert problem.code == "BAD_TEMPLATE"
    assert words in problem.message
    assert problem.spot is not None
    line = next(number for number, line in enumerate(text.splitlines()) if "{{" in line or "{%" in line)
    assert problem.spot.line == FIRST + line
    assert problem.spot.source.line(problem.spot.line)[problem.spot.column - 1] == "{"


def test_an_unknown_name_in_a_template_is_reported() -> None:
    (problem,) = check("x = {{ stat.n }}")
    assert (problem.code, problem.hint) == ("UNKNOWN_NAME", "did you mean 'state'?")


# Errors


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x = 1\ny = = 2", 1, "invalid syntax"),
        ("x = {{ state.\nn }}\n\ny = = 2", 3, "invalid syntax"),
        ("x = 1\nyield x", 1, "'yield' outside function"),
        ("yield 1\nreturn 2", 0, "'yield' outside function"),
        ("x = 1\nawait x", 1, "outside"),
        ("x = '\0'", 0, "null"),
        ("break", 0, "'break' outside loop"),
        ("x = " + "(" * 500 + ")" * 500, 0, ""),
        ("x = {{ state.n }} {{ state.n }}", 0, "invalid syntax"),
    ],
)
def test_wrong_python_is_reported_on_its_line(text: str, line: int, words: str) -> None:
    (problem,) = check(text)
    assert problem.code == "BAD_CODE"
    assert words in problem.message
    assert problem.spot is not None
    assert problem.spot.line == FIRST + line
    with pytest.raises(WorkflowInvalid) as caught:
        languages.program(block(text))
    assert caught.value.problems == (problem,)


def test_what_python_warns_about_is_a_warning() -> None:
    (problem,) = check("x = 1\ny = x is 1")
    assert problem.severity == "warning"
    assert problem.spot is not None
    assert problem.spot.line == FIRST + 1
    assert run("x = 1\ny = x is 1") == {"x": 1, "y": True}


@pytest.mark.parametrize(
    "text", ["x = 1\n\nz = 1 / 0", "x = 1\n\nreturn 1 / 0", "x = {{ state.xs |\n length }}\nreturn 1 / 0", "def f():\n    pass\nf(1 / 0)"]
)
def test_an_exception_passes_unchanged_and_points_into_the_file(text: str) -> None:
    code = block(text)
    with pytest.raises(ZeroDivisionError) as caught:
        languages.program(code).run(scope())
    assert failure_line(caught.value, code) == FIRST + 2
    spot = languages.program(code).spot(caught.value)
    assert spot is not None
    assert (spot.source.name, spot.line, spot.column) == ("flow.yaml", FIRST + 2, 7)


def test_the_innermost_line_of_the_block_counts() -> None:
    code = block("import json\ndef f():\n    return json.loads('{')\nx = f()")
    with pytest.raises(ValueError, match="Expecting") as caught:
        languages.program(code).run(scope())
    assert failure_line(caught.value, code) == FIRST + 2


def test_a_traceback_shows_the_line_of_the_workflow_file(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    code = block("x = 1\nraise ValueError('shown')", name=str(path))
    assert code.spot is not None
    path.write_text(code.spot.source.text)
    with pytest.raises(ValueError, match="shown") as caught:
        languages.program(code).run(scope())
    assert "raise ValueError('shown')" in "".join(traceback.format_exception(caught.value))


def test_an_error_from_elsewhere_has_no_line() -> None:
    assert failure_line(ValueError("never raised"), block("x = 1")) is None


@pytest.mark.parametrize("text", ["exit()", "quit(3)\nreturn 1", "import sys\nsys.exit('bye')", "raise SystemExit", "raise GeneratorExit"])
def test_a_block_cannot_end_the_program(text: str) -> None:
    code = block(text)
    with pytest.raises(RuntimeError, match="cannot end the program") as caught:
        languages.program(code).run(scope())
    assert failure_line(caught.value, code) is not None


def test_an_interrupt_from_the_keyboard_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt")


def test_a_block_is_compiled_once() -> None:
    assert languages.program(block("x = 1")) is languages.program(block("x = 1"))


def test_one_block_runs_in_many_threads_at_once() -> None:
    program = languages.program(block("total = 0\nfor i in range(200):\n    total += {{ state.n }}"))
    totals: list[Any] = []
    threads = [threading.Thread(target=lambda n=n: totals.append(program.run(scope({"n": n})))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found["total"] for found in totals) == [0, 200, 400, 600]


@pytest.mark.parametrize(
    ("language", "code", "words"),
    [
        ("pyhton", "UNKNOWN_LANGUAGE", "did you mean 'python'?"),
        ("cobol", "UNKNOWN_LANGUAGE", "leave language out"),
        ("klingon", "UNKNOWN_LANGUAGE", ""),
    ],
)
def test_a_language_that_is_not_there_is_a_problem(language: str, code: str, words: str) -> None:
    found = Code(language, "return {}")
    (problem,) = languages.check(found)
    assert problem.code == code
    assert words in str(problem.hint)
    with pytest.raises(WorkflowInvalid):
        languages.program(found)
