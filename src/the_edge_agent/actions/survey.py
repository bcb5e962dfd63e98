"""What a workflow needs, found without running anything of it: the actions it uses, the code, the models, the files.

One walk over the workflow and its subgraphs asks every action's own declaration (:mod:`the_edge_agent.actions.needs`), follows the
actions that it calls, and gathers the code in blocks and inside parameters. All who want to know read the result: the check of a
workflow, ``tea inspect``, ``--no-code``, the check before a run, ``tea bundle``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from the_edge_agent.actions import needs
from the_edge_agent.workflow import model
from the_edge_agent.workflow.nodes import marked_language

if TYPE_CHECKING:
    from the_edge_agent.actions.needs import Block, Call, Question
    from the_edge_agent.actions.registry import Action, Registry
    from the_edge_agent.errors import Spot
    from the_edge_agent.workflow.model import Node, Path, Workflow

RegistryOf = Callable[["Workflow"], "Registry"]


@dataclass(frozen=True, slots=True)
class Use:
    """An action that a node will call, itself or through another action.

    Attributes:
        workflow: the one whose settings and imports count.
        name: as written; before the run it may be a template.
        action: the registered action; ``None`` when there is none, or nobody knows yet.
        parameters: as written.
        written: the node's own ``uses`` that leads to it.
        at: where ``parameters`` stand in those of ``written``.
        by: the use that calls this one; ``None`` for a node's own.
        filled: parameters that get their value only when the call is made; ``None``: all of them.
    """

    workflow: Workflow
    node: Node
    name: str
    action: Action | None
    parameters: Mapping[str, Any]
    written: model.Action
    at: Path = ()
    by: Use | None = None
    filled: frozenset[str] | None = frozenset()
    named_at: Path = ()

    @property
    def spot(self) -> Spot | None:
        """Where the action is named."""
        return (self.written.place(self.named_at) if self.named_at else None) or self.written.spot or self.node.spot

    def place(self, path: Path) -> Spot | None:
        """Where the parameter at ``path`` stands; where the action is named when it is not there."""
        here: Any = self.parameters
        for step in path:
            if not isinstance(here, Mapping) or step not in here:
                return self.spot
            here = here[step]
        return self.written.place((*self.at, *path)) or self.spot

    @property
    def known(self) -> str:
        """The action's own name, also where an alias is written."""
        return self.action.name if self.action else self.name

    @property
    def given(self) -> needs.Given:
        """What declarations are asked with."""
        return needs.Given(self.parameters, self.workflow.settings)

    def questions(self) -> tuple[Question, ...]:
        """The models it will ask."""
        return tuple(self.action.needs.models(self.given)) if self.action else ()

    def files(self) -> Iterator[tuple[str, str]]:
        """Every file it names: (what names it, path as written)."""
        found = self.action.needs.files(self.given) if self.action else ()
        yield from ((name, path) for name, path in found if isinstance(path, str))


@dataclass(frozen=True, slots=True)
class FoundCode:
    """Code that a node will run; ``use`` is the action in whose parameters it stands, ``None`` for the node's own block."""

    workflow: Workflow
    node: Node
    code: model.Code
    use: Use | None = None


@dataclass(frozen=True, eq=False)
class Survey:
    """What ``workflow`` needs. Everything is in the order of the file, subgraphs after the workflow that names them."""

    workflow: Workflow
    registry_of: RegistryOf = field(repr=False)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every action that a node will call; a caller before what it calls."""
        return tuple(
            use
            for graph in self.workflow.graphs()
            for node, kind in model.own(graph)
            if isinstance(kind, model.Action)
            for use in self._followed(graph, node, kind)
        )

    @cached_property
    def code(self) -> tuple[FoundCode, ...]:
        """Every block of code, those inside parameters included."""
        blocks = [
            FoundCode(graph, node, kind)
            for graph in self.workflow.graphs()
            for node, kind in model.own(graph)
            if isinstance(kind, model.Code)
        ]
        return tuple(blocks + [FoundCode(use.workflow, use.node, code, use) for use in self.uses for code in _blocks(use)])

    @property
    def imports(self) -> tuple[model.Import, ...]:
        """The modules with custom actions, of subgraphs too."""
        return tuple(one for graph in self.workflow.graphs() for one in graph.imports)

    def _followed(self, workflow: Workflow, node: Node, written: model.Action) -> Iterator[Use]:
        first = Use(workflow, node, written.name, self._action(workflow, written.name), written.literals, written)
        waiting = [first]
        while waiting:
            use = waiting.pop()
            yield use
            calls = use.action.needs.calls(use.given) if use.action else ()
            waiting += [self._called(use, call) for call in reversed(list(calls))]

    def _called(self, use: Use, call: Call) -> Use:
        return Use(
            workflow=use.workflow,
            node=use.node,
            name=call.name,
            action=self._action(use.workflow, call.name),
            parameters=call.parameters,
            written=use.written,
            at=(*use.at, *call.parameters_at),
            by=use,
            filled=call.filled,
            named_at=(*use.at, *call.name_at),
        )

    def _action(self, workflow: Workflow, name: str) -> Action | None:
        return None if needs.templated(name) else self.registry_of(workflow).get(name)


def _blocks(use: Use) -> Iterator[model.Code]:
    """The code in the parameters of ``use``. Where nobody knows yet which action it is, every ``run`` there may be code."""
    if use.action is not None:
        found = tuple(use.action.needs.blocks(use.given))
    else:
        found = tuple(runs(use.parameters)) if needs.templated(use.name) else ()
    for block in found:
        yield model.Code(language_of(block), block.text, use.place(block.at))


def language_of(block: Block) -> str:
    """The language of code inside parameters: as said beside it, else by the comment it starts with, else Python."""
    return str(block.language or marked_language(block.text) or "python")


def runs(data: object, at: Path = ()) -> Iterator[Block]:
    """Every text under a key ``run`` in ``data``, at any depth."""
    if isinstance(data, Mapping):
        text = data.get("run")
        if isinstance(text, str):
            yield needs.Block(text, data.get("language"), (*at, "run"))
        for key, value in data.items():
            yield from runs(value, (*at, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from runs(value, (*at, index))
