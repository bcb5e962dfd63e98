"""``./dev house``: draw the rooms of the tree, and say whether the rule of imports holds."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.house import graph, text
from tools.house.survey import survey

if TYPE_CHECKING:
    from tools.house.survey import House

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
TABLE = re.compile(r"^\| room \|.*\n(?:\|.*\n)+", re.MULTILINE)


def main() -> int:
    """Print what the command line asks for; 1 when something breaks the rule."""
    parser = argparse.ArgumentParser(
        "./dev house", description="The rooms of the tree and who imports whom. Exit code 1: the rule is broken."
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--lines", action="store_true", help="files and lines a room")
    forms.add_argument("--json", action="store_true", help="everything, for programs")
    forms.add_argument("--dot", action="store_true", help="a graph for Graphviz")
    forms.add_argument("--svg", action="store_true", help="a drawing")
    forms.add_argument("--page", action="store_true", help="write the table of docs/architecture.md anew")
    wanted = parser.parse_args()
    try:
        house = survey(ROOT)
        faults = house.faults()
    except (ValueError, SyntaxError) as error:
        parser.error(str(error))
    if wanted.page:
        PAGE.write_text(page(house), encoding="utf-8")
    elif wanted.lines:
        print(text.lines(house))
    elif wanted.json:
        print(json.dumps(plain(house), indent=2))
    elif wanted.dot or wanted.svg:
        print((graph.dot if wanted.dot else graph.svg)(house), end="")
    else:
        print(text.picture(house, min(shutil.get_terminal_size().columns, 120)))
    return 1 if faults else 0


def page(house: House) -> str:
    """docs/architecture.md with the table of rooms as it should be."""
    return TABLE.sub(lambda _: text.table(house), PAGE.read_text(encoding="utf-8"), count=1)


def plain(house: House) -> dict[str, Any]:
    """The house as JSON values."""
    return {
        "rooms": {
            room: {
                "level": house.levels[room],
                "modules": [module.name for module in house.modules.values() if module.room == room],
                "lines": dict(house.lines[room]),
                "imports": {target: count for (source, target), count in sorted(house.arrows.items()) if source == room},
                "may_import": sorted(house.rule.may.get(room, ())),
            }
            for room in house.rooms
        },
        "faults": house.faults(),
        "circles": [circle.steps for circle in house.circles],
        "type_circles": [circle.steps for circle in house.type_circles],
    }


if __name__ == "__main__":
    # A reader that has seen enough (| head) ends this quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
