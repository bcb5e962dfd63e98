"""The figures of the chat model's card; ``python -m tea_training.card REPORT`` writes them from the evaluation's report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from tea_training.evaluate import mean, share
from tea_training.pages import PAGES, REPORTS, filled

REPORT: Final = REPORTS / "chat.json"
"""The report on the file in the package, without its questions."""
CARD: Final = PAGES / "builtin-model.md"

_TARGETS: Final = {
    "arithmetic": 95,
    "facts": 95,
    "classification": 95,
    "tools": 95,
    "relations": 95,
    "context": 90,
    "extraction": 90,
}
_NAMES: Final = {
    "arithmetic": "sums (numbers to 99, tables to 12)",
    "classification": "classification",
    "context": "questions about a given context",
    "extraction": "extraction to JSON",
    "facts": "facts about countries and the world",
    "memory": "memory of earlier turns",
    "relations": "sentences to Prolog facts",
    "rewriting": "rewriting",
    "talk": "greetings, self-description, echo",
    "tools": "choice of a tool and its arguments",
}


def tables(report: dict[str, Any]) -> str:
    """The table of skills and the table of their kinds."""
    skills = {row["skill"]: row for row in report["shares"] if not row["kind"]}
    lines = ["| skill | right | of | share | aim | in new wordings |", "|---|--:|--:|--:|--:|--:|"]
    for name in sorted(skills, key=lambda name: -_known(skills[name])):
        known, new, aim = skills[name]["known"], skills[name]["new"], _TARGETS.get(name)
        aimed = f"{aim} %" if aim else "–"
        lines.append(f"| {_NAMES[name]} | {known['right']} | {known['of']} | {share(known)} | {aimed} | {share(new)} |")
    rows = list(skills.values())
    lines += [
        f"| mean of the skills | | | {mean(rows, 'known')} | | {mean(rows, 'new')} |",
        "",
        "| skill | kinds of questions |",
        "|---|---|",
    ]
    for name in sorted(skills):
        kinds = [row for row in report["shares"] if row["skill"] == name and row["kind"] and row["known"]["of"]]
        told = ", ".join(f"{row['kind']} {share(row['known'])}" for row in sorted(kinds, key=lambda row: -_known(row)))
        lines.append(f"| {name} | {told} |")
    return "\n".join(lines)


def _known(row: dict[str, Any]) -> float:
    """The share of right answers in known wordings."""
    return float(row["known"]["right"] / row["known"]["of"])


def keep(report: Path) -> None:
    """Keep the shares of ``report`` as those of the file in the package, and put them into the card."""
    data = json.loads(report.read_text(encoding="utf-8"))
    kept = {"title": data["title"], "shares": data["shares"]}
    REPORT.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    CARD.write_text(shown(CARD.read_text(encoding="utf-8"), kept), encoding="utf-8")


def shown(card: str, report: dict[str, Any]) -> str:
    """``card`` with the figures of ``report``."""
    return filled(card, REPORT, tables(report))


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
