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
BUDGET = 1000  # stories read for one article, over all terms
SHORTLIST = 16  # stories compared exactly

_LEAST_ROOM = 8
_TIE_BITS = 38
_COUNT = np.arange(8 * BUDGET)


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

    A story is listed under a number of its own. When it ends the number stays in the lists, belongs to nobody, and is
    cleared away when a list is full. All lists are blocks of one array.
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
        self._row_of = np.full(1 << 10, -1)
        self._numbers = 0
        self._sums = np.zeros(1 << 10, np.int64)
        """By row, zeros but while stories are ranked."""
        self._last = np.zeros(1 << 10, np.int64)
        self._number_of: dict[int, tuple[int, Ints]] = {}
        self._marked = vocabulary.column(np.bool_)

    def put(self, row: int, vector: Vector) -> None:
        """Index a story, or index it anew."""
        places = new = heaviest(vector, INDEXED_TERMS, self._vocabulary).places
        if row in self._number_of:
            number, before = self._number_of[row]
            new, gone = self._without(places, before), self._without(before, places)
            for place in gone.tolist():
                self._strike(place, number)
        else:
            number = self._number(row)
        self._number_of[row] = number, places
        room = self._room.data.take(new)
        first = new[room == 0]
        if len(first):
            self._start.data[first] = self._blocks(len(first) * _LEAST_ROOM) + _LEAST_ROOM * np.arange(len(first))
            self._room.data[first] = _LEAST_ROOM
        full = room == self._length.data.take(new)
        if len(first) < full.sum():
            for place in new[full & (room > 0)].tolist():
                self._make_room(place)
        self._pool[self._start.data.take(new) + self._length.data.take(new)] = number
        self._length.data[new] += 1
        self._current.data[new] += 1

    def _number(self, row: int) -> int:
        """A new number for the story of a row."""
        number = self._numbers
        self._numbers += 1
        if number == len(self._row_of):
            self._row_of = np.concatenate([self._row_of, np.full(number, -1)])
        self._row_of[number] = row
        self._seat(row)
        return number

    def _without(self, places: Ints, others: Ints) -> Ints:
        """Places that are not among others."""
        marked = self._marked.data
        marked[others] = True
        left: Ints = places[~marked[places]]
        marked[others] = False
        return left

    def _strike(self, place: int, number: int) -> None:
        """Take a story off a list that it is on: the last of the list takes its position."""
        start, last = int(self._start.data[place]), int(self._length.data[place]) - 1
        at = int((self._pool[start : start + last + 1] == number).argmax())
        self._pool[start + at] = self._pool[start + last]
        self._length.data[place] = last
        self._current.data[place] -= 1

    def put_all(self, rows: Ints, places: Ints, weights: Ints) -> None:
        """Index many stories at once into an empty index: a row of places and weights each, 0 beyond its terms."""
        keys = (weights.astype(np.int64) << 32) | (0xFFFFFFFF - self._vocabulary.terms(places))
        least = np.partition(keys, keys.shape[1] - INDEXED_TERMS, axis=1)[:, keys.shape[1] - INDEXED_TERMS]
        kept = (keys >= least[:, None]) & (weights > 0)
        self._numbers = len(rows)
        self._row_of = np.concatenate([rows, np.full(max(len(rows), 1 << 10), -1)])
        self._seat(int(rows.max(initial=0)))
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
        rows: Ints = self._row_of.take(self._pool.take(_COUNT[: len(shift)] + shift))
        if not len(rows):
            return rows
        # Nobody's row is -1: the place at the end of the sums, which is no story's.
        squares = weights.take(chosen)
        sums = self._sums
        np.add.at(sums, rows, (squares * squares).repeat(lengths))
        likeness = sums[rows]
        sums[rows] = 0
        # Each story once: where its row was written last.
        count = _COUNT[: len(rows)]
        self._last[rows] = count
        once = (self._last[rows] == count) & (rows >= 0)
        if hidden >= 0:
            once &= rows != hidden
        rows, likeness = rows[once], likeness[once]
        if len(rows) <= SHORTLIST:
            return rows
        # Likeness and what settles ties in one number: a sum of squares takes 20 of 64 bits.
        ranked = (likeness.astype(np.uint64) << np.uint64(_TIE_BITS)) | (~tie.take(rows) >> np.uint64(64 - _TIE_BITS))
        best: Ints = rows.take(ranked.argpartition(len(rows) - SHORTLIST)[len(rows) - SHORTLIST :])
        return best

    def _seat(self, row: int) -> None:
        """See to it that a row has a place in the sums, before the last, which is nobody's."""
        if row + 1 >= len(self._sums):
            self._sums = np.zeros(2 * (row + 2), np.int64)
            self._last = np.zeros(2 * (row + 2), np.int64)

    def _make_room(self, place: int) -> None:
        """For one more number in a list that is full: clear it, or give it a block of twice the room."""
        self._clear(place)
        room, length = int(self._room.data[place]), int(self._length.data[place])
        if length <= room * 3 // 4:
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
        numbers = numbers[self._row_of.take(numbers) >= 0]
        self._pool[start : start + len(numbers)] = numbers
        self._length.data[place] = len(numbers)
