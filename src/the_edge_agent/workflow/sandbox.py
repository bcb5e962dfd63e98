"""The one Jinja environment of the process: sandboxed, immutable, without a loader, and bounded.

Importing this module imports Jinja, so :mod:`the_edge_agent.workflow.template` does it at the first
template. What a template can do to the machine is limited in three ways: it reaches no attribute that
starts with an underscore and no method that changes data (Jinja's sandbox), it loads no other
template, and an operator, method or filter that would make a text, list or number of absurd size
raises before it does (:mod:`the_edge_agent.workflow.bounds`).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Template
from jinja2.exceptions import SecurityError, TemplateAssertionError
from jinja2.meta import find_undeclared_variables
from jinja2.nodes import EvalContext
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter
from jinja2.utils import missing

from the_edge_agent.workflow.bounds import OPERATORS, bound_method, bound_text, bound_widths, bounded_join
from the_edge_agent.workflow.filters import filters
from the_edge_agent.workflow.values import Missing, kind_of, printable

Root = Callable[[Context], Iterable[str]]


class RenderContext(Context):
    """What a compiled template reads its names from; made for every rendering, so it does as little as it can."""

    def __init__(self, given: Mapping[str, Any], owner: Sandbox) -> None:
        self.given = given
        self.parent: dict[str, Any] = owner.globals
        self.vars: dict[str, Any] = {}
        self.environment: Sandbox = owner
        self.eval_ctx = owner.eval_context
        self.exported_vars: set[str] = set()
        self.name = None
        self.blocks = {}

    def resolve_or_missing(self, key: str) -> Any:
        """The value of a root name: set in the template, given, or one of Jinja's."""
        if key in self.vars:
            return self.vars[key]
        if key in self.given:
            return self.given[key]
        return self.parent.get(key, missing)


class _Generator(CodeGenerator):
    """Jinja's code generator with a bounded ``~``, the one operator the sandbox cannot intercept."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - the name Jinja's visitor looks for
        self.write("environment.concatenation((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Formatter(SandboxedFormatter):
    """One call of ``str.format``."""

    made = 0

    def format_field(self, value: Any, format_spec: str) -> str:
        """The text of one field."""
        bound_widths(format_spec)
        text = str(super().format_field(value, format_spec))
        self.made += len(text)
        bound_text(self.made)
        return text


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment; use :func:`environment`."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(bounded_join)

    def __init__(self) -> None:
        super().__init__(undefined=Missing, keep_trailing_newline=True, finalize=printable, cache_size=0, autoescape=False)
        del self.globals["lipsum"]
        self.filters.update(filters())
        self.tests["none"] = lambda value: value is None or isinstance(value, Undefined)
        self.eval_context = EvalContext(self)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a mapping beats its methods, so ``state.items`` is the key where there is one."""
        if isinstance(obj, Mapping):
            try:
                return obj[attribute]
            except (KeyError, TypeError):
                pass
        return super().getattr(obj, attribute)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Raise at once, where Jinja would go on with something undefined."""
        raise SecurityError(f"{attribute!r} of {kind_of(obj)} is out of reach of a template")

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """``str.format`` without access to attributes and with bounded widths."""
        if super().wrap_str_format(value) is None:
            return None
        text, whole = value.__self__, value.__name__ == "format_map"

        def formatted(*args: Any, **kwargs: Any) -> str:
            return str(_Formatter(self).vformat(text, () if whole else args, args[0] if whole else kwargs))

        return formatted

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        """An intercepted operator, within bounds."""
        OPERATORS[operator](left, right)
        return self.binop_table[operator](left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, within bounds."""
        if type(obj) is types.BuiltinMethodType:
            args = bound_method(obj, args)
        return super().call(context, obj, *args, **kwargs)

    def concatenation(self, parts: tuple[Any, ...]) -> str:
        """What ``~`` does."""
        return bounded_join(str(printable(part)) for part in parts)

    def names(self, values: Mapping[str, Any]) -> RenderContext:
        """What a compiled template is called with."""
        return RenderContext(values, self)

    def dollar(self, context: RenderContext, name: str) -> str:
        """What ``${name}`` stands for: the workflow variable of this name, else itself."""
        variables = context.given.get("variables") or {}
        return str(variables[name]) if name in variables else f"${{{name}}}"

    def expression(self, text: str) -> nodes.Expr:
        """Parse one expression without braces; raises ``TemplateSyntaxError``."""
        parser = Parser(self, text, state="variable")
        found = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {str(parser.stream.current)!r} after the expression")
        found.set_environment(self)
        return found

    def root(self, body: list[nodes.Node]) -> Root:
        """Compile ``body``; raises ``TemplateError`` for what it must not contain and for unknown filters and tests."""
        tree = nodes.Template(body, lineno=1)
        tree.set_environment(self)
        for node in tree.find_all(_REFUSED):
            raise TemplateAssertionError(f"'{_REFUSED_NAMES.get(type(node), type(node).__name__)}' is not available here", node.lineno)
        found: Root = Template.from_code(self, self.compile(tree), self.globals).root_render_func
        return found

    def unknown(self, tree: nodes.Template | nodes.Expr, known: frozenset[str]) -> list[str]:
        """Root names that ``tree`` reads and nobody defines."""
        template = tree if isinstance(tree, nodes.Template) else nodes.Template([nodes.Output([tree])], lineno=1)
        template.set_environment(self)
        names = find_undeclared_variables(template)
        names.update(name.name for name in template.find_all(nodes.Name) if name.name == "self")
        return sorted(names - known - self.globals.keys())


_REFUSED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block, nodes.EvalContextModifier)
_REFUSED_NAMES: dict[type[nodes.Node], str] = {
    nodes.FromImport: "from … import",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.ScopedEvalContextModifier: "autoescape",
}


class _Shared:
    """Holds the environment of the process."""

    environment: ClassVar[Sandbox | None] = None


def environment() -> Sandbox:
    """The environment of this process, made at the first call."""
    if _Shared.environment is None:
        _Shared.environment = Sandbox()
    return _Shared.environment
