"""A workflow file → an agent, or everything that is wrong with the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.actions.library import Library
from the_edge_agent.agent.agent import Agent
from the_edge_agent.errors import Problem, Refused, WorkflowInvalid, at_node
from the_edge_agent.workflow.model import Action, Code, Workflow, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.workflow.model import Kind


def read(
    path: Path | str,
    *,
    overlays: Sequence[Path] = (),
    actions_modules: Sequence[str] = (),
    actions_files: Sequence[Path] = (),
) -> tuple[Workflow | None, tuple[Problem, ...]]:
    """Read and check a workflow file without running anything of it but its ``imports``.

    Returns the workflow (``None`` when it has errors) and every problem found, in file order, warnings included.

    Raises:
        UsageError: a file cannot be read at all.
    """
    library = Library(tuple(actions_modules), tuple(actions_files))
    workflow, problems = _read(Path(path), overlays, library)
    return (None if any(problem.severity == "error" for problem in problems) else workflow), problems


def _read(path: Path, overlays: Sequence[Path], library: Library) -> tuple[Workflow | None, tuple[Problem, ...]]:
    from the_edge_agent.workflow.parse import in_order, parse

    workflow, problems = parse(path, overlays)
    if workflow is None:
        return None, problems
    return workflow, in_order([*problems, *_check_insides(workflow, library)])


def _check_insides(workflow: Workflow, library: Library) -> list[Problem]:
    """What is wrong inside nodes: code that is no code, actions that do not exist, parameters they do not take."""
    from the_edge_agent import languages
    from the_edge_agent.actions import check

    imported, inside = library.add(workflow), list[Problem]()
    for node, kind in walk(workflow):
        for code in _code_in(kind):
            # A block inside parameters has no place of its own: the action's serves.
            place = kind.spot if isinstance(kind, Action) else None
            found = (problem if problem.spot else replace(problem, spot=place) for problem in languages.check(code))
            inside += [at_node(problem, node.name) for problem in found]
    return [*imported, *languages.told_once(inside), *check.check(workflow, library.of(workflow), library.of)]


def load(
    path: Path | str,
    *,
    overlays: Sequence[Path] = (),
    actions_modules: Sequence[str] = (),
    actions_files: Sequence[Path] = (),
    secrets: Mapping[str, str] | None = None,
    llm: LlmOptions | None = None,
    allow_code: bool = True,
) -> Agent:
    """A workflow file → an agent ready to run.

    Raises:
        WorkflowInvalid: with all problems.
        UsageError: a file cannot be read.
        ModelUnavailable: a node needs a model that is not there.
        Refused: there is code (blocks, imports, action files) and ``allow_code`` is false.
    """
    if not allow_code:
        _refuse_code(Path(path), overlays, bool(actions_modules or actions_files))
    library = Library(tuple(actions_modules), tuple(actions_files))
    workflow, problems = _read(Path(path), overlays, library)
    if workflow is None or any(problem.severity == "error" for problem in problems):
        raise WorkflowInvalid(problems)
    agent = Agent(workflow, secrets=secrets, llm=llm, library=library, allow_code=allow_code)
    agent.problems = problems
    return agent


def _refuse_code(path: Path, overlays: Sequence[Path], extra: bool) -> None:  # noqa: FBT001 - private, called once
    """Refuse before a line of a workflow's code is imported or compiled."""
    from the_edge_agent.workflow.parse import parse

    workflow, _ = parse(path, overlays)
    found = [] if workflow is None else [f"node '{node.name}'" for node, kind in walk(workflow) if _code_in(kind)]
    graphs = () if workflow is None else workflow.graphs()
    found += [f"import of {item.path or item.package}" for graph in graphs for item in graph.imports]
    found += ["actions files or modules"] if extra else []
    if found:
        raise Refused(
            f"the workflow runs code, which --no-code refuses: {', '.join(found)}",
            hint="look at it (tea inspect), then run without --no-code",
        )


def _code_in(kind: Kind) -> tuple[Code, ...]:
    """The code of a node's kind: its block, or those inside the parameters of a ``reflection.*`` action."""
    if isinstance(kind, Action) and kind.name.startswith("reflection."):
        from the_edge_agent.actions.model.reflection import blocks

        return blocks(kind)
    return (kind,) if isinstance(kind, Code) else ()
