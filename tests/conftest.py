"""For all tests: programs they start meet signals as they would in a terminal, and what runs Prolog is skipped where there is none."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

from the_edge_agent.languages import swipl

# How fast this machine is today is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """Undo what a job in the background inherits: ignored signals stay ignored in every program that is started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``prolog`` where SWI-Prolog is not installed."""
    if swipl.executable() is None:
        missing = pytest.mark.skip(reason=f"needs SWI-Prolog: {swipl.INSTALL}")
        for item in items:
            if item.get_closest_marker("prolog"):
                item.add_marker(missing)
