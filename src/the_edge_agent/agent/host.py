"""What an agent gives its engine: actions, languages, secrets, and things that outlive a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from the_edge_agent.errors import NodeFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from the_edge_agent.actions.library import Library
    from the_edge_agent.actions.registry import Action, Registry
    from the_edge_agent.engine.scope import ActionFunction, Program, Scope
    from the_edge_agent.llm.connect import Models
    from the_edge_agent.resources import Resources
    from the_edge_agent.workflow.model import Code, Workflow


def secrets_from(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The variables that start with ``prefix``, by the lowercased rest of their names."""
    return {name[len(prefix) :].lower(): value for name, value in environ.items() if name.startswith(prefix) and name != prefix}


class AgentHost:
    """The engine's :class:`~the_edge_agent.engine.scope.Host` for one workflow, whose actions are in ``registry``."""

    def __init__(
        self,
        registry: Registry,
        library: Library,
        *,
        secrets: Mapping[str, str],
        resources: Resources,
        models: Models,
        code_allowed: bool = True,
    ) -> None:
        self.code_allowed = code_allowed
        self.secrets = secrets
        self.resources = resources
        self.models = models
        self._library = library
        self._registry = registry
        self._programs: dict[int, tuple[Code, Program]] = {}
        self._actions: dict[str, Action | None] = {}

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
        found = self._action(name)
        if found is None:
            raise NodeFailed(f"there is no action '{name}'", error_type="UnknownAction", hint="list them: tea actions")
        return found.function

    def deferred(self, name: str) -> frozenset[str]:
        """The parameters that the action ``name`` renders itself."""
        found = self._action(name)
        return found.needs.deferred if found else frozenset()

    def _action(self, name: str) -> Action | None:
        """The action ``name``, looked up once."""
        if name not in self._actions:
            self._actions[name] = self._registry.get(name)
        return self._actions[name]

    def action_view(self, scope: Scope) -> Mapping[str, Any]:
        """The mapping ``actions`` of Python blocks."""
        from the_edge_agent.actions.view import View

        return View(self._registry, scope)

    def subgraph(self, workflow: Workflow) -> AgentHost:
        """A host with the subgraph's own actions; everything else is the same."""
        return AgentHost(
            self._library.of(workflow),
            self._library,
            secrets=self.secrets,
            resources=self.resources,
            models=self.models,
            code_allowed=self.code_allowed,
        )
