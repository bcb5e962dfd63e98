"""For all tests: programs they start meet signals as they would in a terminal."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Undo what a job in the background inherits: ignored signals stay ignored in every program that is started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
