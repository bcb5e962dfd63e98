"""The model card shows the figures of the report that is kept beside the recipe."""

from __future__ import annotations

import json

from tea_training import card


def test_the_card_shows_the_report() -> None:
    text = card.CARD.read_text(encoding="utf-8")
    assert text == card.shown(text, json.loads(card.REPORT.read_text(encoding="utf-8")))
