"""A workflow with everything it needs to run: what Python programs and the command line call."""

from __future__ import annotations

from the_edge_agent.agent.agent import Agent
from the_edge_agent.agent.host import secrets_from
from the_edge_agent.agent.loading import load, read, survey
from the_edge_agent.engine.run import OnInterrupt
from the_edge_agent.engine.stategraph import StateGraph

__all__ = ["Agent", "OnInterrupt", "StateGraph", "load", "read", "secrets_from", "survey"]
