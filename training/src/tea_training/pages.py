"""Figures in the documentation: written from a kept report, never by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[3]
"""The repository that this package lies in."""
REPORTS: Final = TREE / "training" / "reports"
"""What is kept of the evaluation of the files in ``the_edge_agent.models.builtin``."""
PAGES: Final = TREE / "docs"

_END: Final = "<!-- end of figures -->\n"


def filled(page: str, report: Path, table: str) -> str:
    """``page`` with ``table`` between its marks for ``report``, one of :data:`REPORTS`."""
    begin = f"<!-- figures of {report.relative_to(TREE)} -->\n"
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{table}\n\n{_END}{rest.partition(_END)[2]}"
