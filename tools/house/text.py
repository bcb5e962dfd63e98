"""The house in words: a picture for the terminal, a table of lines, a table of rooms for the docs."""

from __future__ import annotations

import ast
import re
import textwrap
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.house.survey import House

_NARROWEST = 26
"""Columns of the narrowest box."""


def picture(house: House, width: int) -> str:
    """The rooms by level in boxes, the ground floor at the bottom, and under them what breaks the rule."""
    return "\n".join([*_levels(house, width), "", *_verdict(house)])


def _levels(house: House, width: int) -> Iterator[str]:
    for level, group in groupby(house.rooms, key=house.levels.__getitem__):
        if level == 0:
            rooms = " · ".join(f"{room} {_lines(house, room):,}" for room in group)
            yield from _box("ground floor: every room may import it", [rooms], width)
            continue
        rooms_here = list(group)
        columns = max(1, min(len(rooms_here), width // _NARROWEST))
        for start in range(0, len(rooms_here), columns):
            row = rooms_here[start : start + columns]
            boxes = [_box(room, _inside(house, room), (width - columns + 1) // columns) for room in row]
            yield from _side_by_side(boxes)


def _inside(house: House, room: str) -> list[str]:
    count = sum(module.room == room for module in house.modules.values())
    files = f"{count} {'file' if count == 1 else 'files'}, {_lines(house, room):,} lines"
    arrows = [
        f"{'' if house.rule.allows(room, other) else '✗ '}{other} {house.arrows[room, other]}" for other in _above_ground(house, room)
    ]
    return [files, f"→ {' · '.join(arrows)}" if arrows else "→ the ground floor only"]


def _above_ground(house: House, room: str) -> list[str]:
    """The rooms that ``room`` imports, from the top down."""
    return [other for other in house.rooms if house.arrows[room, other] and house.levels[other] > 0]


def _lines(house: House, room: str) -> int:
    return house.lines[room].total()


def _box(title: str, paragraphs: Sequence[str], width: int) -> list[str]:
    inner = width - 4
    # A number stays on the line of its name.
    bound = (re.sub(r" (\d)", "\0\\1", text) for text in paragraphs)
    lines = [line.replace("\0", " ") for text in bound for line in textwrap.wrap(text, inner, subsequent_indent="  ")]
    return [
        f"┌─ {title} {'─' * (width - len(title) - 5)}┐",
        *(f"│ {line:<{inner}} │" for line in lines),
        f"└{'─' * (width - 2)}┘",
    ]


def _side_by_side(boxes: Sequence[list[str]]) -> Iterator[str]:
    """Boxes of one row, the shorter ones made as tall as the tallest."""
    tallest = max(map(len, boxes))
    grown = [[*box[:-1], *[f"│{' ' * (len(box[0]) - 2)}│"] * (tallest - len(box)), box[-1]] for box in boxes]
    yield from (" ".join(lines).rstrip() for lines in zip_longest(*grown))


def _verdict(house: House) -> Iterator[str]:
    if house.type_circles:
        yield "circles that only type checkers see:"
        yield from (f"  {house.told(circle)}" for circle in house.type_circles)
    faults = house.faults()
    if faults:
        yield "against the rule:"
        yield from (f"  ✗ {fault}" for fault in faults)
    total = sum(counter.total() for counter in house.lines.values())
    every = f"{len(house.rooms)} rooms, {len(house.modules)} modules, {total:,} lines"
    yield f"{every}: {'every import runs down, no circle' if not faults else f'{len(faults)} against the rule'}"


def lines(house: House) -> str:
    """Lines a room, Python and other source apart, the largest room first."""
    rows = [("room", "files", "python", "other source")]
    for room in sorted(house.rooms, key=lambda room: -_lines(house, room)):
        other = sorted((suffix, count) for suffix, count in house.lines[room].items() if suffix != "py")
        count = sum(module.room == room for module in house.modules.values())
        rows.append((room, str(count), f"{house.lines[room]['py']:,}", " · ".join(f"{count:,} {suffix}" for suffix, count in other)))
    python = sum(counter["py"] for counter in house.lines.values())
    others = sum(counter.total() for counter in house.lines.values()) - python
    rows.append(("together", str(len(house.modules)), f"{python:,}", f"{others:,}"))
    return "\n".join(f"{room:<14}{files:>6}{own:>9}   {other}".rstrip() for room, files, own, other in rows)


def table(house: House) -> str:
    """The rooms as a table for docs/architecture.md, from the ground up: name, first line of the docstring, what it may import."""
    rows = ["| room | what it is | may import |", "|---|---|---|"]
    for room in reversed(house.rooms):
        below = [f"`{other}`" for other in reversed(house.rooms) if other in house.rule.may.get(room, ())]
        may = "the ground floor" if not house.levels[room] else " ".join(below)
        rows.append(f"| `{room}` | {_summary(house, room)} | {may} |".replace("  |", " |"))
    return "\n".join(rows) + "\n"


def _summary(house: House, room: str) -> str:
    """The first line of what a room says about itself."""
    module = next(each for each in house.modules.values() if each.room == room)
    first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
    return first.replace("``", "`").removesuffix(".")
