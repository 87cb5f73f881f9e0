"""The live stories in arrays, a row each: what an article is compared with.

In: vectors of articles that open or join stories. Out: rows of terms and weights, and facts that features are made of.
A story is the integer sum of its articles' vectors, trimmed to its heaviest terms when it has too many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.stories.candidates import heaviest
from transforms.stories.terms import Ints
from transforms.stories.vectors import Vector
from transforms.stories.vocabulary import Vocabulary

# Chosen with the prototype on labelled news.
TRIM_FROM = 200
TRIM_TO = 120
# A story of more articles keeps its vector as it is: what so many articles are about is known, and products must fit
# into 31 bits.
MOST_SUMMED = 2000

# Columns of `facts`.
SQUARE, ARTICLES, LAST_TIME, MEAN_TIME, BEST_COSINES, LONGEST_BODY, SIZE = range(7)
FACTS = 7

_FIRST = 256


class LiveStories:
    """Rows of live stories. A row is used again after its story has ended."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.places = np.full((_FIRST, TRIM_FROM), vocabulary.nowhere, np.int32)
        """Row -> places of the story's terms, in no particular order; beyond them a place that no term has."""
        self.weights = np.zeros((_FIRST, TRIM_FROM), np.int32)
        """What they weigh; 0 beyond the story's terms."""
        self.facts = np.zeros((_FIRST, FACTS), np.int64)
        """Squared length of the vector; number of articles; time of the last and mean time, microseconds UTC; sum of
        the best cosines that joining articles saw, in millionths; characters of the longest body; number of terms."""
        self.tie = np.zeros(_FIRST, np.uint64)
        """The start of the story's id: of two that fit alike the smaller wins."""
        self.having = vocabulary.column()
        """Place -> in how many live stories the term is."""
        self._free = list(range(_FIRST - 1, -1, -1))
        self._at = vocabulary.column()

    def __len__(self) -> int:
        return len(self.facts) - len(self._free)

    def vector(self, row: int) -> Vector:
        """A story's vector, as a view."""
        size = self.facts[row, SIZE]
        return Vector(self.places[row, :size], self.weights[row, :size])

    def open(self, story_id: str, vector: Vector, facts: dict[int, int]) -> int:
        """Give a story a row. `facts` by column, without those that the vector tells."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        self.tie[row] = int(story_id[:16], 16)
        for column, value in facts.items():
            self.facts[row, column] = value
        self._write(row, vector)
        self.having.data[vector.places] += 1
        return row

    def open_all(self, story_ids: Sequence[str], facts: Ints, sizes: Ints, vectors: Vector) -> Ints:
        """Give rows to many stories at once: their vectors one after the other, and how long each is."""
        number = len(story_ids)
        while len(self._free) < number:
            self._grow()
        rows = np.array(self._free[len(self._free) - number :], np.intp)
        del self._free[len(self._free) - number :]
        self.tie[rows] = [int(story_id[:16], 16) for story_id in story_ids]
        of_row = rows.repeat(sizes)
        column = np.arange(len(of_row)) - (sizes.cumsum() - sizes).repeat(sizes)
        self.places[of_row, column] = vectors.places
        self.weights[of_row, column] = vectors.weights
        self.facts[rows] = facts
        self.facts[rows, SIZE] = sizes
        self.facts[rows, SQUARE] = np.bincount(np.arange(number).repeat(sizes), vectors.weights**2, number)
        self.having.data += np.bincount(vectors.places, minlength=len(self.having.data)).astype(np.int32)
        return rows

    def add(self, row: int, vector: Vector, articles: int) -> None:
        """Add the sum of some articles' vectors to a story's, and their number to its articles."""
        facts = self.facts[row]
        facts[ARTICLES] += articles
        if facts[ARTICLES] > MOST_SUMMED:
            return
        places, weights = self.vector(row)
        at = self._at.data
        at[places] = np.arange(1, len(places) + 1)
        found = at.take(vector.places)
        at[places] = 0
        known = found > 0
        new = vector.places[~known]
        weights = weights.astype(np.int64)
        weights[found[known] - 1] += vector.weights[known]
        total = Vector(np.concatenate([places, new]), np.concatenate([weights, vector.weights[~known]]))
        having = self.having.data
        if len(total.places) > TRIM_FROM:
            having[places] -= 1
            total = heaviest(total, TRIM_TO, self._vocabulary)
            having[total.places] += 1
        else:
            having[new] += 1
        self._write(row, total)

    def close(self, rows: list[int]) -> None:
        """Let stories go."""
        taken = np.array(rows)
        present = self.weights[taken] > 0
        np.subtract.at(self.having.data, self.places[taken][present], 1)
        self.places[taken] = self._vocabulary.nowhere
        self.weights[taken] = 0
        self._free += rows

    def hide(self, row: int, hidden: bool) -> None:
        """Count a story out of `having`, and in again: as if it were not there."""
        self.having.data[self.vector(row).places] += -1 if hidden else 1

    def _write(self, row: int, vector: Vector) -> None:
        facts = self.facts[row]
        size = len(vector.places)
        before = facts[SIZE]
        self.places[row, :size] = vector.places
        self.weights[row, :size] = vector.weights
        if before > size:
            self.places[row, size:before] = self._vocabulary.nowhere
            self.weights[row, size:before] = 0
        weights = vector.weights
        facts[SQUARE] = weights.dot(weights)
        facts[SIZE] = size

    def _grow(self) -> None:
        rows = len(self.facts)
        self.places = np.concatenate([self.places, np.full_like(self.places, self._vocabulary.nowhere)])
        self.weights = np.concatenate([self.weights, np.zeros_like(self.weights)])
        self.facts = np.concatenate([self.facts, np.zeros_like(self.facts)])
        self.tie = np.concatenate([self.tie, np.zeros_like(self.tie)])
        self._free = list(range(2 * rows - 1, rows - 1, -1)) + self._free
