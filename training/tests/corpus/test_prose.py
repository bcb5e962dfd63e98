"""Small pieces of English."""

from __future__ import annotations

import pytest

from tea_training.corpus.prose import plural


@pytest.mark.parametrize(("noun", "many"), [("mouse", "mice"), ("box", "boxes"), ("cherry", "cherries"), ("key", "keys"), ("pen", "pens")])
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many
