"""What a data file names as a value: ``city``, ``jobs``, ``4..98``, or a list of texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tea_training.corpus import words
from tea_training.corpus.draw import Draw
from tea_training.corpus.prose import capital, plural, word

if TYPE_CHECKING:
    from tea_training.corpus.pools import Pool

Maker = Callable[[Draw], Any]


@cache
def maker(named: str | Pool) -> Maker:
    """What draws a value of the kind ``named``.

    That is a kind of this module, a method of :class:`Draw`, a pool of :mod:`words` (``seen POOL``: its words that training shows),
    whole numbers from one to another, or any of a list of texts.

    Raises:
        AttributeError: there is no such kind.
    """
    if isinstance(named, tuple):
        return lambda draw: draw.one(named)
    if named in _KINDS:
        return _KINDS[named]
    low, dots, high = named.partition("..")
    if dots:
        return lambda draw: draw.number(int(low), int(high))
    pool: Pool | None = getattr(words, named.removeprefix("seen ").upper(), None)
    if pool is None:
        return getattr(Draw, named)  # type: ignore[no-any-return]
    return (lambda draw: draw.seen(pool)) if named.startswith("seen ") else (lambda draw: draw.entity(pool))


def _price(draw: Draw) -> float | int:
    """A price whose JSON number has the digits of the text: no trailing zero."""
    return draw.number(1, 2000) if draw.chance(0.5) else float(f"{draw.number(0, 499)}.{draw.number(0, 9)}{draw.number(1, 9)}")


def _amount(draw: Draw) -> str:
    number = draw.one((str(draw.number(1, 99)), str(draw.number(100, 2999)), f"{draw.number(1, 499)}.{draw.one((50, 99, 95, 25))}"))
    return draw.one((f"${number}", f"{number} euros", f"{number} dollars", f"€{number}"))


def _room(draw: Draw) -> str:
    return draw.one(
        (f"room {draw.number(1, 400)}", "the main hall", "the library", f"the {draw.invented().capitalize()} Hotel", draw.city())
    )


def _name(draw: Draw) -> str:
    return draw.invented().capitalize()


_KINDS: Final[dict[str, Maker]] = {
    "address": lambda draw: f"{draw.number(1, 200)} {draw.last_name()} Street",
    "amount": _amount,
    "capital": lambda draw: draw.one(words.COUNTRIES).capital,
    "country": lambda draw: draw.one(words.COUNTRIES).name,
    "day": lambda draw: draw.one(words.DAYS) if draw.chance(0.4) else draw.date(),
    "flight": lambda draw: f"{draw.one('ABCDEFKLQTUZ')}{draw.one('ABCDEFKLQTUZ')}{draw.number(10, 9999)}",
    "gathering": lambda draw: f"{capital(word(draw))} {draw.one(words.GATHERINGS)}",
    "goods": lambda draw: plural(draw.entity(words.THINGS)),
    "hotel": lambda draw: f"Hotel {_name(draw)}",
    "language": lambda draw: draw.one(words.LANGUAGES),
    "minutes": lambda draw: draw.number(1, 36) * 5,
    "month_day": lambda draw: draw.one(words.MONTHS) + f" {draw.number(1, 28)}",
    "name": _name,
    "price": _price,
    "rating": lambda draw: float(f"{draw.number(1, 4)}.{draw.number(1, 9)}"),
    "revenue": lambda draw: f"{draw.number(2, 99)} million {draw.one(('dollars', 'euros'))}",
    "room": _room,
    "seat": lambda draw: f"{draw.number(1, 40)}{draw.one('ABCDEF')}",
    "span": lambda draw: f"{draw.number(2, 60)} {draw.one(words.TIME_UNITS)}",
    "truth": lambda draw: draw.chance(0.5),
    "version": lambda draw: f"{draw.number(1, 9)}.{draw.number(0, 20)}",
    "weekday": lambda draw: draw.one(words.DAYS),
    "weight": lambda draw: f"{draw.number(1, 90)} {draw.one(words.WEIGHT_UNITS)}",
    "who": lambda draw: draw.full_name() if draw.chance(0.15) else draw.first_name(),
}
