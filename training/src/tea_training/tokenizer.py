"""The tokenizer: byte-level BPE exactly as llama.cpp does it for ``tokenizer.ggml.pre = smollm``, learned from the corpus.

Two choices make exact copying a uniform operation for a small model. Every digit is a token of its own. And a merge
carries a leading space only for function words and punctuation: any word that may be a value has the same tokens
after a space, a quote or a bracket. No name of a person, town or company becomes a token.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from typing import TYPE_CHECKING

from tea_training.corpus import words

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MARKUP = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<tools>", "</tools>")
SIZE = 2048

_WHITE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"


@cache
def _byte_letters() -> tuple[str, ...]:
    """GPT-2's printable stand-in for each of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = iter(range(256, 512))
    return tuple(chr(byte if byte in plain else next(extra)) for byte in range(256))


@cache
def _char_class(category: str) -> str:
    """All characters of a Unicode category such as ``L``, as ranges of a regular expression."""
    ranges: list[str] = []
    start = previous = -2
    for point in [*(p for p in range(sys.maxunicode + 1) if unicodedata.category(chr(p)).startswith(category)), -1]:
        if point == previous + 1:
            previous = point
            continue
        if start >= 0:
            ranges.append(f"\\U{start:08x}-\\U{previous:08x}")
        start = previous = point
    return "".join(ranges)


@cache
def _pattern() -> re.Pattern[str]:
    """One piece of text that merges do not cross: a digit, a word, a run of signs or of white space.

    Since digits are cut out first, white space before a digit stands like white space at the end.
    """
    letter, digit = _char_class("L"), _char_class("N")
    ends = f"(?=[{digit}]|\\Z)"
    return re.compile(
        f"[{digit}]|'s|'t|'re|'ve|'m|'ll|'d| ?[{letter}]+| ?[^{_WHITE}{letter}{digit}]+"
        f"|[{_WHITE}]+{ends}|[{_WHITE}]+(?![^{_WHITE}])|[{_WHITE}]+"
    )


class Tokenizer:
    """Text ↔ tokens. ``merges`` are in the order of their rank."""

    def __init__(self, merges: list[tuple[str, str]]) -> None:
        self.merges = merges
        self.tokens = [*CONTROL, *MARKUP, *_byte_letters(), *(left + right for left, right in merges)]
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._special = re.compile("(" + "|".join(map(re.escape, CONTROL + MARKUP)) + ")")
        self._known: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> list[int]:
        """The tokens of ``text``; the texts of control and markup tokens become those tokens."""
        found: list[int] = []
        for part in self._special.split(text):
            if part.startswith("<") and part in self.ids:
                found.append(self.ids[part])
                continue
            for piece in _pattern().findall(part):
                found += self._known.get(piece) or self._learn(piece)
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; bytes that make no character become U+FFFD."""
        byte = {letter: number for number, letter in enumerate(_byte_letters())}
        out = bytearray()
        for number in ids:
            token = self.tokens[number]
            out += token.encode() if number < len(CONTROL + MARKUP) else bytes(byte[letter] for letter in token)
        return out.decode("utf-8", "replace")

    def save(self, path: Path) -> None:
        """Write what :meth:`load` reads."""
        path.write_text(json.dumps({"merges": self.merges}, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """The tokenizer that was saved as ``path``."""
        return cls([(left, right) for left, right in json.loads(path.read_text(encoding="utf-8"))["merges"]])

    def _learn(self, piece: str) -> tuple[int, ...]:
        if len(self._known) > 300_000:
            self._known.clear()
        parts = [_byte_letters()[byte] for byte in piece.encode("utf-8", "replace")]
        while len(parts) > 1:
            ranked = [(self._ranks.get(pair, sys.maxsize), at) for at, pair in enumerate(itertools.pairwise(parts))]
            rank, at = min(ranked)
            if rank == sys.maxsize:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        found = self._known[piece] = tuple(self.ids[part] for part in parts)
        return found


def train(texts: Iterable[str], size: int = SIZE, least: int = 4) -> Tokenizer:
    """Learn ``size`` tokens from ``texts``; a word seen fewer than ``least`` times (an invented one) teaches nothing."""
    spaced = dict.fromkeys([*words.SPACED, *words.SPACED_SIGNS])
    counts = _word_counts(texts, least)
    room = size - len(CONTROL) - len(MARKUP) - 256
    merges = _learn_merges(counts, room - len(spaced), must={word for word in spaced if len(_letters(word)) > 1})
    known = {*_byte_letters(), *(left + right for left, right in merges)}
    merges += [("Ġ", word) for word in (_letters(each) for each in spaced) if word in known]
    return Tokenizer(merges)


def _letters(text: str) -> str:
    return "".join(_byte_letters()[byte] for byte in text.encode())


def _word_counts(texts: Iterable[str], least: int) -> dict[str, int]:
    """How often each word occurs, without its leading space; names are left out."""
    names = {
        part for pool in (words.FIRST_NAMES, words.LAST_NAMES, words.CITIES, words.COMPANIES) for name in pool for part in name.split()
    }
    special = re.compile("|".join(map(re.escape, CONTROL + MARKUP)))
    counts: Counter[str] = Counter()
    for text in texts:
        for part in special.split(text):
            counts.update(piece.removeprefix(" ") for piece in _pattern().findall(part))
    return {_letters(word): count for word, count in counts.items() if count >= least and len(word) > 1 and word not in names}


class _Pairs:
    """The neighbours in all words: how often each pair occurs and where; pairs that may not be joined are left out."""

    def __init__(self, words_counted: dict[str, int]) -> None:
        self._split = {word: (list(word), count) for word, count in words_counted.items()}
        self._barred: set[tuple[str, str]] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self._where: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for word in self._split:
            self._add(word, 1)

    def best(self) -> tuple[str, str] | None:
        """The most frequent pair that may be joined."""
        while self.counts:
            best = max(self.counts, key=lambda pair: (self.counts[pair], pair))
            if self.counts[best] <= 0:
                return None
            if _joinable(best, self._split):
                return best
            del self.counts[best]
            self._barred.add(best)
        return None

    def join(self, pair: tuple[str, str]) -> None:
        """Make ``pair`` one part wherever it stands."""
        for word in sorted(self._where.pop(pair)):
            self._add(word, -1)
            parts = self._split[word][0]
            at = 0
            while at < len(parts) - 1:
                if (parts[at], parts[at + 1]) == pair:
                    parts[at : at + 2] = [parts[at] + parts[at + 1]]
                at += 1
            self._add(word, 1)
        del self.counts[pair]

    def _add(self, word: str, sign: int) -> None:
        parts, count = self._split[word]
        for pair in itertools.pairwise(parts):
            if pair not in self._barred:
                self.counts[pair] += sign * count
                if sign > 0:
                    self._where[pair].add(word)


def _learn_merges(counts: dict[str, int], room: int, must: set[str]) -> list[tuple[str, str]]:
    """The most frequent pairs first; the words in ``must`` count so much that each ends up as one token."""
    total = sum(counts.values())
    pairs = _Pairs({word: counts.get(word, 0) + (total // 50 if word in must else 0) for word in sorted({*counts, *map(_letters, must)})})
    merges: list[tuple[str, str]] = []
    while len(merges) < room and (best := pairs.best()):
        merges.append(best)
        pairs.join(best)
    return merges


def _joinable(pair: tuple[str, str], known: Container[str]) -> bool:
    """Whether ``pair`` may become a token: a capital joins what follows only where that completes a word of the corpus.

    So a name has the same tokens after its capital as in lower case.
    """
    return pair[0].lower() == pair[0] or pair[0] + pair[1] in known
