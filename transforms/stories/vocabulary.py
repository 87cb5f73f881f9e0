"""The terms that a desk has met, each with a place in arrays.

In: term ids (see `terms.py`). Out: their places, by which everything counted by term is looked up at once. Places of
the language's table are the ids themselves, hashed ids get the next free one. Places depend on what came before and
must never show in a result; where the order of terms matters it is that of the ids.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.stories.terms import HASHED, Ints

_FIRST = 4096


class Column:
    """A number for each place, 0 for a new one. `data` is replaced as the vocabulary grows: don't keep it."""

    __slots__ = ("data",)

    def __init__(self, data: Ints) -> None:
        self.data = data


class _Places(dict[int, int]):
    """Hashed id -> place, filled as ids turn up."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, term: int) -> int:
        self[term] = place = self._vocabulary.add(term)
        return place


class Vocabulary:
    """Term ids to places, and the columns that are indexed by them."""

    def __init__(self, table_terms: int) -> None:
        """`table_terms`: how many terms the language's table has."""
        self._table_terms = table_terms
        self.nowhere = table_terms
        """A place that no term has."""
        self._size = table_terms + 1
        self._capacity = table_terms + _FIRST
        self._places = _Places(self)
        self._columns: list[Column] = []
        self._terms = self.column(np.int64)
        self._terms.data[:table_terms] = np.arange(table_terms)

    def column(self, kind: type[np.integer[Any] | np.bool_] = np.int32) -> Column:
        """A new column of zeros."""
        column = Column(np.zeros(self._capacity, kind))
        self._columns.append(column)
        return column

    def remove(self, column: Column) -> None:
        """Let a column go."""
        self._columns.remove(column)

    def terms(self, places: Ints) -> Ints:
        """The ids at some places."""
        return self._terms.data.take(places)

    def places(self, terms: Ints) -> Ints:
        """The places of ids in rising order. Raises ValueError for an id that the table can't have."""
        places = terms.astype(np.intp)
        hashed = int(terms.searchsorted(HASHED))
        if hashed < len(terms):
            places[hashed:] = list(map(self._places.__getitem__, terms[hashed:].tolist()))
        if hashed and int(terms[hashed - 1]) >= self._table_terms:
            raise ValueError(f"term {terms[hashed - 1]} is not in the table of {self._table_terms} terms")
        return places

    def add(self, term: int) -> int:
        """Give a new hashed id its place."""
        place = self._size
        if place == self._capacity:
            self._capacity *= 2
            for column in self._columns:
                column.data = np.concatenate([column.data, np.zeros(self._capacity - place, column.data.dtype)])
        self._terms.data[place] = term
        self._size += 1
        return place
