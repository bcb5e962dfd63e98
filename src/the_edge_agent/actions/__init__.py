"""What ``uses:`` can name: a registry and one file a namespace, loaded when a name of it is looked up."""

from __future__ import annotations

from the_edge_agent.actions.registry import Registry

_HERE = "the_edge_agent.actions"

NAMESPACES = {
    "json": f"{_HERE}.json",
    "csv": f"{_HERE}.csv",
    "data": f"{_HERE}.data",
    "file": f"{_HERE}.file",
    "http": f"{_HERE}.http",
    "memory": f"{_HERE}.memory",
    "ltm": f"{_HERE}.ltm",
    "markdown": f"{_HERE}.markdown",
    "notify": f"{_HERE}.text",
    "template": f"{_HERE}.text",
    "secrets": f"{_HERE}.secrets",
    "cache": f"{_HERE}.wrap",
    "ratelimit": f"{_HERE}.wrap",
    "retry": f"{_HERE}.wrap",
    "error": f"{_HERE}.error",
    "checkpoint": f"{_HERE}.checkpoint",
    "code": f"{_HERE}.code",
    "llm": f"{_HERE}.llm",
    "embedding": f"{_HERE}.embedding",
    "vector": f"{_HERE}.vector",
    "reason": f"{_HERE}.reason",
    "plan": f"{_HERE}.plan",
    "agent": f"{_HERE}.agent",
    "reflection": f"{_HERE}.reflection",
}


def builtin() -> Registry:
    """A fresh registry with every built-in action."""
    return Registry(NAMESPACES)
