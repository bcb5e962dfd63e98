"""The figures of the model card: written from the evaluation's report, never by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from training.evaluate import mean, share

REPORT: Final = Path(__file__).with_name("report.json")
"""The report on the file in the package, without its questions."""
CARD: Final = Path(__file__).parents[1] / "docs" / "builtin-model.md"
BEGIN: Final = "<!-- figures of training/report.json -->\n"
END: Final = "<!-- end of figures -->\n"

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
    return "\n".join(lines) + "\n"


def _known(row: dict[str, Any]) -> float:
    """The share of right answers in known wordings."""
    return float(row["known"]["right"] / row["known"]["of"])


def keep(report: Path) -> None:
    """Keep the shares of ``report`` as those of the file in the package, and put them into the card."""
    data = json.loads(report.read_text(encoding="utf-8"))
    kept = {"title": data["title"], "shares": data["shares"]}
    REPORT.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    CARD.write_text(filled(CARD.read_text(encoding="utf-8"), kept), encoding="utf-8")


def filled(card: str, report: dict[str, Any]) -> str:
    """``card`` with the figures of ``report`` between its marks."""
    before, _, rest = card.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tables(report)}\n{END}{after}"
