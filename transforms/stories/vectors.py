"""Term counts -> the integer vector by which articles and stories are compared.

In: a slip's counts. Out: term -> weight, heaviest first, of length `LENGTH`. Weights are integers, so that sums of
vectors do not depend on the order in which articles came, and a story's state is exact.

What a term weighs depends on how many articles have it: in the language's table (`Commonness.documents_with`), and
among the articles of the last days, so that what everybody writes about now weighs less (`recent`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from transforms.stories.tables import TermTable
from transforms.stories.terms import HASHED

Vector = dict[int, int]

LENGTH = 1000
# The constants below were chosen on labelled news with a prototype of this desk.
HEAVIEST = 100
RECENT_SHARE = 0.3
RECENT_HALF = 200
RECENT_DAYS = 5  # today and the four days before

# 1 + ln tf; a packed count is at most 255, and a headline's counts twice on top.
_TF = tuple(1.0 + math.log(max(count, 1)) for count in range(3 * 255 + 1))

DAY = 86_400_000_000  # microseconds


class Rarity:
    """How rare a term is, from the table and from what the desk has seen. State: integer counts by day."""

    def __init__(self, table: TermTable) -> None:
        self._frequencies = table.frequencies
        self._table_documents = table.documents
        self._by_day: dict[int, dict[int, int]] = {}
        self._articles_by_day: dict[int, int] = {}
        self._today = -(1 << 62)
        self._recent: dict[int, int] = {}
        self._recent_articles = 0
        # On top of an estimate the run's own articles are counted.
        self._online: dict[int, int] | None = None if table.measured else {}
        self._online_articles = 0

    def weights(self, terms: Mapping[int, int]) -> list[tuple[float, int]]:
        """(weight, term) of an article's counts, before it is scaled: (1 + ln tf) times the rarity of the term."""
        recent_share = RECENT_SHARE * self._recent_articles / (self._recent_articles + RECENT_HALF)
        of_table = (1.0 - recent_share) / (self._table_documents + self._online_articles + 2)
        of_recent = recent_share / (self._recent_articles + 2)
        recent = self._recent.get
        online = self._online
        frequencies = self._frequencies
        log = math.log
        weighted = []
        for term, count in terms.items():
            known = frequencies[term] if term < HASHED else 0
            if online is not None:
                known += online.get(term, 0)
            rarity = -log(of_table * (known + 1) + of_recent * (recent(term, 0) + 1))
            weighted.append((_TF[count] * rarity, term))
        return weighted

    def count(self, terms: Mapping[int, int], time: int) -> None:
        """Count one more article. `time` in microseconds; one of a day gone by counts as today's."""
        day = max(time // DAY, self._today)
        if day > self._today:
            self._open_day(day)
        of_day = self._by_day[day]
        recent = self._recent
        for term in terms:
            of_day[term] = of_day.get(term, 0) + 1
            recent[term] = recent.get(term, 0) + 1
        self._articles_by_day[day] += 1
        self._recent_articles += 1
        if self._online is not None:
            for term in terms:
                self._online[term] = self._online.get(term, 0) + 1
            self._online_articles += 1

    def advance(self, time: int) -> None:
        """Forget the days that are no longer recent at `time`."""
        if time // DAY > self._today:
            self._open_day(time // DAY)

    def counted(self) -> Iterator[tuple[int | None, int, dict[int, int]]]:
        """(day, articles, counts) of the recent days, and with day None of all days where those are counted too."""
        for day, counts in self._by_day.items():
            yield day, self._articles_by_day[day], counts
        if self._online is not None:
            yield None, self._online_articles, self._online

    def resume(self, day: int | None, articles: int, counts: Mapping[int, int]) -> None:
        """Take up what `counted` gave, or a part of it."""
        if day is None:
            if self._online is None:
                raise ValueError("counts of all days belong to a language without a term table")
            self._online.update(counts)
            self._online_articles += articles
            return
        self._today = max(day, self._today)
        self._by_day.setdefault(day, {}).update(counts)
        self._articles_by_day[day] = self._articles_by_day.get(day, 0) + articles
        self._recent_articles += articles
        for term, count in counts.items():
            self._recent[term] = self._recent.get(term, 0) + count

    def _open_day(self, day: int) -> None:
        self._today = day
        self._by_day[day] = {}
        self._articles_by_day[day] = 0
        for old in [known for known in self._by_day if known <= day - RECENT_DAYS]:
            for term, count in self._by_day.pop(old).items():
                left = self._recent[term] - count
                if left:
                    self._recent[term] = left
                else:
                    del self._recent[term]
            self._recent_articles -= self._articles_by_day.pop(old)


def combine(headline: Mapping[int, int], body: Mapping[int, int]) -> dict[int, int]:
    """An article's counts: what the headline says counts twice."""
    counts = dict(body)
    for term, count in headline.items():
        counts[term] = counts.get(term, 0) + 2 * count
    return counts


def vector(weighted: list[tuple[float, int]]) -> Vector:
    """The heaviest terms (ties: the smaller id), scaled to `LENGTH` and rounded; empty where there are none."""
    heaviest = sorted((-weight, term) for weight, term in weighted if weight > 0.0)[:HEAVIEST]
    squares = math.fsum(weight * weight for weight, _ in heaviest)
    if squares == 0.0:
        return {}
    scale = -LENGTH / math.sqrt(squares)
    scaled = {term: round(weight * scale) for weight, term in heaviest}
    return {term: weight for term, weight in scaled.items() if weight}
