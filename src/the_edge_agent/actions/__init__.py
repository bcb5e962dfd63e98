"""What ``uses:`` can name: a registry, and a sub-room a kind with one file a namespace, loaded when a name of it is looked up."""

from __future__ import annotations

from the_edge_agent.actions.registry import Registry

_HERE = "the_edge_agent.actions"

NAMESPACES = {
    "json": f"{_HERE}.data.json",
    "csv": f"{_HERE}.data.csv",
    "data": f"{_HERE}.data.data",
    "file": f"{_HERE}.outside.file",
    "http": f"{_HERE}.outside.http",
    "memory": f"{_HERE}.memory.memory",
    "ltm": f"{_HERE}.memory.ltm",
    "markdown": f"{_HERE}.data.markdown",
    "notify": f"{_HERE}.data.template",
    "template": f"{_HERE}.data.template",
    "secrets": f"{_HERE}.outside.secrets",
    "cache": f"{_HERE}.control.wrap",
    "ratelimit": f"{_HERE}.control.wrap",
    "retry": f"{_HERE}.control.wrap",
    "error": f"{_HERE}.control.error",
    "checkpoint": f"{_HERE}.control.checkpoint",
    "code": f"{_HERE}.control.code",
    "llm": f"{_HERE}.model.llm",
    "embedding": f"{_HERE}.model.embedding",
    "vector": f"{_HERE}.memory.vector",
    "reason": f"{_HERE}.model.reason",
    "plan": f"{_HERE}.model.plan",
    "agent": f"{_HERE}.model.agent",
    "reflection": f"{_HERE}.model.reflection",
}


def builtin() -> Registry:
    """A fresh registry with every built-in action."""
    return Registry(NAMESPACES)
