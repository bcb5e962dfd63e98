"""What an agent gives its engine: actions, languages, secrets, and things that outlive a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import NodeFailed, WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.engine.scope import ActionFunction, Program, Resources, Scope
    from the_edge_agent.workflow.model import Code, Workflow


class AgentHost:
    """The engine's :class:`~the_edge_agent.engine.scope.Host`. ``base`` are the actions before any import of a workflow."""

    def __init__(self, base: Registry, registry: Registry, *, secrets: Mapping[str, str], resources: Resources) -> None:
        self.secrets = secrets
        self.resources = resources
        self._base = base
        self._registry = registry
        self._programs: dict[int, tuple[Code, Program]] = {}

    def program(self, code: Code) -> Program:
        """``code``, compiled at the first call."""
        known = self._programs.get(id(code))
        if known is None:
            from the_edge_agent import languages

            # The code is kept beside its program, so that its identity stays taken.
            known = self._programs[id(code)] = (code, languages.program(code))
        return known[1]

    def action(self, name: str) -> ActionFunction:
        """The function of the action ``name``; raises :class:`NodeFailed` when there is none."""
        try:
            return self._registry[name].function
        except KeyError:
            raise NodeFailed(f"there is no action '{name}'", error_type="UnknownAction", hint="list them: tea actions") from None

    def action_view(self, scope: Scope) -> Mapping[str, Any]:
        """The mapping ``actions`` of Python blocks."""
        from the_edge_agent.actions.view import View

        return View(self._registry, scope)

    def subgraph(self, workflow: Workflow) -> AgentHost:
        """A host with the subgraph's own imports on top of the common actions."""
        from the_edge_agent.actions.custom import load_imports

        registry = self._base.copy()
        problems = load_imports(workflow.imports, registry)
        if problems:
            raise WorkflowInvalid(tuple(problems))
        return AgentHost(self._base, registry, secrets=self.secrets, resources=self.resources)


def base_registry(modules: tuple[str, ...], files: tuple[Path, ...]) -> Registry:
    """Built-in actions and those of ``--actions-module`` and ``--actions-file``.

    Raises:
        WorkflowInvalid: one of them cannot be loaded; all that cannot are named.
    """
    from the_edge_agent import actions

    registry = actions.builtin()
    if modules or files:
        from the_edge_agent.actions.custom import load_file, load_module

        problems = [problem for name in modules for problem in load_module(name, registry)]
        problems += [problem for file in files for problem in load_file(file, registry)]
        if problems:
            raise WorkflowInvalid(tuple(problems))
    return registry
