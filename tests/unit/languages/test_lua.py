"""Lua blocks: values in and out, where errors are, and that no run leaves anything behind."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from the_edge_agent import languages
from the_edge_agent.agent import load
from the_edge_agent.cancellation import Cancellation, Cancelled
from the_edge_agent.engine.scope import NOTHING, Host, Scope
from the_edge_agent.engine.state import BranchResult
from the_edge_agent.errors import NodeFailed, Problem, Source, Spot, WorkflowInvalid
from the_edge_agent.languages.lua import _keys
from the_edge_agent.workflow.model import Code, Workflow

if TYPE_CHECKING:
    from pathlib import Path

FIRST = 6
"""The line of the file on which the text of every block here starts."""


def block(text: str, *, name: str = "flow.yaml") -> Code:
    head = "name: t\nnodes:\n  - name: here\n    language: lua\n    run: |\n"
    return Code("lua", text, Spot(Source(name, head + textwrap.indent(text, "      ")), FIRST, 7))


def scope(state: dict[str, Any] | None = None, **limits: Any) -> Scope:
    return Scope(workflow=Workflow("t", {}, {}, settings={"lua": limits}), host=cast("Host", None), state=state or {}, node="here")


def run(text: str, state: dict[str, Any] | None = None, **limits: Any) -> Any:
    return languages.program(block(text)).run(scope(state, **limits))


def failure(text: str, state: dict[str, Any] | None = None) -> NodeFailed:
    with pytest.raises(NodeFailed) as caught:
        run(text, state)
    return caught.value


def check(text: str) -> list[Problem]:
    return languages.check(block(text))


# Values


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1", 1),
        ("math.mininteger", -(2**63)),
        ("math.maxinteger", 2**63 - 1),
        ("3.0", 3),
        ("-0.0", 0),
        ("2.0^53", 2**53),
        ("0.1", 0.1),
        ("1/3", 1 / 3),
        ("5e-324", 5e-324),
        ("'a' .. 'b'", "ab"),
        ("'tab\\t \"quoted\" \\\\ \\0 \\u{7f} é 漢 \\u{1F600}'", 'tab\t "quoted" \\ \0 \x7f é 漢 😀'),
        ("true", True),
        ("{}", {}),
        ("{{}}", [{}]),
        ("{1, 2, 3}", [1, 2, 3]),
        ("{1, nil, 3}", [1, None, 3]),
        ("{[3] = 'c'}", [None, None, "c"]),
        ("{[2.0] = 'b'}", [None, "b"]),
        ("{a = {b = {1, {c = false}}}}", {"a": {"b": [1, {"c": False}]}}),
        ("{1, 2, x = 3}", {"1": 1, "2": 2, "x": 3}),
        ("{[0] = 'zero', [-1] = 'minus', [1.5] = 'half'}", {"0": "zero", "-1": "minus", "1.5": "half"}),
        ("setmetatable({a = 1}, {__index = {b = 2}, __pairs = error})", {"a": 1}),
    ],
)
def test_values_go_out(expression: str, value: Any) -> None:
    found = run(f"return {{ v = {expression} }}")["v"]
    assert found == value
    assert type(found) is type(value)


def test_large_whole_floats_stay_floats() -> None:
    found = run("return {a = 2.0^60, b = 1e300, c = 9007199254740994.0}")
    assert found == {"a": 2.0**60, "b": 1e300, "c": 9007199254740994.0}
    assert {type(value) for value in found.values()} == {float}


def test_what_is_no_table_is_the_result() -> None:
    assert run("return 7") == 7
    assert run("return {1, 2}") == [1, 2]
    assert run("return false") is False


@pytest.mark.parametrize("text", ["", "return", "return nil", "local x = 1", "-- nothing"])
def test_nothing_is_no_update(text: str) -> None:
    assert run(text) is NOTHING


def test_keys_come_out_in_the_same_order_every_time() -> None:
    assert list(run("return {b = 1, a = {z = 1, y = 2, x = 3}, C = 3}")) == ["C", "a", "b"]


@pytest.mark.parametrize(
    ("expression", "lua"),
    [
        ({"k": None}, "state.v.k == nil"),
        ([1, None, 3], "state.v[1] == 1 and state.v[2] == nil and state.v[3] == 3"),
        ({"a": [10, 20]}, "#state.v.a == 2 and state.v.a[2] == 20"),
        (1.0, "math.type(state.v) == 'float'"),
        (2**63 - 1, "state.v == math.maxinteger"),
        ("ä\0b", "#state.v == 4"),
        ({"1": "text key"}, "state.v['1'] == 'text key' and state.v[1] == nil"),
        (False, "state.v == false"),
    ],
)
def test_values_go_in(expression: Any, lua: str) -> None:
    assert run(f"return {{ ok = {lua} }}", {"v": expression}) == {"ok": True}


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, min_size=1, max_size=5) | st.dictionaries(st.from_regex(r"[a-z]\w*", fullmatch=True), inner, max_size=5),
    max_leaves=20,
)


@given(PLAIN)
@settings(max_examples=60, deadline=None)
def test_what_comes_in_goes_out_again(value: Any) -> None:
    assert run("return {v = state.v}", {"v": value}) == {"v": value}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("{a = {1, 0/0}}", ["'v.a[2]'", "NaN"]),
        ("1/0", ["'v'", "inf"]),
        ("{f = print}", ["'v.f'", "function"]),
        ("{c = coroutine.create(print)}", ["'v.c'", "thread"]),
        ("'\\xff'", ["'v'", "UTF-8"]),
        ("'\\u{D800}'", ["'v'", "UTF-8"]),
        ("{['\\xff'] = 1}", ["'v'", "UTF-8"]),
        ("{[true] = 1}", ["'v'", "boolean"]),
        ("{[1] = 'a', ['1'] = 'b', x = 'c'}", ["'v'", "key 1 as a number and as text"]),
        ("{[1000000000] = 1}", ["'v'", "1 values", "1000000000"]),
    ],
)
def test_what_json_has_no_form_for_is_named(expression: str, words: list[str]) -> None:
    error = failure(f"return {{ v = {expression} }}")
    assert all(word in error.message for word in words), error.message
    assert error.error_type == "ValueError"
    assert error.hint


def test_a_table_in_itself_is_named() -> None:
    assert "'t.inner' is a table that contains itself" in failure("local t = {}\nt.inner = t\nreturn {t = t}").message
    assert "nested too deeply" in failure("local t = {}\nfor i = 1, 5000 do t = {t} end\nreturn t").message


def test_the_same_table_twice_is_no_cycle() -> None:
    assert run("local t = {1}\nreturn {a = t, b = {t, t}}") == {"a": [1], "b": [[1], [1]]}


def test_one_value_is_returned() -> None:
    error = failure("return nil, 'no such thing'")
    assert "returned 2 values" in error.message
    assert "parentheses" in str(error.hint)
    assert run("return (('a'):gsub('a', 'b'))") == "b"


def test_a_value_that_lua_cannot_hold_is_an_error_where_it_is_read() -> None:
    state = {"large": [1, 2**63], "half": "\ud800", "n": 1}
    assert run("return {n = state.n + 1}", state) == {"n": 2}
    error = failure("local a = 1\nreturn {n = #state.large}", state)
    assert "'large[1]' is a whole number of more than 64 bits" in error.message
    assert error.spot
    assert error.spot.line == FIRST + 1
    assert "'half'" in failure("return {n = #state.half}", state).message
    assert "which Lua has no form for" in failure("for key in pairs(state) do end", state).message


@given(st.lists(PLAIN, min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_value_in_two_places_goes_in_twice(values: list[Any], places: list[int]) -> None:
    shared = [values[place % len(values)] for place in places]
    state = {"list": shared, "deep": {"er": [shared, values]}, **{f"k{i}": value for i, value in enumerate(shared)}}
    assert run("return {v = state}", state) == {"v": state}


def test_a_deep_state_goes_in() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    text = "local d, n = state.d, 0\nwhile type(d) == 'table' do d, n = d[1], n + 1 end\nreturn {n = n}"
    assert run(text, {"d": deep}) == {"n": 300}


def test_results_of_branches_read_through_to_their_state() -> None:
    results = [BranchResult.of(name, {"v": number, "branch": "hidden"}, 0.1) for number, name in enumerate(("left", "right"))]
    state = {"parallel_results": results, "nested": {"deep": [results[1]]}}
    text = """\
local r = state.parallel_results
return {sum = r[1].v + r[2].v, names = {r[1].branch, r[2].branch}, deep = state.nested.deep[1].v, absent = r[1].nothing == nil}"""
    assert run(text, state) == {"sum": 1, "names": ["left", "right"], "deep": 1, "absent": True}
    assert run("return {r = state.parallel_results[1]}", state)["r"]["state"] == {"v": 0, "branch": "hidden"}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("return 1", set()),
        ("return state.a + state . b", {"a", "b"}),
        ("return state['a b'] .. state[\"c\"]", {"a b", "c"}),
        ("return state.a.b, t.state, t:state(), t.state.c", {"a"}),
        ("-- state\n--[[ state ]] --[==[ state\n]] ]==]\nreturn state.a -- state", {"a"}),
        ("return 'state', \"it's state\", [[state]], [==[\nstate]] ]==], 'a\\'state', state.a", {"a"}),
        ("return state--[[ here ]]\n.a", {"a"}),
        ("return states, mystate, state_", set()),
        ("return state.a..state.b", {"a", "b"}),
        ("return 1 ..state.a", {"a"}),
        ("return 'x'..state", None),
        ("return state", None),
        ("return state[1]", None),
        ("return state[k]", None),
        ("return state['a' .. k]", None),
        ("return state['\\97']", None),
        ("return state[ [[a]] ]", None),
        ("for k in pairs(state) do end", None),
        ("local s = state", None),
        ("return state:a()", None),
        ("local function f(state) return state.a end", None),
        ("return {state = 1}", None),
        ("return (state).a", None),
    ],
)
def test_only_what_a_block_can_read_is_converted(text: str, keys: set[str] | None) -> None:
    assert _keys(text) == keys


def test_the_state_itself_is_a_copy() -> None:
    state = {"n": 1, "list": [1]}
    assert run("state.n = 2\nstate.list[1] = 9\nstate.new = true", state) is NOTHING
    assert state == {"n": 1, "list": [1]}


def test_the_text_is_no_template() -> None:
    assert run("return {s = '{{ state.n }} ${n} {% x %}'}") == {"s": "{{ state.n }} ${n} {% x %}"}


# Errors


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("local a = {}\nreturn {b = a.c.d}", 1, "attempt to index a nil value (field 'c')"),
        ("\n\nerror('boom')", 2, "boom"),
        ("local function f()\n  error('deep')\nend\n\nf()", 1, "deep"),
        ("local x = 1\nstring.rep()", 1, "bad argument #1 to 'rep'"),
        ("local x = 1\nsetmetatable(1, {})\nx = 2", 1, "bad argument #1 to 'setmetatable'"),
        ("coroutine.wrap(function()\n  local t\n  t.x = 1\nend)()", 2, "attempt to index a nil value (local 't')"),
        ("local x = 1\nerror({code = 7})", 1, 'the block raised a table: {"code":7}'),
        ("error(setmetatable({}, {__tostring = function() return 'own words' end}))", 0, "own words"),
        ("error(setmetatable({}, {__tostring = function() error({}) end}))", 0, "an error while the error was told"),
        ("error(setmetatable({}, {__eq = function() return true end}))", 0, "the block raised a table: {}"),
        ("error()", 0, "nil"),
        ("error('\\xff bytes')", 0, "? bytes"),
        ("assert(false)", 0, "assertion failed!"),
        ("local function f() return f() + 1 end\nf()", 0, "stack overflow"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, words: str) -> None:
    error = failure(text)
    assert words in error.message
    assert not re.search(r"flow\.yaml|sandbox", error.message)
    assert error.error_type == "LuaError"
    found = languages.program(block(text)).spot(error)
    assert found
    assert (found.line, found.source.name) == (FIRST + line, "flow.yaml")


def test_a_caught_error_names_the_line_of_the_file() -> None:
    assert run("\nlocal ok, why = pcall(function() error('x') end)\nreturn {why = why}") == {"why": f"flow.yaml:{FIRST + 1}: x"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("return os.time()", "reaches nothing outside"),
        ("return io.open('x')", "reaches nothing outside"),
        ("dofile('x')", "write the code in the block"),
        ("return unpack({1})", "table.unpack"),
        ("return debug.traceback()", "pcall"),
        ("return orders.n", "did you mean state.orders?"),
    ],
)
def test_a_name_that_is_not_there_has_a_hint(text: str, words: str) -> None:
    assert words in str(
        failure(f"{text}\nlocal x = 1" if "return" not in text else f"local x = ({text[7:]})\nreturn x", {"orders": 1}).hint
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x = = 1", 0, "unexpected symbol near '='"),
        ("local x = 1\n\nif x then\n", 3, "'end' expected"),
        ("return 1\nlocal x", 1, "<eof> expected near 'local'"),
        ("goto nowhere", 0, "nowhere"),
        ("end", 0, "<eof> expected near 'end'"),
        ("local s = 'open", 0, "unfinished string"),
        ("\x1bLua", 0, "unexpected symbol"),
    ],
)
def test_bad_syntax_is_found_before_the_run(text: str, line: int, words: str) -> None:
    (problem,) = check(text)
    assert problem.code == "BAD_CODE"
    assert words in problem.message
    assert problem.spot
    assert problem.spot.line == FIRST + line
    with pytest.raises(WorkflowInvalid):
        languages.program(block(text))


def test_a_block_without_a_place_compiles_and_fails() -> None:
    assert languages.check(Code("lua", "return 1")) == []
    with pytest.raises(NodeFailed, match=r"^boom$") as caught:
        languages.program(Code("lua", "error('boom')")).run(scope())
    assert caught.value.spot is None


def test_a_long_or_odd_file_name_does_no_harm() -> None:
    for name in ("x" * 200 + ".yaml", "a:3: b.yaml", "%d[[.yaml"):
        with pytest.raises(NodeFailed, match=r"^boom$") as caught:
            languages.program(block("\nerror('boom')", name=name)).run(scope())
        assert caught.value.spot
        assert caught.value.spot.line == FIRST + 1


# What a block sees


def test_this_is_lua_5_4() -> None:
    assert run("local x <const> = 7 // 2\nreturn {v = _VERSION, x = x, bits = 6 & 3}") == {"v": "Lua 5.4", "x": 3, "bits": 2}


def test_the_usual_libraries_are_there() -> None:
    text = """\
local words = {}
for word in ("the quick brown fox"):gmatch("%a+") do table.insert(words, word) end
table.sort(words, function(a, b) return #a < #b or (#a == #b and a < b) end)
local generator = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
return {
  words = table.concat(words, " "), squares = {generator(), generator(), generator()},
  rounded = string.format("%.2f", math.pi), length = utf8.len("häß"), packed = #string.pack("i4", 1),
  moved = table.move({1, 2}, 1, 2, 2), caught = select(2, pcall(error, "e")), rep = ("ab"):rep(2, "-"),
}"""
    assert run(text) == {
        "words": "fox the brown quick",
        "squares": [1, 4, 9],
        "rounded": "3.14",
        "length": 3,
        "packed": 4,
        "moved": [1, 1, 2],
        "caught": "e",
        "rep": "ab-ab",
    }


def test_methods_of_strings_can_be_added() -> None:
    assert run("function string.shout(s) return s:upper() .. '!' end\nreturn ('hi'):shout()") == "HI!"
    assert run("return {gone = string.shout == nil and ('x').shout == nil}") == {"gone": True}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("leak = 1\n_G.other = 2", "leak == nil and other == nil"),
        ("string.upper = nil\nmath.pi = 3\ntable.extra = 1", "string.upper ~= nil and math.pi > 3 and table.extra == nil"),
        ("pairs = nil\n_ENV = nil", "pairs ~= nil and _G == _ENV"),
        ("coroutine.create = nil", "coroutine.create ~= nil"),
        ("local s = string\ns.upper = function() return 'x' end", "('a'):upper() == 'A'"),
    ],
)
def test_nothing_survives_a_run(text: str, seen: str) -> None:
    assert run(f"{text}") is NOTHING
    assert run(f"return {{ok = {seen}}}") == {"ok": True}


def test_a_seed_is_not_left_behind() -> None:
    seeded = "math.randomseed(42)\nreturn {n = math.random(1 << 40)}"
    assert run(seeded) == run(seeded)
    after = set()
    for _ in range(3):
        run(seeded)
        after.add(run("return math.random(1 << 40)"))
    assert len(after) == 3


def test_print_goes_where_that_of_a_python_block_goes(capsys: pytest.CaptureFixture[str]) -> None:
    run("print('n', 1, nil, true, 1.5, '\\xff')\nprint()")
    assert capsys.readouterr().out == "n\t1\tnil\ttrue\t1.5\t?\n\n"


def test_warn_is_a_warning() -> None:
    told: list[Any] = []
    where = Scope(workflow=Workflow("t", {}, {}), host=cast("Host", None), state={}, node="here", emit=told.append)
    languages.program(block("warn('half ', 'full')")).run(where)
    assert [(event.node, event.code, event.message) for event in told] == [("here", "LUA_WARNING", "half full")]


def test_a_listener_that_fails_fails_the_node() -> None:
    def broken(_: object) -> None:
        raise BrokenPipeError("gone")

    where = Scope(workflow=Workflow("t", {}, {}), host=cast("Host", None), state={}, node="here", emit=broken)
    with pytest.raises(BrokenPipeError):
        languages.program(block("pcall(warn, 'x')\nreturn {x = 1}")).run(where)
    assert run("return 1") == 1


# Threads and processes


def test_branches_run_side_by_side(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        """\
name: eight
initial_state: {numbers: [1, 2, 3, 4, 5, 6, 7, 8]}
nodes:
  - name: each
    parallel_each: "{{ state.numbers }}"
    fan_in: join
    language: lua
    run: |
      seen = (seen or 0) + 1
      local sum = 0
      for i = 1, 20000 do sum = sum + i % state.item end
      return {sum = sum, seen = seen}
  - name: join
    fan_in: true
    language: lua
    run: |
      local sums = {}
      for i, r in ipairs(state.parallel_results) do sums[i] = r.result.sum + r.result.seen end
      return {sums = sums}
""",
        encoding="utf-8",
    )
    with load(flow) as agent:
        found = agent.invoke()["sums"]
    assert found == [sum(i % item for i in range(1, 20001)) + 1 for item in range(1, 9)]


def test_one_program_runs_in_many_threads() -> None:
    program = languages.program(block("local t = {}\nfor i = 1, 200 do t[i] = state.n end\nreturn {n = t[200], got = #t}"))
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: program.run(scope({"n": n})), range(100)))
    assert found == [{"n": n, "got": 200} for n in range(100)]


def test_no_more_threads_than_runs_at_a_time() -> None:
    for n in range(50):
        assert run("return state.n", {"n": n}) == n
    before = threading.active_count()
    for n in range(50):
        assert run("return state.n", {"n": n}) == n
    assert threading.active_count() <= before


def _in_child(results: Any) -> None:
    results.put(run("return {n = state.n + 1}", {"n": 1}))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_runs_lua_too() -> None:
    assert run("return 1") == 1
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(results,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert results.get() == {"n": 2}


def test_a_stop_that_was_asked_for_ends_the_block() -> None:
    cancellation = Cancellation()
    where = Scope(workflow=Workflow("t", {}, {}), host=cast("Host", None), state={}, node="here", cancellation=cancellation)
    timer = threading.Timer(0.1, cancellation.request)
    timer.start()
    with pytest.raises(Cancelled):
        languages.program(block("while true do end")).run(where)
    timer.join()


def test_ctrl_c_ends_a_block(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("nodes:\n  - {name: n, language: lua, run: \"print('on') while true do pcall(error) end\"}\n", encoding="utf-8")
    tea = [sys.executable, "-m", "the_edge_agent", "run", str(flow)]
    with subprocess.Popen(
        tea, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as run:
        assert run.stderr
        while "on" not in run.stderr.readline():
            assert run.poll() is None
        run.send_signal(2)
        out, _ = run.communicate(timeout=20)
    assert (run.returncode, out) == (130, "")


def test_lua_is_opened_only_where_a_block_is_lua(tmp_path: Path) -> None:
    code = (
        "import sys; from the_edge_agent.agent import load\n"
        "with load(sys.argv[1]) as agent: agent.invoke()\n"
        "print('lupa' in sys.modules, 'lupa.lua54' in sys.modules, any('lupa.lua5' in m or 'luajit' in m for m in {*sys.modules} - {'lupa.lua54'}))"
    )
    seen = []
    for name, text in (("python", "x = 1"), ("lua", "return {x = 1}")):
        flow = tmp_path / f"{name}.yaml"
        flow.write_text(json.dumps({"nodes": [{"name": "n", "language": name, "run": text}]}), encoding="utf-8")
        seen.append(subprocess.run([sys.executable, "-c", code, str(flow)], capture_output=True, text=True, check=True, timeout=60).stdout)
    assert seen == ["False False False\n", "True True False\n"]


def test_without_lupa_a_lua_block_is_a_problem(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("nodes:\n  - {name: n, language: lua, run: return 1}\n", encoding="utf-8")
    code = "import sys; sys.modules['lupa'] = None\nfrom the_edge_agent.cli import main\nsys.exit(main(['run', sys.argv[1]]))"
    done = subprocess.run([sys.executable, "-c", code, str(flow)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (3, "")
    assert "[LANGUAGE_UNAVAILABLE]" in done.stderr
    assert "pip install" in done.stderr


def test_an_evaluator_of_reflection_may_be_lua(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        """\
nodes:
  - name: improve
    uses: reflection.loop
    with:
      generator: {run: "result = {'n': state.get('reflection_iteration', 0)}"}
      evaluator:
        type: custom
        language: lua
        run: |
          local n = state.reflection_output.n
          return { valid = n > 1, score = n / 10 }
      max_iterations: 4
    output: {n: "{{ result.n }}", score: "{{ result.reflection_best_score }}"}
""",
        encoding="utf-8",
    )
    with load(flow) as agent:
        assert agent.invoke() == {"n": 2, "score": 0.2}
