"""Which actions a workflow and its subgraphs can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from the_edge_agent.errors import WorkflowInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from the_edge_agent.actions.registry import Registry
    from the_edge_agent.errors import Problem
    from the_edge_agent.workflow.model import Workflow


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

    def of(self, workflow: Workflow) -> Registry:
        """The actions ``workflow`` can name; it, or a workflow around it, was added."""
        return self._registries[id(workflow)][1]
