"""Which live stories an article could belong to.

In: an article's vector. Out: the rows of the few stories worth an exact comparison. The index knows for each term the
stories that have it among their heaviest; rare terms are read first and reading stops at a budget, so that a search
costs the same however many stories are live.
"""

from __future__ import annotations

import numpy as np

from transforms.stories.terms import Ints
from transforms.stories.vectors import Vector
from transforms.stories.vocabulary import Vocabulary

INDEXED_TERMS = 40
BUDGET = 2000  # stories read for one article, over all terms
SHORTLIST = 24  # stories compared exactly

_LEAST_ROOM = 4
# Squares of weights, at most LENGTH * LENGTH, are read in 10 bits, which leaves 22 for rows.
_SQUARE_BITS = 10
_SQUARE_MASK = (1 << _SQUARE_BITS) - 1
_NOBODY = np.uint32(_SQUARE_MASK << (32 - _SQUARE_BITS))


def heaviest(vector: Vector, count: int, vocabulary: Vocabulary) -> Vector:
    """The `count` heaviest terms of a vector, in no particular order; ties: the smaller id."""
    places, weights = vector
    if len(places) <= count:
        return vector
    keys = (weights.astype(np.int64) << 32) | (0xFFFFFFFF - vocabulary.terms(places))
    least = np.partition(keys, len(keys) - count)[len(keys) - count]
    kept = keys >= least
    return Vector(places[kept], weights[kept])


class Index:
    """Postings: term -> the stories that have it among their heaviest.

    A story is listed under a number of its own. When its terms change it gets a new number; the old one stays in the
    lists, belongs to nobody, and is cleared away when a list is full. All lists are blocks of one array.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._pool = np.zeros(1 << 14, np.int32)
        self._used = 0
        self._free: dict[int, list[int]] = {}
        """Room -> starts of blocks of it that no list uses any more."""
        self._start = vocabulary.column(np.int64)
        self._room = vocabulary.column()
        self._length = vocabulary.column()
        """Of a list, with what is out of date."""
        self._current = vocabulary.column()
        """Of a list, without."""
        self._row_of = np.full(1 << 10, -1, np.int32)
        self._numbers = 0
        self._number_of: dict[int, tuple[int, Ints]] = {}

    def put(self, row: int, vector: Vector) -> None:
        """Index a story, or index it anew."""
        places = heaviest(vector, INDEXED_TERMS, self._vocabulary).places
        if row in self._number_of:
            self.drop(row)
        number = self._numbers
        if number == len(self._row_of):
            self._row_of = np.concatenate([self._row_of, np.full(number, -1, np.int32)])
        self._numbers += 1
        room = self._room.data.take(places)
        new = places[room == 0]
        if len(new):
            self._start.data[new] = self._blocks(len(new) * _LEAST_ROOM) + _LEAST_ROOM * np.arange(len(new))
            self._room.data[new] = _LEAST_ROOM
        full = room == self._length.data.take(places)
        if len(new) < full.sum():
            for place in places[full & (room > 0)].tolist():
                self._make_room(place)
        self._row_of[number] = row
        self._number_of[row] = number, places
        self._pool[self._start.data.take(places) + self._length.data.take(places)] = number
        self._length.data[places] += 1
        self._current.data[places] += 1

    def put_all(self, rows: Ints, places: Ints, weights: Ints) -> None:
        """Index many stories at once into an empty index: a row of places and weights each, 0 beyond its terms."""
        keys = (weights.astype(np.int64) << 32) | (0xFFFFFFFF - self._vocabulary.terms(places))
        least = np.partition(keys, keys.shape[1] - INDEXED_TERMS, axis=1)[:, keys.shape[1] - INDEXED_TERMS]
        kept = (keys >= least[:, None]) & (weights > 0)
        self._numbers = len(rows)
        self._row_of = np.concatenate([rows, np.full(max(len(rows), 1 << 10), -1)]).astype(np.int32)
        numbers, listed = kept.nonzero()[0], places[kept].astype(np.intp)
        ends = np.bincount(numbers, minlength=len(rows)).cumsum().tolist()
        for number, (row, start, end) in enumerate(zip(rows.tolist(), [0, *ends], ends, strict=False)):
            self._number_of[row] = number, listed[start:end]
        length = np.bincount(listed, minlength=len(self._length.data))
        room = np.where(length, _LEAST_ROOM << np.ceil(np.log2(np.maximum(length / _LEAST_ROOM, 1))).astype(np.intp), 0)
        self._start.data[:] = room.cumsum() - room
        self._room.data[:] = room
        self._length.data[:] = self._current.data[:] = length
        self._blocks(int(room.sum()))
        order = listed.argsort(kind="stable")
        of_term = listed.take(order)
        at = np.arange(len(listed)) - (length.cumsum() - length).take(of_term)
        self._pool[self._start.data.take(of_term) + at] = numbers.take(order)

    def drop(self, row: int) -> None:
        """Forget a story."""
        number, places = self._number_of.pop(row)
        self._row_of[number] = -1
        self._current.data[places] -= 1

    def shortlist(self, article: Vector, tie: Ints, hidden: int = -1) -> Ints:
        """The rows of the stories most like an article by the terms read, at most SHORTLIST, in no particular order.

        `article` has its terms in rising order of their ids. `tie` gives for each row the number that settles ties, the
        smaller wins. `hidden` is a row not to be found.
        """
        places, weights = article
        if hidden >= 0:
            self._current.data[self._number_of[hidden][1]] -= 1
        current = self._current.data.take(places)
        if hidden >= 0:
            self._current.data[self._number_of[hidden][1]] += 1
        order = current.argsort(kind="stable")
        reach = current.take(order)
        chosen = order[reach.searchsorted(1) : reach.cumsum().searchsorted(BUDGET, "right")]
        read = places.take(chosen)
        lengths = self._length.data.take(read)
        if lengths.sum() > 4 * BUDGET:
            for place in read[lengths > 2 * self._current.data.take(read) + _LEAST_ROOM].tolist():
                self._clear(place)
            lengths = self._length.data.take(read)
        shift = (self._start.data.take(read) - lengths.cumsum() + lengths).repeat(lengths)
        rows: Ints = self._row_of.take(self._pool.take(np.arange(len(shift)) + shift))
        # A row and the square of a weight in one number, so that one sort groups by row. Nobody's row is -1: the last.
        squares = ((weights * weights >> _SQUARE_BITS) + 1).take(chosen).astype(np.uint32)
        keys = (rows.view(np.uint32) << _SQUARE_BITS) | squares.repeat(lengths)
        keys.sort()
        keys = keys[: keys.searchsorted(_NOBODY)]
        if not len(keys):
            return np.zeros(0, np.intp)
        rows = keys >> _SQUARE_BITS
        starts = np.concatenate([[0], (rows[1:] != rows[:-1]).nonzero()[0] + 1])
        likeness = np.add.reduceat(keys & _SQUARE_MASK, starts)
        rows = rows.take(starts).astype(np.intp)
        if hidden >= 0:
            likeness, rows = likeness[rows != hidden], rows[rows != hidden]
        if len(rows) <= SHORTLIST:
            return rows
        least = np.partition(likeness, len(rows) - SHORTLIST)[len(rows) - SHORTLIST]
        above, even = rows[likeness > least], rows[likeness == least]
        if len(above) + len(even) > SHORTLIST:
            even = even.take(tie.take(even).argsort()[: SHORTLIST - len(above)])
        return np.concatenate([above, even])

    def _make_room(self, place: int) -> None:
        """For one more number in a list that is full: clear it, or give it a block of twice the room."""
        self._clear(place)
        room, length = int(self._room.data[place]), int(self._length.data[place])
        if length < room // 2:
            return
        old = int(self._start.data[place])
        blocks = self._free.get(2 * room)
        start = blocks.pop() if blocks else self._blocks(2 * room)
        self._pool[start : start + length] = self._pool[old : old + length]
        self._free.setdefault(room, []).append(old)
        self._start.data[place] = start
        self._room.data[place] = 2 * room

    def _blocks(self, room: int) -> int:
        """Where the array has that much room, at its end."""
        start = self._used
        self._used += room
        if self._used > len(self._pool):
            self._pool = np.concatenate([self._pool, np.zeros(max(len(self._pool), room), np.int32)])
        return start

    def _clear(self, place: int) -> None:
        """Rid a list of what is out of date."""
        start, length = int(self._start.data[place]), int(self._length.data[place])
        numbers = self._pool[start : start + length]
        # A number that is somebody's belongs to a story that still has the term: numbers change with the terms.
        numbers = numbers[self._row_of.take(numbers) >= 0]
        self._pool[start : start + len(numbers)] = numbers
        self._length.data[place] = len(numbers)
