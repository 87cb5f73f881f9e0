"""What the model looks at: how an article fits each of its candidate stories.

In: an article's vector and the rows of its candidates. Out: a row of numbers for each candidate, in the order of
`NAMES`. The desk and the training use this one implementation. Sums are of integers, and what is made of them takes
only operations that every machine rounds alike, so that a row does not depend on the order of anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from transforms.stories.live import (
    ARTICLES,
    BEST_COSINES,
    LAST_TIME,
    LONGEST_BODY,
    MEAN_TIME,
    SIZE,
    SQUARE,
    LiveStories,
)
from transforms.stories.terms import Ints
from transforms.stories.vectors import DAY, HEAVIEST, LENGTH, Vector
from transforms.stories.vocabulary import Vocabulary

_SQUARE = LENGTH * LENGTH
MILLION = 1_000_000
_COUNT = np.arange(1, HEAVIEST + 1, dtype=np.int16)
RARITY_ONE = 256
_RARITY_BITS = 9
_RARITY_MASK = (1 << _RARITY_BITS) - 1
# A tiny cohesion (trimmed vectors can make it so) must not blow up the ratios.
_SMALL = 1e-3
_STRONGEST = 5

BASE = (
    "cosine",
    "largest_share",
    "over_best",
    "over_joins",
    "cohesion",
    "over_cohesion",
    "singleton",
    "shorter_length",
    "own_length",
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
    ["cosine", "over_best", "over_joins", "over_cohesion", "local_cosine", "local_shared", "local_ratio",
     "local_over_best", "local_gap", "gap", "outstanding"]
)  # fmt: skip
_FALLING = frozenset(["days", "days_to_mean"])
MONOTONE = tuple(1 if name in _RISING else -1 if name in _FALLING else 0 for name in NAMES)
"""Which way the score may move as a feature grows: 1 up, -1 down, 0 either."""


class Matches(NamedTuple):
    """Stories compared exactly with an article."""

    rows: Ints
    cosines: Ints
    """Millionths."""
    dots: Ints
    """The products of the vectors."""
    columns: Ints
    """Story by term of the story: the term's position in the article, from 1; 0 where the article does not have it."""


class Matcher:
    """Compares articles with live stories, exactly."""

    def __init__(self, vocabulary: Vocabulary, stories: LiveStories) -> None:
        self._stories = stories
        self._position = vocabulary.column(np.int16)
        """Zeros but while an article is compared."""

    def compare(self, article: Vector, rows: Ints) -> Matches:
        """An article with some stories."""
        stories = self._stories
        facts = stories.facts.take(rows, axis=0)
        width = int(facts[:, SIZE].max())
        position = self._position.data
        position[article.places] = _COUNT[: len(article.places)]
        columns = position.take(stories.places[rows, :width])
        position[article.places] = 0
        # By Cauchy and Schwarz no sum exceeds LENGTH * LENGTH * MOST_SUMMED, which 31 bits hold.
        weights = np.zeros(len(article.places) + 1, np.int32)
        weights[1:] = article.weights
        dots = np.einsum("ij,ij->i", weights.take(columns), stories.weights[rows, :width])
        cosines = (dots * (MILLION / LENGTH) / np.sqrt(facts[:, SQUARE])).astype(np.int64)
        return Matches(rows, cosines, dots, columns)

    def best(self, found: Matches, number: int, least: int, least_share: float) -> Matches:
        """At most `number` of the stories: those of the highest cosines, ties to the smaller id, but none below `least`
        and none below that share of the highest."""
        order = np.lexsort((self._stories.tie.take(found.rows), -found.cosines))[:number]
        cosines = found.cosines.take(order)
        order = order[cosines >= max(least, cosines[0] * least_share)]
        return Matches(*(values.take(order, axis=0) for values in found))

    def shared(self, article: Vector, found: Matches) -> Ints:
        """Story by term of the article: the product of the term's weights in both; 0 where they don't share it."""
        width = len(article.places) + 1
        # Position 0 takes what the article does not have.
        weights = np.zeros((len(found.rows), width), np.int64)
        flat = found.columns + (np.arange(len(found.rows), dtype=np.int32) * width)[:, None]
        weights.ravel()[flat] = self._stories.weights[found.rows, : found.columns.shape[1]]
        return weights[:, 1:] * article.weights


class LocalRarity:
    """How rare a term is among the live stories, in 1/256: 256 for one that none holds, near 0 for one in all.

    r = (L - ln(1 + s)) / L with L = ln(live + 2), where s stories of `live` hold the term.
    """

    def __init__(self) -> None:
        self._logs = np.zeros(0)

    def at(self, having: Ints, live: int) -> Ints:
        """The rarity of terms that so many of the live stories hold."""
        if len(self._logs) < live + 2:
            # Rounded, so that the last bit of a machine's logarithm never shows.
            self._logs = np.array([round(math.log(1 + count), 9) for count in range(2 * live + 1024)])
        logs = self._logs
        rarity: Ints = (RARITY_ONE - np.rint(logs.take(having) * (RARITY_ONE / logs[live + 1]))).astype(np.int64)
        return rarity


def feature_rows(
    cosines: list[int],
    dots: list[int],
    products: Ints,
    facts: list[list[int]],
    rarity: Ints,
    live: int,
    time: int,
    body_length: int,
) -> list[list[float]]:
    """A row of `NAMES` for each candidate.

    Of the candidates: the cosines in millionths, the products of the vectors and what each term of the article adds to
    them (candidate by term), the `facts` of their rows. The local rarity of the article's terms, and the number of live
    stories. Of the article: event time in microseconds, characters of the body.
    """
    # What is a matrix is summed in arrays, the rest in plain numbers: arrays of eight would take longer.
    squares = rarity * rarity
    local_products = products * squares
    local_dots = products.dot(squares).tolist()
    largest, local_largest = products.max(axis=1).tolist(), local_products.max(axis=1).tolist()
    shared_rarity = (products > 0).dot(rarity).tolist()
    strongest = (products << _RARITY_BITS) | rarity
    if len(rarity) > _STRONGEST:
        strongest.partition(len(rarity) - _STRONGEST, axis=1)
        strongest = strongest[:, len(rarity) - _STRONGEST :]
    top_rarities = [[top & _RARITY_MASK for top in tops if top > _RARITY_MASK] for tops in strongest.tolist()]
    article_rarity = max(int(rarity.sum()), 1)
    # Each term's share of a cosine is weighed with the square of its rarity, from 0 to 1.
    local = [
        cosine * local_dot // (dot * RARITY_ONE * RARITY_ONE)
        for cosine, dot, local_dot in zip(cosines, dots, local_dots, strict=True)
    ]
    field, local_field = _Field(cosines), _Field(local)
    above_30 = sum(value > 300_000 for value in cosines)
    above_50 = sum(value > 500_000 for value in cosines)
    made: list[list[float]] = []
    for at, story in enumerate(facts):
        count, square, dot = story[ARTICLES], story[SQUARE], dots[at]
        value, local_value, tops = cosines[at], local[at], top_rarities[at]
        top, mean, deviation = field.others(at)
        local_top, local_mean, _ = local_field.others(at)
        if count == 1:
            over_joins, cohesion, over_cohesion = 1.0, 0.0, 1.0
        else:
            over_joins = min(3.0, value * count / max(story[BEST_COSINES], 1))
            cohesion = (square / _SQUARE - count) / (count * (count - 1))
            over_cohesion = min(3.0, dot / _SQUARE / count / max(cohesion, _SMALL))
        made.append(
            [
                value / MILLION,
                largest[at] / dot,
                value / top if top > value else 1.0,
                over_joins,
                cohesion,
                over_cohesion,
                count == 1,
                min(body_length, story[LONGEST_BODY]),
                body_length,
                max(0, time - story[LAST_TIME]) / DAY,
                max(0, time - story[MEAN_TIME]) / DAY,
                local_value / MILLION,
                shared_rarity[at] / article_rarity,
                local_value / value,
                sum(tops) / (RARITY_ONE * len(tops)),
                local_largest[at] / max(local_dots[at], 1),
                local_value / local_top if local_top > local_value else 1.0,
                (local_value - local_top) / MILLION,
                local_mean / MILLION,
                live,
                above_30,
                above_50,
                (value - top) / MILLION,
                mean / MILLION,
                min(10.0, (value - mean) / (deviation + MILLION / 20)),
            ]
        )
    return made


class _Field:
    """Largest, mean and standard deviation of all values but one; zeros where there is no other."""

    def __init__(self, values: Sequence[int]) -> None:
        self._values = values
        self._sum = sum(values)
        self._squares = sum(value * value for value in values)
        self._ranked = sorted(values, reverse=True)

    def others(self, at: int) -> tuple[int, float, float]:
        """(largest, mean, deviation) of the others."""
        number = len(self._values) - 1
        if not number:
            return 0, 0.0, 0.0
        value = self._values[at]
        largest = self._ranked[1] if value == self._ranked[0] else self._ranked[0]
        rest = self._sum - value
        spread = number * (self._squares - value * value) - rest * rest
        return largest, rest / number, math.sqrt(spread) / number
