"""The words of the generated world: plain pools, and the countries with what is true of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tea_training.corpus.pools import Pool, read

_DATA: Final = read("words")

FIRST_NAMES: Final[Pool] = _DATA["first_names"]
LAST_NAMES: Final[Pool] = _DATA["last_names"]
CITIES: Final[Pool] = _DATA["cities"]
COMPANIES: Final[Pool] = _DATA["companies"]
COMPANY_KINDS: Final[Pool] = _DATA["company_kinds"]
THINGS: Final[Pool] = _DATA["things"]
MONTHS: Final[Pool] = _DATA["months"]
DAYS: Final[Pool] = _DATA["days"]
DOMAINS: Final[Pool] = _DATA["domains"]
COLORS: Final[Pool] = _DATA["colors"]
FRUITS: Final[Pool] = _DATA["fruits"]
ANIMALS: Final[Pool] = _DATA["animals"]
FOODS: Final[Pool] = _DATA["foods"]
JOBS: Final[Pool] = _DATA["jobs"]
HOBBIES: Final[Pool] = _DATA["hobbies"]
ROOMS: Final[Pool] = _DATA["rooms"]
PLACES: Final[Pool] = _DATA["places"]
DEPARTMENTS: Final[Pool] = _DATA["departments"]
TOPICS: Final[Pool] = _DATA["topics"]
GOOD_ADJECTIVES: Final[Pool] = _DATA["good_adjectives"]
BAD_ADJECTIVES: Final[Pool] = _DATA["bad_adjectives"]
REVIEWED: Final[Pool] = _DATA["reviewed"]
SCHOOL_SUBJECTS: Final[Pool] = _DATA["school_subjects"]
GAMES: Final[Pool] = _DATA["games"]
GATHERINGS: Final[Pool] = _DATA["gatherings"]
TIME_UNITS: Final[Pool] = _DATA["time_units"]
WEIGHT_UNITS: Final[Pool] = _DATA["weight_units"]

# What an invented word is made of.
ONSETS: Final[Pool] = _DATA["onsets"]
VOWELS: Final[Pool] = _DATA["vowels"]
CODAS: Final[Pool] = _DATA["codas"]

SPACED: Final[Pool] = _DATA["spaced"]
"""Words that are hardly ever a value to copy."""
SPACED_SIGNS: Final[Pool] = _DATA["spaced_signs"]


@dataclass(frozen=True, slots=True)
class Country:
    """A country; ``article`` is ``"the "`` where running text needs it. ``language`` is the most spoken official one."""

    name: str
    capital: str
    continent: str
    language: str
    currency: str
    article: str = ""

    @property
    def in_text(self) -> str:
        """The name as it stands inside a sentence: ``the Netherlands``."""
        return self.article + self.name


def _country(name: str, capital: str, continent: str, language: str, currency: str) -> Country:
    bare = name.removeprefix("the ")
    return Country(bare, capital, continent, language, currency, "the " if bare != name else "")


COUNTRIES: Final = tuple(_country(*row) for row in _DATA["countries"])
CONTINENTS: Final[Pool] = _DATA["continents"]
LANGUAGES: Final = tuple(dict.fromkeys(country.language for country in COUNTRIES))
CAPITALS: Final = tuple(country.capital for country in COUNTRIES)
