"""A workflow file → an agent, or everything that is wrong with the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from the_edge_agent.actions.library import Library
from the_edge_agent.actions.survey import Survey
from the_edge_agent.agent.agent import Agent
from the_edge_agent.errors import Problem, Refused, WorkflowInvalid, at_node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from the_edge_agent.llm.options import LlmOptions
    from the_edge_agent.workflow.model import Workflow


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
    found, problems = survey(path, overlays=overlays, actions_modules=actions_modules, actions_files=actions_files)
    return (found.workflow if found else None), problems


def survey(
    path: Path | str,
    *,
    overlays: Sequence[Path] = (),
    actions_modules: Sequence[str] = (),
    actions_files: Sequence[Path] = (),
) -> tuple[Survey | None, tuple[Problem, ...]]:
    """As :func:`read`, with what the workflow needs."""
    library = Library(tuple(actions_modules), tuple(actions_files))
    workflow, problems = _read(Path(path), overlays, library)
    broken = workflow is None or any(problem.severity == "error" for problem in problems)
    return (None if workflow is None or broken else Survey(workflow, library.of)), problems


def _read(path: Path, overlays: Sequence[Path], library: Library) -> tuple[Workflow | None, tuple[Problem, ...]]:
    from the_edge_agent.workflow.parse import in_order, parse

    workflow, problems = parse(path, overlays)
    if workflow is None:
        return None, problems
    return workflow, in_order([*problems, *library.add(workflow), *_check_insides(Survey(workflow, library.of))])


def _check_insides(survey: Survey) -> list[Problem]:
    """What is wrong inside nodes: code that is no code, actions that do not exist, parameters they do not take."""
    from the_edge_agent import languages
    from the_edge_agent.actions import check

    inside = [at_node(problem, found.node.name) for found in survey.code for problem in languages.check(found.code)]
    return [*languages.told_once(inside), *check.check(survey)]


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
    from the_edge_agent import actions
    from the_edge_agent.workflow.parse import parse

    workflow, _ = parse(path, overlays)
    found: list[str] = []
    if workflow is not None:
        # Its own actions are not loaded: their imports are refused anyway.
        known = actions.builtin()
        survey = Survey(workflow, lambda _: known)
        found = list(dict.fromkeys(f"node '{code.node.name}'" for code in survey.code))
        found += [f"import of {item.path or item.package}" for item in survey.imports]
    found += ["actions files or modules"] if extra else []
    if found:
        raise Refused(
            f"the workflow runs code, which --no-code refuses: {', '.join(found)}",
            hint="look at it (tea inspect), then run without --no-code",
        )
