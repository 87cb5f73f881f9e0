"""Term counts -> the integer vector by which articles and stories are compared.

In: a slip's counts. Out: a `Vector` of the heaviest terms, of length `LENGTH`. All arithmetic that decides is of
integers, or of floats by operations that IEEE 754 rounds the same on every machine (+, *, /, square root): logarithms
come from tables of integers. So sums of vectors do not depend on the order in which articles came, and a story's state
is exact.

What a term weighs depends on how many articles have it: in the language's table, and among the articles of the last
days, so that what everybody writes about now weighs less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from transforms.stories.tables import TermTable
from transforms.stories.terms import Ints
from transforms.stories.vocabulary import Column, Vocabulary


class Vector(NamedTuple):
    """Terms of an article or a story, and what they weigh."""

    places: Ints
    """In the desk's vocabulary; an article's in rising order of term ids."""
    weights: Ints


Counted = tuple[int | None, int, Ints, Ints]
"""Day, articles, terms in rising order, in how many articles each was."""

LENGTH = 1000
# The constants below were chosen on labelled news with a prototype of this desk.
HEAVIEST = 100
RECENT_SHARE = 0.3
RECENT_HALF = 200
RECENT_DAYS = 5  # today and the four days before

DAY = 86_400_000_000  # microseconds

# 1 + ln of a count (a byte), in 1/256.
_TF = np.array([0, *(round(256 * (1.0 + math.log(count))) for count in range(1, 256))])
# -ln x in 1/4096 for x from 2^-48 to 1, by the first bits of the float: its exponent and 10 bits of its mantissa.
_SHIFT = 42
_LEAST = np.float64(2.0**-48).view(np.int64) >> _SHIFT
_HALVINGS = [
    -math.log(2.0**-exponent * (1024.5 + step) / 1024) for exponent in range(48, 0, -1) for step in range(1024)
]
_RARITY = np.array([round(4096 * rarity) for rarity in _HALVINGS] + [0])

# Positions take 16 bits of a sorting key: no article has more terms (see `terms.HEADLINE_CHARACTERS`).
_POSITION = 0xFFFF
_POSITIONS = np.arange(_POSITION, -1, -1)


class Rarity:
    """How rare a term is, from the table and from what the desk has seen. State: integer counts by day."""

    def __init__(self, table: TermTable, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._documents = table.documents
        self._known = vocabulary.column()
        self._known.data[: len(table.frequencies)] = table.frequencies
        self._by_day: dict[int, Column] = {}
        self._articles_by_day: dict[int, int] = {}
        self._fresh: dict[int | None, tuple[int, Column]] = {}
        """Of this run alone, as `counted` gives it: how many articles, and in how many each term was."""
        self._today = -(1 << 62)
        self._recent = vocabulary.column()
        self._recent_articles = 0
        # On top of an estimate the desk's own articles are counted.
        self._online = None if table.measured else vocabulary.column()
        self._online_articles = 0

    def vector(self, places: Ints, counts: Ints) -> Vector:
        """The vector of an article: (1 + ln tf) times the rarity of each term; the heaviest, ties to the smaller id.

        `places` in rising order of term ids, `counts` from 1 to 255.
        """
        recent_share = RECENT_SHARE * self._recent_articles / (self._recent_articles + RECENT_HALF)
        of_known = (1.0 - recent_share) / (self._documents + self._online_articles + 2)
        of_recent = recent_share / (self._recent_articles + 2)
        known = self._known.data.take(places)
        if self._online is not None:
            known += self._online.data.take(places)
        share = known * of_known + self._recent.data.take(places) * of_recent + (of_known + of_recent)
        weights = _TF.take(counts) * _RARITY.take((share.view(np.int64) >> _SHIFT) - _LEAST)
        if len(weights) > HEAVIEST:
            keys = (weights << 16) | _POSITIONS[: len(weights)]
            keys.partition(len(keys) - HEAVIEST)
            kept = _POSITION - (keys[-HEAVIEST:] & _POSITION)
            kept.sort()
            places, weights = places.take(kept), weights.take(kept)
        length = math.isqrt(int(weights.dot(weights)))
        if not length:
            return Vector(places[:0], weights[:0])
        weights = (weights * LENGTH + length // 2) // length
        if not weights.all():
            places, weights = places[weights > 0], weights[weights > 0]
        return Vector(places, weights)

    def count(self, places: Ints, time: int) -> None:
        """Count one more article. `time` in microseconds; one of a day gone by counts as today's."""
        day = max(time // DAY, self._today)
        self._open_day(day)
        for fresh in (day,) if self._online is None else (day, None):
            articles, column = self._fresh.get(fresh) or (0, self._vocabulary.column())
            column.data[places] += 1
            self._fresh[fresh] = articles + 1, column
        self._by_day[day].data[places] += 1
        self._recent.data[places] += 1
        self._articles_by_day[day] += 1
        self._recent_articles += 1
        if self._online is not None:
            self._online.data[places] += 1
            self._online_articles += 1

    def advance(self, time: int) -> None:
        """Forget the days that are no longer recent at `time`."""
        self._open_day(max(time // DAY, self._today))

    def begin_run(self) -> None:
        """From here on `fresh` begins anew."""
        for _, column in self._fresh.values():
            self._vocabulary.remove(column)
        self._fresh.clear()

    def counted(self) -> Iterator[Counted]:
        """What was counted in the recent days, and with day None in all days where those are counted too."""
        for day, column in self._by_day.items():
            if self._articles_by_day[day]:
                yield self._in_order(day, self._articles_by_day[day], column.data)
        if self._online is not None and self._online_articles:
            yield self._in_order(None, self._online_articles, self._online.data)

    def fresh(self) -> Iterator[Counted]:
        """What was counted in this run: it adds up with what an earlier one's `counted` gave."""
        for day, (articles, column) in self._fresh.items():
            yield self._in_order(day, articles, column.data)

    def _in_order(self, day: int | None, articles: int, column: Ints) -> Counted:
        places = column.nonzero()[0]
        terms = self._vocabulary.terms(places)
        order = terms.argsort()
        return day, articles, terms.take(order), column.take(places.take(order))

    def resume(self, day: int | None, articles: int, terms: Ints, counts: Ints) -> None:
        """Take up what `counted` and `fresh` gave, or a part of it; `advance` has to follow."""
        places = self._vocabulary.places(terms)
        if day is None:
            if self._online is None:
                raise ValueError("counts of all days belong to a language without a term table")
            self._online.data[places] += counts.astype(np.int32)
            self._online_articles += articles
            return
        self._today = max(day, self._today)
        if day not in self._by_day:
            self._by_day[day] = self._vocabulary.column()
        self._by_day[day].data[places] += counts.astype(np.int32)
        self._articles_by_day[day] = self._articles_by_day.get(day, 0) + articles
        self._recent_articles += articles
        self._recent.data[places] += counts.astype(np.int32)

    def _open_day(self, day: int) -> None:
        """Let a day be today, which may have been so before, and forget those that are not recent any more."""
        self._today = day
        if day not in self._by_day:
            self._by_day[day] = self._vocabulary.column()
            self._articles_by_day[day] = 0
        for old in [known for known in self._by_day if known <= day - RECENT_DAYS]:
            column = self._by_day.pop(old)
            self._recent.data -= column.data
            self._vocabulary.remove(column)
            self._recent_articles -= self._articles_by_day.pop(old)
            if old in self._fresh:
                self._vocabulary.remove(self._fresh.pop(old)[1])
