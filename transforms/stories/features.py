"""What the model looks at: how an article fits each of its candidate stories.

In: an article's vector and its candidates. Out: a row of numbers for each candidate, in the order of `NAMES`. The desk
and the training use this one implementation. Every float is computed by the same scalar operations in the same order
whatever the order of arrival; sums of floats are `math.fsum`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import mul
from typing import NamedTuple

from transforms.stories.vectors import DAY, LENGTH, Vector

_SQUARE = LENGTH * LENGTH
MILLION = 1_000_000
RARITY_ONE = 1024
# A tiny cohesion (trimmed vectors can make it so) must not blow up the ratios.
_SMALL = 1e-3

BASE = (
    "cosine",
    "largest_share",
    "near_last",
    "near_mean",
    "over_best",
    "over_joins",
    "cohesion",
    "over_cohesion",
    "singleton",
    "shorter_length",
    "own_length",
    "recency",
    "days",
    "days_to_mean",
)
LOCAL = (
    "local_cosine",
    "local_shared",
    "local_ratio",
    "local_top5",
    "local_largest_share",
    "local_over_best",
    "local_gap",
    "local_others",
)
FIELD = ("live", "above_30", "above_50", "gap", "others", "outstanding")
NAMES = BASE + LOCAL + FIELD

_RISING = frozenset(
    ["cosine", "near_last", "near_mean", "over_best", "over_joins", "over_cohesion", "recency", "local_cosine",
     "local_shared", "local_ratio", "local_over_best", "local_gap", "gap", "outstanding"]
)  # fmt: skip
_FALLING = frozenset(["days", "days_to_mean"])
MONOTONE = tuple(1 if name in _RISING else -1 if name in _FALLING else 0 for name in NAMES)
"""Which way the score may move as a feature grows: 1 up, -1 down, 0 either."""


class StoryView(NamedTuple):
    """What a candidate story shows of itself."""

    vector: Vector
    """Integer sum of its articles' vectors."""
    square: int
    """The vector's squared length."""
    articles: int
    last_time: int
    mean_time: int
    best_cosines: int
    """Sum, over its joins, of the best cosine that the joining article saw, in millionths."""
    longest_body: int


def matches(article: Vector, story: Vector) -> list[tuple[int, int]]:
    """(product of both weights, term) of the shared terms, in no particular order: all that is done with them is
    sums of integers, maxima, and sorting."""
    return [(article[term] * story[term], term) for term in article.keys() & story.keys()]


def cosine(dot: int, square: int) -> float:
    """Cosine of an article (of length `LENGTH`) with a story, from integers."""
    return dot / (LENGTH * math.sqrt(square)) if square else 0.0


class _ByCount(dict[int, int]):
    """Number of live stories that hold a term -> the term's local rarity, filled as counts turn up."""

    def __init__(self, log_live: float) -> None:
        super().__init__()
        self._log_live = log_live

    def __missing__(self, count: int) -> int:
        self[count] = rarity = round(RARITY_ONE * (self._log_live - math.log(1 + count)) / self._log_live)
        return rarity


class LocalRarity:
    """How rare a term is among the live stories, in 1/1024: 1024 for one that none holds, near 0 for one in all."""

    def __init__(self, stories_with: Mapping[int, int]) -> None:
        """`stories_with`: in how many live stories a term is; kept by the desk."""
        self._stories_with = stories_with
        self._live = -1
        self.log_live = 0.0
        self._by_count = _ByCount(1.0)

    def at(self, live: int) -> None:
        """Set the number of live stories, and with it L = ln(live + 2)."""
        if live != self._live:
            self._live = live
            self.log_live = math.log(live + 2)
            self._by_count = _ByCount(self.log_live)

    def of_article(self, article: Vector) -> dict[int, int]:
        """The rarity of each term of an article."""
        by_count = self._by_count
        count_of = self._stories_with.get
        return {term: by_count[count_of(term, 0)] for term in article}

    def square(self, story: Vector) -> int:
        """Squared length of a live story's vector whose weights are multiplied by the rarity of their terms."""
        # All in C: this runs over some thousand terms an article.
        rarities = map(self._by_count.__getitem__, map(self._stories_with.__getitem__, story))
        weights = list(map(mul, story.values(), rarities))
        return sum(map(mul, weights, weights))


def feature_rows(
    article: Vector,
    time: int,
    body_length: int,
    candidates: Sequence[tuple[StoryView, Sequence[tuple[int, int]]]],
    local: LocalRarity,
    live: int,
) -> list[list[float]]:
    """A row of `NAMES` for each candidate: (the story, `matches` of the article with it).

    `time` in microseconds, `body_length` in characters, `live` is the number of live stories.
    """
    local.at(live)
    rarity = local.of_article(article)
    article_rarity = sum(rarity.values())
    article_square = sum((weight * rarity[term]) ** 2 for term, weight in article.items())

    dots = [sum(product for product, _ in shared) for _, shared in candidates]
    cosines = [cosine(dot, story.square) for dot, (story, _) in zip(dots, candidates, strict=True)]
    local_products: list[list[int]] = []
    local_cosines: list[float] = []
    for story, shared in candidates:
        products = [product * rarity[term] * rarity[term] for product, term in shared]
        square = article_square * local.square(story.vector)
        local_products.append(products)
        local_cosines.append(sum(products) / math.sqrt(square) if square else 0.0)

    above_30 = math.log(1 + sum(1 for value in cosines if value > 0.3))
    above_50 = math.log(1 + sum(1 for value in cosines if value > 0.5))
    own_length = math.log(1 + body_length)
    rows = []
    for at, (story, shared) in enumerate(candidates):
        others = _Others(cosines, at)
        local_others = _Others(local_cosines, at)
        dot, value, local_value, products = dots[at], cosines[at], local_cosines[at], local_products[at]
        days = max(0, time - story.last_time) / DAY
        days_to_mean = max(0, time - story.mean_time) / DAY
        count = story.articles
        if count == 1:
            over_joins, cohesion, over_cohesion = 1.0, 0.0, 1.0
        else:
            over_joins = min(3.0, value * count * MILLION / max(story.best_cosines, 1))
            cohesion = (story.square / _SQUARE - count) / (count * (count - 1))
            over_cohesion = min(3.0, dot / _SQUARE / count / max(cohesion, _SMALL))
        strongest = sorted(((-product, term) for product, term in shared))[:5]
        local_sum = sum(products)
        rows.append(
            [
                value,
                max(product for product, _ in shared) / dot if dot else 0.0,
                math.exp(-((days / 3.0) ** 2) / 2.0),
                math.exp(-((days_to_mean / 3.0) ** 2) / 2.0),
                value / others.top if others.top > value else 1.0,
                over_joins,
                cohesion,
                over_cohesion,
                1.0 if count == 1 else 0.0,
                math.log(1 + min(body_length, story.longest_body)),
                own_length,
                math.exp(-days),
                min(7.0, days),
                min(14.0, days_to_mean),
                local_value,
                sum(rarity[term] for _, term in shared) / article_rarity if article_rarity else 0.0,
                local_value / value if value else 0.0,
                sum(rarity[term] for _, term in strongest) / (RARITY_ONE * len(strongest)) if strongest else 0.0,
                max(products) / local_sum if local_sum else 0.0,
                local_value / local_others.top if local_others.top > local_value else 1.0,
                local_value - local_others.top,
                local_others.mean,
                local.log_live,
                above_30,
                above_50,
                value - others.top,
                others.mean,
                min(10.0, (value - others.mean) / (others.deviation + 0.05)),
            ]
        )
    return rows


class _Others:
    """Largest, mean and standard deviation of all values but one; zeros where there is no other."""

    __slots__ = ("deviation", "mean", "top")

    def __init__(self, values: Sequence[float], but: int) -> None:
        rest = [value for at, value in enumerate(values) if at != but]
        self.top = max(rest, default=0.0)
        self.mean = math.fsum(rest) / len(rest) if rest else 0.0
        self.deviation = math.sqrt(math.fsum((value - self.mean) ** 2 for value in rest) / len(rest)) if rest else 0.0
