"""Words that errors and hints of every room share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(name: object, among: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The entry of ``among`` that ``name`` most probably meant, ``None`` when none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(str(name), list(among), 1, cutoff)), None)


def meant(name: object, among: Iterable[str], otherwise: str | None = None, *, cutoff: float = 0.6) -> str | None:
    """``did you mean 'x'?`` for the entry of ``among`` that ``name`` is like, else ``otherwise``."""
    near = closest(name, among, cutoff=cutoff)
    return f"did you mean '{near}'?" if near else otherwise


def reason(error: OSError) -> str:
    """Why the system refused, as the end of a sentence: ``no such file or directory``."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def count(amount: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"
