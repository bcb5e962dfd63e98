"""What people ask a shop, a museum, a hotel or their own company, and what the answers say: wordings of about fifty topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tea_training.corpus.pools import Pool, read

_DATA: Final = read("faq")


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to know: its name in a few words, how it is asked, how it is told."""

    name: str
    asked: Pool
    told: Pool


TOPICS: Final = tuple(Topic(name, **texts) for name, texts in _DATA["topics"].items())
SYNONYMS: Final[tuple[tuple[str, str], ...]] = _DATA["synonyms"]
"""Words that can stand for each other."""
