"""The house as a graph: DOT for Graphviz, and an SVG that needs nothing."""

from __future__ import annotations

import json
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.house.survey import House

_WIDE, _HIGH = 138, 46
"""A box, in pixels."""
_RIGHT, _DOWN = 92, 74
"""From a box to the next one. A line that runs down into a box passes to the right of all boxes above it."""
_EDGE = 24
_STYLE = """
text { font: 13px sans-serif; fill: #222 } .name { font-weight: bold } .small { font-size: 11px; fill: #555 }
.count { font-size: 11px; fill: #1a4f8b } .box { fill: #fff; stroke: #222; stroke-width: 1.5 } .ground { fill: #eee }
.level { fill: #f4f6f9 } .way { fill: none; stroke: #1a4f8b; stroke-width: 1.3 } .dot { fill: #1a4f8b }
.bad { stroke: #c00; stroke-width: 2.5 } .dot.bad, text.bad { fill: #c00; stroke: none }
"""
_GROUND = "ground floor"


def dot(house: House) -> str:
    """The rooms and their arrows for Graphviz; arrows to the ground floor are left out, forbidden ones are red."""
    lines = ["digraph house {", "  node [shape=box, fontname=sans];", "  edge [fontname=sans, fontsize=10];"]
    for level, rooms in groupby(house.rooms, key=house.levels.__getitem__):
        if level > 0:
            lines.append(f"  {{ rank=same; {' '.join(json.dumps(room) + ';' for room in rooms)} }}")
    for (source, target), count in sorted(house.arrows.items()):
        if house.levels[source] > 0 and house.levels[target] > 0:
            colour = "" if house.rule.allows(source, target) else ", color=red, fontcolor=red"
            lines.append(f"  {json.dumps(source)} -> {json.dumps(target)} [label={count}{colour}];")
    return "\n".join([*lines, "}", ""])


class _Box(NamedTuple):
    """A room, or the whole ground floor, on the diagonal of the drawing."""

    name: str
    about: str
    level: int
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.x + _WIDE // 2

    @property
    def line(self) -> int:
        return self.y + _HIGH // 2


def svg(house: House) -> str:
    """The rooms on a diagonal, the top floor first.

    What a room imports leaves it to the right and runs down into the room below, with the number of imports where it turns.
    An import against the rule is red; one that runs up leaves to the left.
    """
    boxes = _boxes(house)
    bottom = next(reversed(boxes.values()))
    width, height = bottom.x + _WIDE + _EDGE, bottom.y + _HIGH + _EDGE
    body = [
        *_floors(boxes, width),
        *_ways(house, boxes),
        *(shape for box in boxes.values() for shape in _shape(box)),
        *_legend(house, boxes),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", '<rect width="100%" height="100%" fill="#fff"/>', *body, "</svg>", ""])


def _boxes(house: House) -> dict[str, _Box]:
    above = [room for room in house.rooms if house.levels[room] > 0]
    ground = [room for room in house.rooms if house.levels[room] == 0]
    found = {}
    for place, room in enumerate([*above, _GROUND]):
        inside = [room] if room != _GROUND else ground
        files = sum(module.room in inside for module in house.modules.values())
        total = sum(house.lines[each].total() for each in inside)
        about = f"{files} {'file' if files == 1 else 'files'}, {total:,} lines"
        found[room] = _Box(room, about, house.levels.get(room, 0), _EDGE + place * _RIGHT, _EDGE + place * _DOWN)
    return found


def _floors(boxes: dict[str, _Box], width: int) -> Iterator[str]:
    """A band behind every second level."""
    for level, group in groupby(boxes.values(), key=lambda box: box.level):
        rooms = list(group)
        if level % 2:
            top, bottom = rooms[0].y - (_DOWN - _HIGH) // 2, rooms[-1].y + (_DOWN + _HIGH) // 2
            yield f'<rect class="level" x="0" y="{top}" width="{width}" height="{bottom - top}"/>'


def _ways(house: House, boxes: dict[str, _Box]) -> Iterator[str]:
    counts: dict[tuple[str, str], int] = {}
    for (source, target), count in house.arrows.items():
        if house.levels[source] > 0:
            pair = source, target if house.levels[target] > 0 else _GROUND
            counts[pair] = counts.get(pair, 0) + count
    for (source, target), count in sorted(counts.items()):
        start, end = boxes[source], boxes[target]
        bad = "" if target == _GROUND or house.rule.allows(source, target) else " bad"
        down = start.y < end.y
        leaves, arrives = (start.x + _WIDE, end.y) if down else (start.x, end.y + _HIGH)
        tip = -6 if down else 6
        yield f'<path class="way{bad}" d="M{leaves} {start.line} H{end.middle} V{arrives}"><title>{escape(f"{source} → {target}: {count}")}</title></path>'
        yield f'<path class="dot{bad}" d="M{end.middle} {arrives} l-4 {tip} h8 z"/>'
        yield f'<circle class="dot{bad}" cx="{end.middle}" cy="{start.line}" r="3"/>'
        yield f'<text class="count{bad}" x="{end.middle + 5}" y="{start.line - 4}">{count}</text>'


def _shape(box: _Box) -> Iterator[str]:
    yield f'<rect class="box{" ground" if box.name == _GROUND else ""}" x="{box.x}" y="{box.y}" width="{_WIDE}" height="{_HIGH}" rx="4"/>'
    yield f'<text class="name" x="{box.middle}" y="{box.y + 19}" text-anchor="middle">{escape(box.name)}</text>'
    yield f'<text class="small" x="{box.middle}" y="{box.y + 36}" text-anchor="middle">{escape(box.about)}</text>'


def _legend(house: House, boxes: dict[str, _Box]) -> Iterator[str]:
    """What the drawing means and what is wrong with it, in the corner that stays empty while every import runs down."""
    ground = [room for room in house.rooms if house.levels[room] == 0]
    faults = [*dict.fromkeys(f"{' must not import '.join(house.between(each))}" for each in house.forbidden)]
    faults += [f"circle: {circle}" for circle in house.circles]
    words = [
        ("small", "A room imports to the right, then down; the number counts imports."),
        ("small", f"Ground floor: {', '.join(ground)}."),
        *(("bad", fault) for fault in faults),
        *([] if faults else [("small", "Every import runs down, no circle.")]),
    ]
    foot = next(reversed(boxes.values())).y + _HIGH
    for place, (style, text) in enumerate(reversed(words)):
        yield f'<text class="{style}" x="{_EDGE}" y="{foot - place * 18}">{escape(text)}</text>'
