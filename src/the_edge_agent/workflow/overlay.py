"""Overlays: a file merged onto another one (``-f``), every value keeping the place it came from.

Maps merge key by key, ``null`` overwrites and stays null, the last overlay wins. A list under ``nodes`` is
merged item by item on ``name``, under ``edges`` on (``from``, ``to``), under ``goto`` on ``to``, at any depth:
matching items are merged in place, new ones appended, one with ``__delete__: true`` removes its match. Every
other list is replaced.
"""

from __future__ import annotations

from the_edge_agent.workflow.source import Map, Scalar, Seq, Tree

_IDENTITY: dict[str, tuple[str, ...]] = {"nodes": ("name",), "edges": ("from", "to"), "goto": ("to",)}
DELETE = "__delete__"


def overlay(base: Tree, top: Tree, key: str | None = None) -> Tree:
    """``top`` laid onto ``base``; neither is changed. ``key`` is the name the two values stand under."""
    if isinstance(base, Map) and isinstance(top, Map):
        items = dict(base.items)
        for name, value in top.items.items():
            items[name] = overlay(items[name], value, name) if name in items else value
        return Map(items, base.spot, {**base.keys, **top.keys})
    if isinstance(base, Seq) and isinstance(top, Seq) and key in _IDENTITY:
        return _merge_items(base, top, _IDENTITY[key])
    return top


def _merge_items(base: Seq, top: Seq, identity: tuple[str, ...]) -> Seq:
    items = list(base.items)
    for new in top.items:
        wanted = _identity(new, identity)
        place = next((i for i, old in enumerate(items) if wanted is not None and _identity(old, identity) == wanted), None)
        if _deletes(new):
            if place is not None:
                del items[place]
        elif place is None:
            items.append(new)
        else:
            items[place] = overlay(items[place], new)
    return Seq(tuple(items), base.spot)


def _identity(item: Tree, keys: tuple[str, ...]) -> tuple[object, ...] | None:
    if not isinstance(item, Map) or not any(key in item.items for key in keys):
        return None
    values = (item.items.get(key) for key in keys)
    return tuple(value.value if isinstance(value, Scalar) else None for value in values)


def _deletes(item: Tree) -> bool:
    flag = item.get(DELETE) if isinstance(item, Map) else None
    return isinstance(flag, Scalar) and flag.value is True
