"""Known ways out of a Jinja template, and ways to exhaust the machine: every one is refused."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest

from the_edge_agent.errors import NodeFailed, Problem
from the_edge_agent.workflow.template import compile_condition, compile_text

STATE: dict[str, Any] = {"n": 1, "s": "text", "xs": [1, 2], "m": {"a": 1}, "key": "__class__"}


def outcome(text: str) -> str:
    """``refused``, or what was rendered; the state must be as before."""
    state = copy.deepcopy(STATE)
    found: list[Problem] = []
    value = compile_text(text, key="with.x", spot=None, report=found.append)
    if found:
        return "refused"
    try:
        return f"rendered {value.render({'state': state, 'variables': {}})!r:.200}"
    except NodeFailed:
        return "refused"
    finally:
        assert state == STATE


ESCAPES = [
    "''.__class__.__mro__[1].__subclasses__()",
    "''['__class__']",
    "''.__class__",
    "().__class__.__base__.__subclasses__()",
    "[].__class__.__base__",
    "{}.__class__",
    "(1).__class__",
    "state.__class__",
    "state['__class__'].__init__",
    "state.__init__.__globals__",
    "state[state.key].__mro__",
    "state.xs.__len__",
    "state.s.__add__('x')",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "cycler('a').__init__.__globals__",
    "joiner.__init__.__globals__",
    "joiner().__class__",
    "namespace.__init__.__globals__",
    "namespace().__class__",
    "lipsum.__globals__['os']",
    "lipsum()",
    "dict.__base__",
    "dict.mro()",
    "range.__class__",
    "range(1).__class__",
    "self._TemplateReference__context",
    "self.__init__.__globals__",
    "request.application.__globals__",
    "request|attr('application')",
    "config.items()",
    "url_for.__globals__",
    "get_flashed_messages.__globals__",
    "''|attr('__class__')",
    "state|attr('__class__')",
    "''|attr('__cla' ~ 'ss__')",
    "state.s|attr(['__class__']|first)",
    "[state.s]|map(attribute='__class__')|list",
    "[state.s]|map('attr', '__class__')|list",
    "[state.s]|groupby('__class__')",
    "[state.s]|sort(attribute='__class__')",
    "[state.s]|sum('__class__')",
    "[state.s]|join('', '__class__')",
    "[state.s]|unique(attribute='__class__')|list",
    "[state.s]|selectattr('__class__')|list",
    "'{0.__class__}'.format('')",
    "'{0.__class__.__mro__}'.format(state)",
    "'{0[__class__].__init__}'.format(state)",
    "'{x.__class__}'.format_map({'x': 1})",
    "('{0.__class_' ~ '_}').format(1)",
    "('{0.__class__}'|attr('format'))(1)",
    "'{0.__class__}'|attr('format')('')",
    "['{0.__class__}']|map('attr', 'format')|first",
    "'%c%c' % (1, )",
    "'%s' | format(state.__class__)",
    "('%c' % 95 * 2 ~ 'class' ~ '%c' % 95 * 2)|attr('x').__class__",
    "''['%c%cclass%c%c' % (95, 95, 95, 95)]",
    "''['\\x5f\\x5fclass\\x5f\\x5f']",
    "''['\\u005f_class__']",
    "''['_' * 2 ~ 'class' ~ '_' * 2]",
    "''[dict(__class__=1)|list|first]",
    "(state.m.items()|list).append(1)",
    "state.update({'n': 2})",
    "state.update(n=2)",
    "state.pop('n')",
    "state.clear()",
    "state.setdefault('z', 1)",
    "state.popitem()",
    "state['update']({'n': 2})",
    "state|attr('update')({'n': 2})",
    "state.xs.append(1)",
    "state.xs.extend([1])",
    "state.xs.insert(0, 1)",
    "state.xs.pop()",
    "state.xs.remove(1)",
    "state.xs.clear()",
    "state.xs.sort()",
    "state.xs.reverse()",
    "state.xs|map(attribute='append')|list and state.xs.append(1)",
    "state.m['pop']('a')",
    "open('/etc/passwd')",
    "__import__('os')",
    "eval('1')",
    "caller.__class__",
    "state.values().__class__",
    "(state.xs|map('string')).gi_frame",
    "(state.xs|map('string')).gi_code",
    "state.s.upper.__self__",
    "loop.__class__",
    "state.nowhere.__class__",
    "state.nowhere.__init__.__globals__",
    "state.nowhere._undefined_obj",
    "range.start.__class__",
]
STATEMENTS = [
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% include 'x' %}",
    "{% include state.s %}",
    "{% include 'x' ignore missing %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% set state.n = 2 %}",
    "{% set state = namespace(state) %}{% set state.__class__ = 1 %}{{ state.__class__.__mro__ }}",
    "{% do state.update({'n': 2}) %}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterator.__class__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% with a = ''.__class__ %}{{ a.__mro__ }}{% endwith %}",
    "{% if ''.__class__.__mro__ %}{% endif %}",
    "{% filter attr('__class__') %}x{% endfilter %}",
    "{% print(''.__class__) %}",
    "{% raw %}{% endraw %}{{ ''.__class__ }}",
    "{% debug %}",
    "{% trans %}{{ state.__class__ }}{% endtrans %}",
]
EXHAUSTION = [
    "{{ 'x' * 10**9 }}",
    "{{ 10**9 * 'x' }}",
    "{{ [0] * 10**9 }}",
    "{{ 10**(10**10) }}",
    "{{ (10**1000)**(10**6) }}",
    "{{ range(10**9) }}",
    "{{ range(10**9)|list }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%.1000000000f' % 1 }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{w}}'.format(1, w=1000000000) }}",
    "{{ '{x:1000000000}'.format_map({'x': 1}) }}",
    "{{ ('{0}' * 1000).format('x' * 100000) }}",
    "{{ ('%(a)s' * 1000) % {'a': 'x' * 100000} }}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'.center(10**9) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ 'x'.rjust(10**9) }}",
    "{{ 'x'.zfill(10**9) }}",
    "{{ '\t'.expandtabs(10**9) }}",
    "{{ ('\t' * 100000).expandtabs(100000) }}",
    "{{ (1).to_bytes(10**9, 'big') }}",
    "{{ 'x'|indent(10**9, true) }}",
    "{{ 'x\n\nx'|indent('y' * 10**9) }}",
    "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
    "{{ ('x' * 100000)|replace('x', 'y' * 100000) }}",
    "{{ ('x' * 100000).replace('', 'y' * 1000) }}",
    "{{ ('y' * 100000).join(['a'] * 100000) }}",
    "{{ (['a'] * 100000)|join('y' * 100000) }}",
    "{{ ('x' * 100000).translate({120: 'y' * 100000}) }}",
    "{{ ('x ' * 100000)|wordwrap(1, wrapstring='y' * 100000) }}",
    "{{ [1]|batch(10**9, 'x')|list }}",
    "{{ [1]|slice(10**9)|list }}",
    "{{ [1]|tojson(indent=10**9) }}",
    "{{ [1]|json(indent=10**9) }}",
    "{{ [['x' * 10000000], ['x' * 10000000]]|map('first')|join }}",
    "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x]|sum(start=[]) %}{% endfor %}",
    "{% set ns = namespace(x=3) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
    "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = d(ns.x) %}{% endfor %}",
    "{% for i in range(100000) %}{{ 'x' * 1000000 }}{% endfor %}",
    "{{ ('[' * 200000) | fromjson }}",
]


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_escape_is_refused(expression: str) -> None:
    assert outcome(f"{{{{ {expression} }}}}") == "refused"
    assert outcome(f"text {{{{ {expression} }}}}") == "refused"


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_escape_in_a_condition_is_refused_or_false(expression: str) -> None:
    found: list[Problem] = []
    state = copy.deepcopy(STATE)
    condition = compile_condition(expression, key="when", spot=None, report=found.append)
    if not found:
        with contextlib.suppress(NodeFailed):
            assert not condition.holds({"state": state})
    assert state == STATE


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement_that_leaves_the_template_is_refused(text: str) -> None:
    assert outcome(text) == "refused"


@pytest.mark.parametrize("text", EXHAUSTION, ids=range(len(EXHAUSTION)))
def test_absurd_sizes_are_refused(text: str) -> None:
    assert outcome(text) == "refused"


def test_a_key_of_the_data_may_look_like_an_attribute() -> None:
    value = compile_text("{{ state.__error__ }}", key="k", spot=None, report=lambda problem: pytest.fail(str(problem)))
    assert value.render({"state": {"__error__": "data"}}) == "data"
