"""Agents made from workflow texts, and the end of their threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from the_edge_agent.agent import Agent, load

if TYPE_CHECKING:
    from pathlib import Path

AgentOf = Callable[[str], Agent]


@pytest.fixture
def agent_of(tmp_path: Path) -> Iterator[AgentOf]:
    with ExitStack() as stack:

        def make(text: str) -> Agent:
            path = tmp_path / "flow.yaml"
            path.write_text(dedent(text), encoding="utf-8")
            return stack.enter_context(load(path))

        yield make


@pytest.fixture
def gone() -> Callable[[str], bool]:
    """Whether all threads whose names begin so come to their end."""

    def gone(prefix: str) -> bool:
        threads = [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]
        for thread in threads:
            thread.join(60)
        return not any(thread.is_alive() for thread in threads)

    return gone
