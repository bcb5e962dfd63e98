"""Words that all rooms share."""

from __future__ import annotations

import errno
import os

from the_edge_agent.wording import closest, count, meant, reason


def test_a_near_word_is_named_and_a_far_one_is_not() -> None:
    assert (closest("summarise", ["load", "summarize"]), closest("xyz", ["load"])) == ("summarize", None)
    assert meant("loda", ["load"]) == "did you mean 'load'?"
    assert meant("xyz", ["load"], "there is load") == "there is load"
    assert meant(12, ["123"]) == "did you mean '123'?"


def test_numbers_and_reasons() -> None:
    assert [count(amount, "error") for amount in (0, 1, 2)] == ["0 errors", "1 error", "2 errors"]
    assert reason(OSError(errno.ENOENT, os.strerror(errno.ENOENT))) == "no such file or directory"
    assert reason(OSError()) == "oserror"
