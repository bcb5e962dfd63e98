"""What the embedding model finds among texts it has never seen: unseen names, half of the wordings unseen too.

Asked through ``tea``'s own local backend. Full-text search over the same passages stands beside it, since that is what a
workflow would use without such a model.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from heapq import nlargest
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tea_training.corpus import pairs
from tea_training.corpus.draw import Draw
from tea_training.pages import PAGES, REPORTS, filled
from the_edge_agent.llm.local.backend import LocalEmbedder
from the_edge_agent.llm.options import LoadParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tea_training.corpus.pairs import Pair

    Ranking = Callable[[Sequence[str], Sequence[str]], list[list[int]]]
    """Questions and passages → for each question the numbers of the best passages, best first."""

KEPT: Final = REPORTS / "embedding.json"
"""The report on the file in the package."""
CARD: Final = PAGES / "retrieval.md"

PASSAGES = 500
SAME = ("same question", "same statement")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: how many of ``of`` questions had a right passage as the first, and among the first three."""

    kind: str
    way: str
    first: int
    three: int
    of: int


def questions(seed: int, count: int = PASSAGES) -> dict[str, list[Pair]]:
    """Pairs of the test half: those to find in a pool of passages, and those of two wordings, each in a pool of its own."""
    draw = Draw(seed * 7919 + 11, "test")
    found: dict[str, list[Pair]] = {"passages": [], "wordings": []}
    while min(map(len, found.values())) < count:
        for pair in pairs.batch(draw, 64):
            pool = found["wordings" if pair.kind in SAME else "passages"]
            if len(pool) < count and pair.first not in {other.first for other in pool}:
                pool.append(pair)
    return found


def measure(pools: dict[str, list[Pair]], ways: dict[str, Ranking]) -> list[Row]:
    """Every way of finding, by kind of question. A passage is right when it answers the question, whether it was made for it or not."""
    marks: defaultdict[tuple[str, str], list[tuple[bool, bool]]] = defaultdict(list)
    for pool in pools.values():
        for way, rank in ways.items():
            ranking = rank([pair.first for pair in pool], [pair.second for pair in pool])
            for pair, best in zip(pool, ranking, strict=True):
                right = [pairs.fits(pair, pool[number]) for number in best]
                marks[pair.kind, way].append((any(right[:1]), any(right)))
    return [Row(kind, way, sum(a for a, _ in m), sum(b for _, b in m), len(m)) for (kind, way), m in sorted(marks.items())]


def by_vectors(embed: Callable[[Sequence[str]], Sequence[Sequence[float]]]) -> Ranking:
    """Rank by cosine; ``embed`` gives unit vectors."""

    def rank(asked: Sequence[str], passages: Sequence[str]) -> list[list[int]]:
        known = embed(passages)
        scores = [[sum(map(mul, question, passage)) for passage in known] for question in embed(asked)]
        return [nlargest(3, range(len(row)), row.__getitem__) for row in scores]

    return rank


def by_words(asked: Sequence[str], passages: Sequence[str]) -> list[list[int]]:
    """Rank as ``ltm.search`` with ``match: any`` does: SQLite's full-text search, BM25."""
    with sqlite3.connect(":memory:") as base:
        base.execute("CREATE VIRTUAL TABLE passage USING fts5(words, tokenize = 'unicode61')")
        base.executemany("INSERT INTO passage (rowid, words) VALUES (?, ?)", enumerate(passages))
        found = []
        for question in asked:
            query = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question))
            sql = "SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY bm25(passage), rowid LIMIT 3"
            found.append([number for (number,) in base.execute(sql, (query,))])
        return found


def ask(model: Path, *, seed: int, count: int = PASSAGES) -> list[Row]:
    """Measure the GGUF file ``model`` and full-text search."""
    embedder = LocalEmbedder(model, LoadParameters())
    try:
        return measure(questions(seed, count), {"vectors": by_vectors(lambda texts: embedder.embed(texts).vectors), "words": by_words})
    finally:
        embedder.close()


def agreement(model: Path, weights: Path, tokenizer: Path, count: int = 100) -> float:
    """The least cosine between PyTorch's and llama.cpp's vector of the same text, over ``count`` texts of the test half."""
    import torch

    from tea_training.embedding import Encoder
    from tea_training.model import Shape
    from tea_training.tokenizer import Tokenizer

    saved, learned = torch.load(weights, weights_only=True, map_location="cpu"), Tokenizer.load(tokenizer)
    texts = [text for pair in questions(1, count // 4)["passages"] for text in (pair.first, pair.second)]
    texts += [text for pair in questions(1, count // 4)["wordings"] for text in (pair.first, pair.second)]
    wide = {name: weight.float() for name, weight in saved["master"].items()}
    with torch.no_grad():
        expected = Encoder(Shape(**saved["shape"])).vectors(wide, [learned.encode(text) for text in texts]).tolist()
    embedder = LocalEmbedder(model, LoadParameters())
    try:
        found = embedder.embed(texts).vectors
    finally:
        embedder.close()
    least: float = min(sum(map(mul, mine, other)) for mine, other in zip(expected, found, strict=True))
    return least


def report(rows: list[Row], out: Path, title: str) -> str:
    """Write ``embedding.md`` and ``embedding.json`` into ``out``; returns the table."""
    table = figures(rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / "embedding.md").write_text(f"# {title}\n\n{table}\n", encoding="utf-8")
    data = {"title": title, "rows": [asdict(row) for row in rows]}
    (out / "embedding.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return table


def kept(path: Path = KEPT) -> list[Row]:
    """The rows of a report that was written."""
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]


def keep(report: Path) -> None:
    """Keep ``report`` as that of the file in the package, and put its figures into the documentation."""
    KEPT.write_text(report.read_text(encoding="utf-8"), encoding="utf-8")
    CARD.write_text(shown(CARD.read_text(encoding="utf-8"), kept()), encoding="utf-8")


def shown(card: str, rows: list[Row]) -> str:
    """``card`` with the figures of ``rows``."""
    return filled(card, KEPT, figures(rows))


_TITLES: Final = {
    "question": "a question about a person, thing, event, order …",
    "keywords": "a few search words",
    "faq": "what people ask again and again",
    "country": "a question about a country",
    "deed": "who did what",
    "label": "a topic or a queue to a text of it",
    "same question": "the same question in other words",
    "same statement": "the same statement in other words",
}


def figures(rows: list[Row]) -> str:
    """A table: by vectors the right passage came first, or among the first three; and how often by words."""
    lines = ["| to find | first | among three | by words: first | of |", "|---|--:|--:|--:|--:|"]
    groups = [("**passages, all**", [kind for kind in _TITLES if kind not in SAME]), ("**wordings, both**", list(SAME))]
    for title, kinds in [*groups, *((title, [kind]) for kind, title in _TITLES.items())]:
        shares = [_share(rows, "vectors", kinds, "first"), _share(rows, "vectors", kinds, "three"), _share(rows, "words", kinds, "first")]
        of = sum(row.of for row in rows if row.kind in kinds and row.way == "vectors")
        lines.append(f"| {title} | {' | '.join(f'{share:.0%}'.replace('%', ' %') for share in shares)} | {of} |")
    return "\n".join(lines)


def _share(rows: list[Row], way: str, kinds: list[str], key: str) -> float:
    mine = [row for row in rows if row.way == way and row.kind in kinds]
    right: int = sum(getattr(row, key) for row in mine)
    return right / max(1, sum(row.of for row in mine))


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
