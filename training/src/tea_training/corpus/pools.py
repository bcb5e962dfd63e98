"""The corpus' data files: words, wordings and tables, apart from the code that draws from them.

A file ``data/NAME.yaml`` belongs to the module of that name. Every scalar in it is text: ``no`` is the word, ``12`` its digits.
A list is a tuple here, because :class:`tea_training.corpus.draw.Draw` remembers the halves of a pool by the pool itself.
Its order counts, since a draw takes an item by its place: to add or to move one makes another corpus.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

Pool = tuple[str, ...]
Pools = dict[str, Pool]

FOLDER: Final = Path(__file__).with_name("data")


def read(name: str) -> Any:
    """The content of ``data/NAME.yaml``: mappings, tuples and text."""
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return _frozen(yaml.load(text, loader))  # noqa: S506 - makes nothing but text, lists and mappings


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return value
