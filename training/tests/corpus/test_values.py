"""What a data file may name as a value."""

from __future__ import annotations

import pytest

from tea_training.corpus import pools, words
from tea_training.corpus.draw import Draw, Split, held_out
from tea_training.corpus.values import maker


def test_a_value_is_of_the_kind_that_is_named() -> None:
    draw = Draw(1)
    assert {maker("4..6")(draw) for _ in range(100)} == {4, 5, 6}
    assert {maker(("open", "paid"))(draw) for _ in range(100)} == {"open", "paid"}
    assert maker("capital")(draw) in words.CAPITALS
    assert "@" in maker("email")(draw)


@pytest.mark.parametrize(("split", "kind", "held"), [("train", "jobs", False), ("test", "jobs", True), ("test", "seen jobs", False)])
def test_a_pool_keeps_to_its_half_unless_only_seen_words_may_come(split: Split, kind: str, held: bool) -> None:  # noqa: FBT001 - a table
    draw = Draw(1, split)
    drawn = {maker(kind)(draw) for _ in range(300)}
    assert len(drawn) > 3
    assert {held_out(f"entity:{job}", 8) for job in drawn} == {held}


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(AttributeError, match="colours"):
        maker("colours")


def test_every_kind_that_the_files_name_is_there() -> None:
    records, extraction = pools.read("records"), pools.read("extraction")
    fields = [field for domain in records["domains"].values() for field in (domain["subject"], *domain["fields"])]
    kinds = {field["value"] for field in fields}
    kinds |= {kind for rows in (pools.read("relations")["relations"], extraction["pairs"]) for row in rows for kind in row["of"]}
    kinds |= {each["of"] for each in extraction["listed"].values()}
    assert len(kinds) > 30
    assert all(str(maker(kind)(Draw(1))) for kind in kinds)
