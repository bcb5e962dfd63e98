"""The data files: no key twice, nothing that no code draws from, words once in a pool."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from tea_training.corpus import pools, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = sorted(pools.FOLDER.glob("*.yaml"))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        yield from (found for _, value in node.value for found in mappings(value))
    elif isinstance(node, yaml.SequenceNode):
        yield from (found for each in node.value for found in mappings(each))


@each_file
def test_no_key_stands_twice_in_a_mapping(file: Path) -> None:
    for mapping in mappings(yaml.compose(file.read_text(encoding="utf-8"))):
        keys = Counter(key.value for key, _ in mapping.value)
        assert not [key for key, count in keys.items() if count > 1], mapping.start_mark


@each_file
def test_the_module_of_that_name_uses_every_key(file: Path) -> None:
    (module,) = [path for path in pools.FOLDER.parent.rglob("*.py") if path.stem == file.stem]
    named = {node.value for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)}
    assert not set(pools.read(file.stem)) - named


def test_everything_is_text_in_tuples_and_mappings() -> None:
    assert pools.read("facts")["days_of_month"][:2] == ("31", "28")
    assert pools.read("records")["truths"]["paid"] == (("not paid", "unpaid"), ("paid", "fully paid"))


def test_no_pool_has_a_word_twice() -> None:
    letters = {"ONSETS", "VOWELS", "CODAS"}
    found = {name: pool for name, pool in vars(words).items() if name.isupper() and isinstance(pool, tuple) and name not in letters}
    assert len(found) > 20
    assert not {name for name, pool in found.items() if len(set(pool)) != len(pool)}
