"""The JSON Schema of a workflow file, for editors: the dialect's shapes in another notation."""

from __future__ import annotations

from typing import Any

from the_edge_agent.workflow.dialect import DEFINITIONS, WORKFLOW


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) that accepts what the parser's shapes accept.

    Rules that concern several places at once (an edge to a node that does not exist) are not part of it.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **WORKFLOW.schema(),
        "title": "The Edge Agent workflow",
        "$defs": {name: shape.schema() for name, shape in DEFINITIONS.items()},
    }
