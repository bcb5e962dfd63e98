"""How large a text, a list or a number an operator, method or filter of a template may make.

Each check looks at what it is given, before anything is made, and raises :class:`TooLargeError`. What a
template costs in time is not bounded here; a node has ``timeout:`` for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

MOST_CHARACTERS = 1 << 24
"""Longest text that one operator, method or filter of a template may make."""
MOST_ITEMS = 1_000_000
"""Longest list that one operator or filter of a template may make."""
MOST_BITS = 1 << 16
"""Largest whole number that an operator of a template may make."""
MOST_PARTS = 1 << 22
"""Most values that data turned into text by a template may have in it."""
MOST_OUTPUT = 1 << 26
"""Longest text that a template with loops may render to, in characters."""


class TooLargeError(OverflowError):
    """A template asked for a text, list or number beyond the bounds of a template."""


def bounded_join(parts: Iterable[str]) -> str:
    """``"".join(parts)``, or raise."""
    texts = list(parts)
    bound_text(sum(map(len, texts)))
    return "".join(texts)


def bound_nesting(value: Any) -> Any:
    """``value``, or raise when it has so many parts, shared ones counted each time, that its text would be too long."""
    count, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        count += 1
        if count + len(waiting) > MOST_PARTS:
            raise TooLargeError(f"it has more than {MOST_PARTS} parts")
    return value


def bounded_output(parts: Iterable[str]) -> Iterator[str]:
    """``parts`` one after another; raises :class:`TooLargeError` beyond :data:`MOST_OUTPUT` characters."""
    length = 0
    for part in parts:
        length += len(part)
        if length > MOST_OUTPUT:
            raise TooLargeError(f"the text is longer than a template may make ({MOST_OUTPUT} characters)")
        yield part


def bound_text(length: int) -> None:
    """Allow a text of ``length`` characters, or raise."""
    if length > MOST_CHARACTERS:
        raise TooLargeError(f"a text of {length} characters is more than a template may make ({MOST_CHARACTERS})")


def bound_items(length: int) -> None:
    """Allow a list of ``length`` items, or raise."""
    if length > MOST_ITEMS:
        raise TooLargeError(f"a list of {length} items is more than a template may make ({MOST_ITEMS})")


def bound_bits(bits: float) -> None:
    """Allow a whole number of ``bits`` bits, or raise."""
    if bits > MOST_BITS:
        raise TooLargeError(f"a number of {bits} bits is more than a template may make ({MOST_BITS})")


def bound_length(value: Any, length: int) -> None:
    """Allow something like ``value`` of ``length``, or raise."""
    (bound_text if isinstance(value, str | bytes) else bound_items)(length)


def bound_sum(left: Any, right: Any) -> None:
    """Allow ``left + right``, or raise."""
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        bound_length(left, len(left) + len(right))


def bound_product(left: Any, right: Any) -> None:
    """Allow ``left * right``, or raise."""
    if isinstance(left, int):
        left, right = right, left
    if isinstance(left, Sequence) and isinstance(right, int):
        bound_length(left, len(left) * right)
    elif isinstance(left, int) and isinstance(right, int):
        bound_bits(left.bit_length() + right.bit_length())


def bound_power(left: Any, right: Any) -> None:
    """Allow ``left ** right``, or raise."""
    if isinstance(left, int) and isinstance(right, int):
        bound_bits(left.bit_length() * max(right, 0))


def bound_percent(left: Any, right: Any) -> None:
    """Allow ``left % right``, or raise."""
    if isinstance(left, str):
        values = right.values() if isinstance(right, Mapping) else right if isinstance(right, tuple | list) else (right,)
        widths = [value for value in values if isinstance(value, int)] if "*" in left else []
        bound_text(max(widths, default=0))
        bound_widths(left)
        bound_text(len(left) + left.count("%") * max((len(value) for value in values if isinstance(value, str | list | dict)), default=0))


def bound_widths(spec: str) -> None:
    """Allow the widths and precisions in a format specification, or raise."""
    for digits in re.findall(r"\d+", spec):
        bound_text(int(digits) if len(digits) < 20 else MOST_CHARACTERS + 1)  # noqa: PLR2004 - past any width


OPERATORS: dict[str, Callable[[Any, Any], None]] = {
    "+": bound_sum,
    "*": bound_product,
    "**": bound_power,
    "%": bound_percent,
}


def bound_method(method: types.BuiltinMethodType, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a method call whose result would be absurdly large; the arguments to call it with."""
    owner, name = method.__self__, method.__name__
    if not isinstance(owner, str | bytes | int):
        return args
    for number in args:
        if isinstance(number, int):
            bound_text(abs(number) * (len(owner) if name == "expandtabs" and not isinstance(owner, int) else 1))
    if isinstance(owner, str):
        if name == "join" and args:
            args = (list(args[0]), *args[1:])
            bound_join(args[0], owner)
        elif name == "replace" and len(args) > 1:
            bound_replace(owner, *args[:2])
        elif name == "translate" and args and isinstance(args[0], Mapping):
            bound_text(len(owner) * max((len(part) for part in args[0].values() if isinstance(part, str)), default=1))
    return args


def bound_join(items: list[Any], separator: Any = "") -> None:
    """Allow the texts ``items`` to be joined, or raise."""
    bound_text(sum(len(item) if isinstance(item, str) else 8 for item in items) + len(str(separator)) * len(items))


def bound_replace(text: Any, old: Any, new: Any) -> None:
    """Allow ``text.replace(old, new)``, or raise."""
    text, old, new = str(text), str(old), str(new)
    bound_text(len(text) + text.count(old) * max(0, len(new) - len(old)))
