"""Seeded choices, and what is held out of the training half of the world.

Evaluation must show what the model does with what it has never seen. So every pool of words, every
invented word, every phrasing and every combination is either for training or for testing, decided by a hash and
never by chance: the same thing is on the same side in every run.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Literal, TypeVar

from tea_training.corpus import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
Split = Literal["train", "test"]
Wordings = Literal["known", "new"]
"""In the test half: whether questions and instructions are worded as in training, or as nowhere in it."""

INVENTED = 0.7
"""Share of names that are made of syllables: a model that sees mostly real names learns a list instead of copying."""

_LONGEST = 10
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_REAL = frozenset((*words.FIRST_NAMES, *words.LAST_NAMES, *words.CITIES, *words.COMPANIES))
_SPLICED = tuple(
    name.lower()
    for pool in (words.FIRST_NAMES, words.LAST_NAMES, words.CITIES, words.COMPANIES, words.THINGS, words.FOODS, words.ANIMALS, words.JOBS)
    for name in pool
    if name.isalpha() and len(name) > 3
)
"""Real words that parts are taken of; a word of these has letters side by side that no syllable has (``arju``, ``gail``)."""
_PATIENCE = 10_000


def held_out(key: str, share: int) -> bool:
    """Whether ``key`` is among the one in ``share`` that only the test half sees."""
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:8], 16) % share == 0


class Draw:
    """A source of choices for one half of the world."""

    def __init__(self, seed: int, split: Split = "train", wordings: Wordings = "known") -> None:
        self.split = split
        self.wordings = wordings
        self._random = random.Random(seed)  # noqa: S311 - a corpus, no secrets
        self._halves: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}

    # Plain choices.

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return self._random.random() < probability

    def number(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return self._random.randint(low, high)

    def one(self, items: Sequence[T]) -> T:
        """One of ``items``, whatever the half."""
        return items[int(self._random.random() * len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different ones of ``items``, whatever the half."""
        return self._random.sample(list(items), count)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of ``items`` in some order."""
        return self._random.sample(list(items), len(items))

    # Choices that keep to their half.

    def entity(self, pool: tuple[str, ...], share: int = 8) -> str:
        """One of ``pool``; one in ``share`` of them is only ever seen in tests, and tests see only those."""
        train, test = self._split(pool, share)
        return self.one((train or test) if self.split == "train" else (test or train))

    def seen(self, pool: tuple[str, ...], share: int = 8) -> str:
        """One of ``pool`` that training shows, in both halves: where only who has read the word can know what it is."""
        return self.one(self._split(pool, share)[0])

    def phrase(self, templates: tuple[str, ...]) -> str:
        """A phrasing; every sixth is held out for a test of new wordings."""
        if len(templates) < 6:
            return self.one(templates)
        held = self.split == "test" and self.wordings == "new"
        return self.one([text for i, text in enumerate(templates) if (i % 6 == 5) == held])

    def fresh(self, make: Callable[[], T], key: Callable[[T], str], share: int = 12) -> T:
        """What ``make`` gives, drawn again until it belongs to this half; ``key`` names a combination (``17+25``)."""
        for _ in range(_PATIENCE):
            made = make()
            if held_out(key(made), share) == (self.split == "test"):
                return made
        message = f"nothing of this kind belongs to the {self.split} half, such as {key(made)!r}: let it draw from more"
        raise LookupError(message)

    def _split(self, pool: tuple[str, ...], share: int) -> tuple[list[str], list[str]]:
        if pool not in self._halves:
            halves: tuple[list[str], list[str]] = [], []
            for item in pool:
                halves[held_out(f"entity:{item}", share)].append(item)
            self._halves[pool] = halves
        return self._halves[pool]

    # Names and things, mostly invented.

    def invented(self, syllables: int | None = None) -> str:
        """A lower-case word, 3 to 10 letters, of syllables, of parts of two real words, or of any letters; one in eight is held out.

        ``syllables``: of that many syllables, always.
        """

        def make() -> str:
            share = 0 if syllables else self.number(1, 100)
            if share > 92:
                return "".join(self.one(_LETTERS) for _ in range(self.number(3, 7)))
            if share > 45:
                return self.one(_SPLICED)[: self.number(2, 5)] + self.one(_SPLICED)[-self.number(2, 5) :]
            count = syllables or self.one((1, 2, 2, 2, 3))
            return "".join(
                self.one(words.ONSETS) + self.one(words.VOWELS) + (self.one(words.CODAS) if self.chance(0.6) else "") for _ in range(count)
            )

        while True:
            word = self.fresh(make, lambda made: f"word:{made}", 8)
            if 3 <= len(word) <= _LONGEST and word.capitalize() not in _REAL:
                return word

    def first_name(self) -> str:
        """A given name."""
        return self.invented().capitalize() if self.chance(INVENTED) else self.entity(words.FIRST_NAMES)

    def last_name(self) -> str:
        """A family name."""
        return self.invented().capitalize() if self.chance(INVENTED) else self.entity(words.LAST_NAMES)

    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.first_name()} {self.last_name()}"

    def person(self) -> str:
        """A given name, or a full one."""
        return self.full_name() if self.chance(0.35) else self.first_name()

    def city(self) -> str:
        """A town."""
        return self.invented().capitalize() if self.chance(INVENTED) else self.entity(words.CITIES)

    def company(self) -> str:
        """A company."""
        name = self.invented().capitalize() if self.chance(INVENTED) else self.entity(words.COMPANIES)
        return f"{name} {self.one(words.COMPANY_KINDS)}" if self.chance(0.6) else name

    def thing(self) -> str:
        """Something one can hold, in the singular."""
        return self.invented() if self.chance(0.2) else self.entity(words.THINGS)

    def order_number(self) -> str:
        """An identifier as shops write them."""
        number = self.number(1000, 99999)
        return self.one((str(number), f"{self.one(('A', 'B', 'ORD', 'INV', 'PO', 'TX'))}-{number}", f"#{number}"))

    def date(self) -> str:
        """A date in one of the usual forms."""
        year, month, day = self.number(2015, 2032), self.number(1, 12), self.number(1, 28)
        name = words.MONTHS[month - 1]
        return self.one((f"{year}-{month:02}-{day:02}", f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {day}"))

    def time(self) -> str:
        """A time of day."""
        return self.one((f"{self.number(0, 23)}:{self.one((0, 15, 30, 45)):02}", f"{self.number(1, 12)} {self.one(('am', 'pm'))}"))

    def email(self) -> str:
        """An address at a made-up or example domain."""
        domain = self.one(words.DOMAINS) if self.chance(0.5) else f"{self.invented()}.{self.one(('com', 'org', 'net'))}"
        return f"{self.first_name().lower()}{self.one(('', '', f'{self.number(1, 99)}', f'.{self.last_name().lower()}'))}@{domain}"

    def phone(self) -> str:
        """A telephone number."""
        return self.one(
            (f"555-{self.number(0, 9999):04}", f"+1 {self.number(200, 999)} {self.number(0, 999):03} {self.number(0, 9999):04}")
        )
