"""What an agent gives its engine: actions, languages, secrets, and things that outlive a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import NodeFailed, WorkflowInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.engine.scope import ActionFunction, Program, Resources, Scope
    from the_edge_agent.errors import Problem
    from the_edge_agent.workflow.model import Code, Workflow


def secrets_from(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The variables that start with ``prefix``, by the lowercased rest of their names."""
    return {name[len(prefix) :].lower(): value for name, value in environ.items() if name.startswith(prefix) and name != prefix}


class Library:
    """The actions each workflow of an agent can name: the built-in ones, the command line's, and its own ``imports``.

    A module is imported once, when the workflow that names it is first added.
    """

    def __init__(self, modules: tuple[str, ...] = (), files: tuple[Path, ...] = ()) -> None:
        """Load ``--actions-module`` and ``--actions-file``.

        Raises:
            WorkflowInvalid: one of them cannot be loaded; all that cannot are named.
        """
        from the_edge_agent import actions

        self._base = actions.builtin()
        # A workflow is kept beside its registry, so that its identity stays taken.
        self._registries: dict[int, tuple[Workflow, Registry]] = {}
        if modules or files:
            from the_edge_agent.actions.custom import load_file, load_module

            problems = [problem for name in modules for problem in load_module(name, self._base)]
            problems += [problem for file in files for problem in load_file(file, self._base)]
            if problems:
                raise WorkflowInvalid(tuple(problems))

    def add(self, workflow: Workflow) -> list[Problem]:
        """Load the imports of ``workflow`` and of its subgraphs; returns what could not be loaded."""
        problems: list[Problem] = []
        for found in workflow.graphs():
            if id(found) in self._registries:
                continue
            registry = self._base
            if found.imports:
                from the_edge_agent.actions.custom import load_imports

                registry = self._base.copy()
                problems += load_imports(found.imports, registry)
            self._registries[id(found)] = (found, registry)
        return problems

    def asks_a_model(self, workflow: Workflow) -> bool:
        """Whether an action of ``workflow`` or of its subgraphs calls a language model."""
        named = (self.of(graph).get(action.name) for graph in workflow.graphs() for _, action in graph.actions())
        return any(found is not None and "llm" in found.needs for found in named)

    def of(self, workflow: Workflow) -> Registry:
        """The actions ``workflow`` can name; it, or a workflow around it, was added."""
        return self._registries[id(workflow)][1]


class AgentHost:
    """The engine's :class:`~the_edge_agent.engine.scope.Host` for one workflow, whose actions are in ``registry``."""

    def __init__(
        self, registry: Registry, library: Library, *, secrets: Mapping[str, str], resources: Resources, code_allowed: bool = True
    ) -> None:
        self.code_allowed = code_allowed
        self.secrets = secrets
        self.resources = resources
        self._library = library
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
        """A host with the subgraph's own actions and the same secrets and resources."""
        registry = self._library.of(workflow)
        return AgentHost(registry, self._library, secrets=self.secrets, resources=self.resources, code_allowed=self.code_allowed)
