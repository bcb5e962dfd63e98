"""The Edge Agent: YAML workflows that run offline against a local model.

The public surface is small and loaded on first use, so that ``import the_edge_agent``
(and with it ``tea --version``) costs nothing:

* :func:`load` – a workflow file → :class:`Agent`
* :class:`StateGraph` – the same graph built in code
* :class:`Agent` – ``invoke``, ``stream``, ``ainvoke``, ``astream``
* :class:`TeaError` – the root of everything that can fail
"""

from __future__ import annotations

# `typing` costs more to import than `tea --version` takes; type checkers know this spelling too.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from the_edge_agent.agent import Agent, StateGraph, load
    from the_edge_agent.errors import TeaError
    from the_edge_agent.workflow.model import END, START

__version__ = "0.1.0"

__all__ = ["END", "START", "Agent", "StateGraph", "TeaError", "__version__", "load"]

_HOMES = {
    "Agent": "the_edge_agent.agent",
    "StateGraph": "the_edge_agent.agent",
    "load": "the_edge_agent.agent",
    "TeaError": "the_edge_agent.errors",
    "START": "the_edge_agent.workflow.model",
    "END": "the_edge_agent.workflow.model",
}


def __getattr__(name: str) -> object:
    try:
        home = _HOMES[name]
    except KeyError:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message) from None
    from importlib import import_module

    return getattr(import_module(home), name)
