"""What the sandbox of Prolog blocks refuses: one test a way out that somebody may try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from the_edge_agent.agent import load
from the_edge_agent.errors import NodeFailed, TeaError
from the_edge_agent.languages.prolog import SandboxViolation

pytestmark = pytest.mark.prolog

EVIL = ":- shell('touch mark').\nbad :- shell('touch mark').\n"
MARK = "shell('touch mark')"


def run(block: str, state: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Run ``block`` in the current folder."""
    document: dict[str, Any] = {"nodes": [{"name": "n", "language": "prolog", "run": block}], "settings": {"prolog": settings}}
    Path("flow.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    with load("flow.yaml") as agent:
        return agent.invoke(state)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("evil.pl").write_text(EVIL, encoding="utf-8")
    return tmp_path


WAYS_OUT = {
    "shell/1": f"{MARK}.",
    "shell/2": "shell('touch mark', _).",
    "open/3": "open(mark, write, S), close(S).",
    "halt/0": "halt.",
    "halt/1": "halt(3).",
    "consult": "consult(evil).",
    "consult by list": "[evil].",
    "use_module directive of a file": ":- use_module(evil).",
    "use_module goal of a file": "use_module(evil).",
    "ensure_loaded": ":- ensure_loaded(evil).",
    "include": ":- include(evil).",
    "load_files": "load_files([evil], []).",
    "autoload": ":- autoload(evil, [bad/0]).\nbad, true.",
    "a library that starts programs": ":- use_module(library(process)).\ntrue.",
    "process_create": "process_create('/bin/touch', [mark], []).",
    "use_foreign_library": "use_foreign_library(foo).",
    "open_shared_object": "open_shared_object('/nowhere.so', _).",
    "module-qualified": f"system:{MARK}, true.",
    "module-qualified alone": f"system:{MARK}.",
    "qualified by a variable": f"M = system, M:{MARK}.",
    "in another module": f"@({MARK}, user).",
    "inside catch": f"catch({MARK}, _, true).",
    "inside findall": f"findall(x, {MARK}, _).",
    "inside forall": f"forall({MARK}, true).",
    "inside a negation": f"\\+ {MARK}.",
    "closure": "maplist(shell, ['touch mark']).",
    "closure in a variable": "P = shell, maplist(P, ['touch mark']).",
    "lambda": "maplist([X]>>shell(X), ['touch mark']).",
    "goal built with univ": "G =.. [shell, 'touch mark'], call(G).",
    "goal built from text": "atom_concat(she, ll, P), call(P, 'touch mark').",
    "goal read from text": f'term_to_atom(G, "{MARK}"), call(G).',
    "goal of the state": "state(goal, A), term_to_atom(G, A), G.",
    "a rule of the block": f"p :- {MARK}.\np, true.",
    "directive": f":- {MARK}.",
    "initialization": f":- initialization({MARK}).",
    "initialization goal": f"initialization({MARK}).",
    "cleanup": f"setup_call_cleanup(true, true, {MARK}).",
    "format": f"format('~@', [{MARK}]).",
    "format of a variable": f"F = '~@', format(F, [{MARK}]).",
    "message": f"print_message(error, format('~@', [{MARK}])).",
    "frozen goal": f"freeze(X, {MARK}), X = 1.",
    "goal frozen before its rule": f"freeze(X, p), nb_setval(k, X).\np :- {MARK}.\nnb_getval(k, X), X = 1.",
    "unification hook": f"attr_unify_hook(_, _) :- {MARK}.\nput_attr(X, tea_block, 1), X = 2.",
    "term expansion": f"term_expansion(a, b) :- {MARK}.\na(1).",
    "goal expansion": f"goal_expansion(a, b) :- {MARK}.\na, true.",
    "term expansion by a guarded rule": f"term_expansion(a, X) => {MARK}, X = b.\na(1).",
    "condition of a rule": f"p(X), {MARK}, X = 1 => true.\np(1), true.",
    "condition of an asserted rule": f"assertz((p(_), {MARK} => true)), p(1).",
    "asserted rule of the other kind": f"assertz((p => {MARK})), p.",
    "asserted rule through call": f"call(assertz, (p => {MARK})), p.",
    "asserted rule through assert": f"maplist(assert, [(p => {MARK})]), p.",
    "rule with an arrow of its own": f"'?=>'(p, {MARK}).\np, true.",
    "condition of a loaded rule": "tea_load_facts('p(_), shell(\"touch mark\") => true.'), p(1).",
    "handler of a signal": f"intercept(send_signal(x), x, {MARK}).",
    "listener": f"listen(x, {MARK}), broadcast(x).",
    "stream of the worker": "nb_getval('$tea_answers', S), call(write, S, x).",
    "quasi quotation": ":- quasi_quotation_syntax(foo).\ntrue.",
    "portray": f"portray(_) :- {MARK}.\nprint(x).",
    "a goal for later": f"at_halt({MARK}), true.",
    "tabling": f":- table p/0.\np :- {MARK}.\np, true.",
    "asserted rule": f"assertz((p :- {MARK})), p.",
    "asserted rule in a variable": f"C = (p :- {MARK}), assertz(C), p.",
    "assert into user": "assertz(user:p(1)).",
    "assert into system": "assertz(system:p(1)).",
    "assert into a variable module": "M = user, assertz(M:p(1)).",
    "assert a rule of another module": "assertz((user:p :- true)).",
    "clause of another module": "user:p :- true.",
    "fact for the sandbox itself": "sandbox:safe_primitive(system:shell(_)).",
    "retract from the guard": "retractall(tea_guard:sandboxed).",
    "call the worker": 'tea_answer:answer(["done"]).',
    "loaded directive": "tea_load_code(':- shell(\"touch mark\").').",
    "loaded goal": "tea_load_code('shell(\"touch mark\").').",
    "loaded rule": "tea_load_code('p :- shell(\"touch mark\").').",
    "loaded rule as fact": "tea_load_facts('p :- shell(\"touch mark\").').",
    "loaded clause of another module": "tea_load_facts('user:p(1).').",
    "absolute_file_name": "absolute_file_name('~', F), return(f, F).",
    "exists_file": "exists_file('evil.pl').",
    "directory_files": "directory_files('.', L), return(l, L).",
    "read_file_to_string": "read_file_to_string('evil.pl', S, []), return(s, S).",
    "a parser that opens files": "load_structure('evil.pl', D, []), return(d, D).",
    "see": "see('evil.pl').",
    "prolog_load_context": "prolog_load_context(directory, D), return(d, D).",
    "environment": "getenv('PATH', P), return(p, P).",
    "change the environment": "setenv(a, b).",
    "change the folder": "chdir('/').",
    "read": "read(X), return(x, X).",
    "read_term": "read_term(user_input, X, []), return(x, X).",
    "streams": "stream_property(S, mode(append)), format(S, x, []).",
    "threads": f"thread_create({MARK}, _).",
    "messages to threads": "thread_send_message(main, x).",
    "sockets": "tcp_socket(_).",
    "flags of the process": "set_prolog_flag(access_level, system).",
    "modules": "set_module(tea_block:base(sandbox)).",
    "operators elsewhere": ":- op(700, xfx, user:(===>)).\ntrue.",
    "variables of the worker": "nb_setval('$tea_answers', x).",
    "signals": f"on_signal(int, _, {MARK}).",
    "recorded database": "recorda(a, b).",
    "clauses elsewhere": "clause(tea_guard:sandboxed, B), return(b, B).",
}


@pytest.mark.parametrize("block", WAYS_OUT.values(), ids=WAYS_OUT)
def test_a_way_out_is_refused(block: str, folder: Path) -> None:
    with pytest.raises(SandboxViolation) as caught:
        run(block, {"goal": MARK})
    assert caught.value.exit_code == 11
    assert caught.value.node == "n"
    assert caught.value.spot is not None
    assert {path.name for path in folder.iterdir()} == {"flow.yaml", "evil.pl"}


def test_the_block_after_a_refused_one_is_sandboxed_too() -> None:
    for _ in range(2):
        with pytest.raises(SandboxViolation):
            run(f"{MARK}.")
    assert run("return(a, 1).") == {"a": 1}


@pytest.mark.parametrize(
    ("block", "named"), [("consult(evil).", "consult/1"), ("p :- ls.\np, true.", "ls/0"), ("catch(cd(a), _, true).", "cd/1")]
)
def test_what_the_block_called_is_named(block: str, named: str) -> None:
    with pytest.raises(SandboxViolation, match=f"refuses {named}"):
        run(block)


def test_the_line_in_a_loaded_text_is_named() -> None:
    with pytest.raises(SandboxViolation, match=r"refuses shell/1 in line 2 of the text given to tea_load_code/1"):
        run("state(t, T), tea_load_code(T).", {"t": f"a(1).\nb :- {MARK}."})


def test_without_the_sandbox_all_of_prolog_is_there(folder: Path) -> None:
    assert run("shell('touch mark'), return(done, yes).", sandbox=False) == {"done": "yes"}
    assert (folder / "mark").exists()


def test_facts_of_a_model_stay_sandboxed_without_the_sandbox(folder: Path) -> None:
    with pytest.raises(SandboxViolation):
        run("tea_load_facts('p :- shell(\"touch mark\").'), p.", sandbox=False)
    assert not (folder / "mark").exists()


def test_output_and_programs_do_not_meet_the_protocol(capfd: pytest.CaptureFixture[str]) -> None:
    block = """\
        format(user_output, '["done"]~n["return","a",0]~n', []), flush_output.
        shell('echo "[\\\\"done\\\\"]"; cat').
        catch(read(X), _, X = nothing), ( X == end_of_file -> true ; throw(X) ).
        return(a, 1)."""
    assert run(block, sandbox=False) == {"a": 1}
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.count('["done"]') == 2


@pytest.mark.parametrize(
    "block",
    [
        "nb_setval(k, 1), nb_getval(k, 1).",
        "format('~w~n', [x]), print(x), nl, portray_clause(f(_)), writeln(user_error, y).",
        "length(L, 2), maplist(=(x), L), foldl([_, A, B]>>(B is A + 1), L, 0, 2).",
        "catch(atom_length(_, _), error(instantiation_error, _), true).",
        "list_to_assoc([a-1], A), get_assoc(a, A, 1).",
        "setof(K-V, member(K-V, [b-1, a-2]), [a-2, b-1]).",
        "random_between(1, 1, 1), get_time(_), succ(1, 2).",
        "vertices_edges_to_ugraph([a], [a-b], G), top_sort(G, [a, b]).",
        "X #> 1, X #< 3, X == 2.",
        "dif(X, a), X = b.",
        "findall(X, limit(2, member(X, [a, b, c])), [a, b]).",
        "assertz(p(1)), retract(p(1)), retractall(p(_)).",
        'string_concat(X, b, "ab"), split_string("a b", " ", "", ["a", "b"]), X == "a".',
        ":- use_module(library(dcg/basics)).\nphrase(integer(1), `1`).",
        "print_message(error, format('~w', [x])).",
        "p(X), X > 0 => true.\np(_) => fail.\np(1), \\+ p(-1).",
        "assertz((p(X), X > 0 => true)), p(1).",
        "assertz((p(X) :- X > 0)), p(1), maplist(assertz, [q(1), q(2)]), q(2).",
        "current_op(700, xfx, is), current_predicate(append/3).",
    ],
)
def test_what_is_harmless_is_not_refused(block: str) -> None:
    assert run(block + "\nreturn(reached, yes).") == {"reached": "yes"}


def test_a_refusal_is_an_error_of_the_program() -> None:
    assert issubclass(SandboxViolation, TeaError)
    assert not issubclass(SandboxViolation, NodeFailed)
