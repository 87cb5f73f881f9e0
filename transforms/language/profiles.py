"""langdetect 1.0.9, made exact: what comes in is a text and its script, what goes out is a language it knows.

langdetect draws n-grams of a text at random and multiplies what the profiles say of each, several trials long. Here
every n-gram counts once, which is what its trials tend to: the logarithms that `build` worked out of its profiles are
integers, so their sum is the same in any order, in every process and on every machine. The profiles, the smoothing and
the rules of what an n-gram is are langdetect's own. What differs from `langdetect.detect`, and why:

- Only the languages written in the text's script compete. So Korean, whose profile is full of Han n-grams (upstream
  issue 51), never meets a Chinese text.
- Tables load once a process, under a lock. Upstream's profiles load in the order of the folder, and fail when cold
  threads start together (upstream issue 65).

At each character of a text langdetect takes the n-grams of one, two and three characters that end there. Which of them
the profiles know depends on three characters, so `Profiles` holds a table of states: two look-ups a character lead to
the longest n-gram that is known there, and its row has the shorter ones in it. So a text costs the same whether its
words are new or not, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from transforms.language.scripts import CAPITAL

Array = np.ndarray[Any, Any]

DATA = Path(__file__).parent / "data" / "profiles.npz"

BLOCK = 64
"""Characters whose weights are summed apart, so that a second language is found."""

SCALE = 1 << 14
"""Weights are logarithms times this, rounded: four digits."""

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "Arabic": ("ar", "fa", "ur"),
    "Cyrillic": ("bg", "mk", "ru", "uk"),
    "Devanagari": ("hi", "mr", "ne"),
    "Latin": (
        "af",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "en",
        "es",
        "et",
        "fi",
        "fr",
        "hr",
        "hu",
        "id",
        "it",
        "lt",
        "lv",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "sk",
        "sl",
        "so",
        "sq",
        "sv",
        "sw",
        "tl",
        "tr",
        "vi",
    ),
}
"""langdetect's languages, by the script they compete in. The order is part of the result. langdetect's names are
BCP 47 tags here; the two that aren't (zh-cn, zh-tw) are told apart by `han`."""

# States in which nothing is known: because no profile does, because langdetect takes nothing that ends in two capitals.
_UNKNOWN, _SKIPPED = range(2)

# Characters by number: a space, what no n-gram has, and from _FIRST_KNOWN on the others.
_SPACE, _OTHER, _OTHER_CAPITAL, _FIRST_KNOWN = range(4)
_tables: dict[str, Array] = {}
_profiles: dict[str, Profiles] = {}
_lock = RLock()


def table(name: str) -> Array:
    """A table that `build` made; all are read at the first call."""
    if name not in _tables:
        with _lock:
            if name not in _tables:
                with np.load(DATA) as stored:
                    _tables.update({each: stored[each] for each in stored.files})
    return _tables[name]


class Guess(NamedTuple):
    """What the profiles say of a text."""

    language: str
    margin: int
    """The winner's weight over the second's. A SCALE is a nat: e times as likely, if n-grams were independent."""
    fit: int
    """How well the text's trigrams fit the winner, 0 to some 1,000 (see `Profiles.guess`)."""


class Reading(NamedTuple):
    """A text as the profiles see it, a value for each character."""

    states: Array
    """The row of the longest known n-gram that ends there; _UNKNOWN or _SKIPPED for none."""
    numbers: Array
    """The character, as a small number; 0 for a space."""


class Profiles:
    """The profiles that compete in a script, and the table of states that reads a text for them."""

    def __init__(self, script: str) -> None:
        self.languages = LANGUAGES[script]
        classes = table("classes")
        grams, weights = table(f"{script}.grams"), table(f"{script}.rows")

        # Characters as small numbers: a space, what no n-gram has, and the rest in the order of their normal forms.
        normal = table(f"{script}.normal")
        known = np.setdiff1d(normal, [ord(" ")])
        size = len(known) + _FIRST_KNOWN
        numbers = np.where(classes & CAPITAL, _OTHER_CAPITAL, _OTHER).astype(np.uint16)
        numbers[table(f"{script}.codes")] = _numbered(normal, known)
        capital = np.zeros(size, bool)
        capital[_OTHER_CAPITAL] = True
        capital[_FIRST_KNOWN:] = classes[known] & CAPITAL != 0
        skipped = capital[:, None] & capital[None, :]

        length = np.char.str_len(grams)
        spelled = _numbered(grams.view(np.uint32).reshape(len(grams), -1), known)
        row = np.arange(len(grams), dtype=np.uint16) + (_SKIPPED + 1)
        rows = np.concatenate([np.zeros((_SKIPPED + 1, weights.shape[1]), np.int32), weights])

        # Where one character leads to that begins an n-gram, where two do, where three do.
        single = np.zeros(size, np.uint16)
        single[spelled[length == 1, 0]] = row[length == 1]
        one, two = spelled[length == 2, :2].T
        rows[row[length == 2]] += rows[single[two]]
        pairs = np.broadcast_to(single, (size, size)).copy()
        pairs[one, two] = row[length == 2]
        pairs[skipped] = _SKIPPED
        one, two, three = spelled[length == 3].T
        rows[row[length == 3]] += rows[pairs[two, three]]
        # What counts of the two characters before: the last, or both where some trigram begins with them.
        beginnings, beginning = np.unique(one * size + two, return_inverse=True)
        contexts = np.broadcast_to(np.arange(size), (size, size)).copy()
        contexts.ravel()[beginnings] = size + np.arange(len(beginnings))
        states = np.concatenate([pairs, pairs[beginnings % size]])
        states[size + beginning, three] = row[length == 3]
        states[size:][skipped[beginnings % size]] = _SKIPPED

        self._size = size
        self._numbers = numbers
        self._contexts = contexts.ravel() * size
        self._states = states.ravel()
        self._rows = rows
        self._trigrams = np.zeros(rows.shape[::-1], np.int32)
        self._trigrams[:, row[length == 3]] = weights[length == 3].T
        self._most = self._trigrams.max(axis=0)
        self._typical = table(f"{script}.typical").tolist()

    def read(self, codes: Array) -> Reading:
        """The text of the code points `codes`; what comes before it counts as a space."""
        numbers = np.zeros(len(codes) + 2, np.intp)
        numbers[2:] = self._numbers.take(codes, mode="clip")
        contexts = self._contexts.take(numbers[:-2] * self._size + numbers[1:-1])
        return Reading(self._states.take(contexts + numbers[2:]), numbers[2:])

    def sums(self, reading: Reading) -> Array:
        """The weights of the languages in each BLOCK of a text, of which it has a whole number: blocks x languages."""
        blocks = len(reading.states) // BLOCK
        # Blocks side by side, so that numpy sums long rows: five times as fast as one block after the other.
        rows = self._rows.take(reading.states.reshape(blocks, BLOCK).T, axis=0)
        weights: Array = np.add.reduce(rows.reshape(BLOCK, -1), dtype=np.int32)
        return weights.reshape(blocks, len(self.languages))

    def guess(self, reading: Reading, sums: list[int]) -> Guess | None:
        """The likeliest language of a text, given the weights of all; None where no profile knows an n-gram of it.

        langdetect has no answer for "none of these": it says Estonian or Swahili with all certainty to languages it has
        never seen. So the fit tells how much the text looks like the winner's: the weight that its trigrams give the
        winner, over what trigrams of the language's own would give it, times the same weight over what they would give
        if each could choose the language that it speaks for most.
        """
        second, first = sorted(sums)[-2:]
        if not first:
            return None
        best = sums.index(first)
        of_best = int(np.add.reduce(self._trigrams[best].take(reading.states)))
        most = int(np.add.reduce(self._most.take(reading.states)))
        # as many trigrams end in a text as it has characters that are no space
        trigrams = int(np.count_nonzero(reading.numbers) - np.count_nonzero(reading.states == _SKIPPED))
        return Guess(
            self.languages[best], first - second, 1000 * of_best**2 // max(1, self._typical[best] * trigrams * most)
        )


def profiles(script: str) -> Profiles:
    """The profiles of a key of LANGUAGES, built once a process."""
    if script not in _profiles:
        with _lock:
            if script not in _profiles:
                _profiles[script] = Profiles(script)
    return _profiles[script]


def _numbered(characters: Array, known: Array) -> Array:
    return np.where(characters == ord(" "), _SPACE, np.searchsorted(known, characters) + _FIRST_KNOWN)
