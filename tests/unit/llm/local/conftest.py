"""The built-in model, loaded once for a file of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from the_edge_agent.llm.local.backend import LocalBackend
from the_edge_agent.llm.options import LoadParameters
from the_edge_agent.models import builtin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def backend() -> Iterator[LocalBackend]:
    made = LocalBackend(builtin.path(), LoadParameters(n_threads=1))
    yield made
    made.close()
