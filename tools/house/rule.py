"""The rule of imports: which room may import which. It stands in ``pyproject.toml`` under ``[tool.house]`` and nowhere else."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rule:
    """Rooms from the ground up; a room is a folder or a module at the top of the package, or a folder of ``outside``."""

    package: str
    """Folder of the package, from the root of the tree; its name is what imports start with."""
    outside: tuple[str, ...]
    """Folders beside the package that count as rooms. They need not exist yet."""
    ground: tuple[str, ...]
    """Rooms that every other room may import; they import only each other."""
    standard_only: tuple[str, ...]
    """What imports the standard library and the house only: starts of paths inside the package."""
    may: Mapping[str, frozenset[str]]
    """Room → the rooms it may import besides itself and the ground. Rooms may be planned: named here and not there yet."""

    def allows(self, source: str, target: str) -> bool:
        """Whether ``source`` may import ``target``."""
        return source == target or target in self.ground or target in self.may.get(source, ())

    def knows(self, room: str) -> bool:
        """Whether the rule says anything about ``room``."""
        return room in self.ground or room in self.may

    def levels(self, there: Collection[str]) -> dict[str, int]:
        """Level of each room of ``there``: 0 is the ground, and every other room stands above all that it may import.

        Raises:
            ValueError: the rule itself goes round in a circle.
        """
        found = {room: 0 for room in there if room in self.ground}

        def level(room: str, above: tuple[str, ...]) -> int:
            if room in above:
                circle = " → ".join((*above[above.index(room) :], room))
                message = f"the rule of imports goes round: {circle}"
                raise ValueError(message)
            if room not in found:
                found[room] = 1 + max((level(below, (*above, room)) for below in self.may.get(room, ()) if below in there), default=0)
            return found[room]

        for room in sorted(there):
            level(room, ())
        return found


def read(root: Path) -> Rule:
    """The rule of the tree at ``root``. Raises :class:`KeyError` for a part that is missing."""
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["house"]
    return Rule(
        table["package"],
        tuple(table["outside"]),
        tuple(table["ground"]),
        tuple(table["standard-only"]),
        {room: frozenset(others) for room, others in table["may-import"].items()},
    )
