"""Terms and numbers as bytes, for the ledger: many vectors at once.

In: for each vector its term ids in rising order, and a number for each. Out: two strings of bytes a vector: differences
of the ids, and the numbers, as variable-length integers (LEB128: seven bits a byte, the lowest first, the top bit set
where more follow).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from transforms.stories.terms import Ints

_MOST_BYTES = 9  # of a number of 63 bits


def pack_all(sizes: Ints, terms: Ints, numbers: Ints) -> list[tuple[bytes, bytes]]:
    """The bytes of vectors that follow each other in `terms` and `numbers`; `sizes` says how long each is."""
    ends = sizes.cumsum()
    steps = np.diff(terms, prepend=0)
    first = (ends - sizes)[sizes > 0]
    steps[first] = terms[first]
    return list(zip(_written(steps, ends), _written(numbers, ends), strict=True))


def unpack_all(packed: Sequence[tuple[bytes, bytes]]) -> tuple[Ints, Ints, Ints]:
    """(sizes, terms, numbers) of what `pack_all` gave. Raises ValueError for bytes that it can't have made."""
    sizes, steps = _read([terms for terms, _ in packed])
    other_sizes, numbers = _read([numbers for _, numbers in packed])
    if not np.array_equal(sizes, other_sizes):
        raise ValueError("packed terms and numbers are not of one length")
    starts = sizes.cumsum() - sizes
    if np.count_nonzero(steps == 0) > np.count_nonzero(steps[starts[sizes > 0]] == 0):
        raise ValueError("packed terms do not rise")
    sums = steps.cumsum()
    before = np.concatenate([[0], sums])[starts]
    return sizes, sums - before.repeat(sizes), numbers


def _written(values: Ints, ends: Ints) -> list[bytes]:
    """Each vector's values as bytes, given where each ends."""
    values = values.astype(np.uint64)
    lengths = np.ones(len(values), np.intp)
    rest = values >> np.uint64(7)
    while rest.any():
        lengths += rest > 0
        rest >>= np.uint64(7)
    stops = np.concatenate([[0], lengths.cumsum()])
    made = np.zeros(stops[-1], np.uint8)
    for at in range(int(lengths.max(initial=0))):
        longer = lengths > at
        bits = (values[longer] >> np.uint64(7 * at)) & np.uint64(127)
        made[stops[:-1][longer] + at] = bits.astype(np.uint8) | ((lengths[longer] > at + 1) * 128).astype(np.uint8)
    whole = made.tobytes()
    edges = stops[np.concatenate([[0], ends])].tolist()
    return [whole[start:end] for start, end in itertools.pairwise(edges)]


def _read(packed: Sequence[bytes]) -> tuple[Ints, Ints]:
    """How many values each string of bytes has, and all values."""
    whole = np.frombuffer(b"".join(packed), np.uint8)
    last = whole < 128
    edges = np.array([0, *map(len, packed)]).cumsum()
    finished = np.concatenate([[0], last.cumsum()])[edges]
    # A string that ends within a value would lend its bytes to the next one.
    if not last[edges[1:][np.diff(edges) > 0] - 1].all():
        raise ValueError("packed numbers end within a number")
    stops = last.nonzero()[0]
    starts = np.concatenate([[0], stops[:-1] + 1])
    if not len(stops):
        return np.diff(finished), np.zeros(0, np.int64)
    lengths = stops - starts + 1
    if lengths.max() > _MOST_BYTES or ((lengths > 1) & (whole[stops] == 0)).any():
        raise ValueError("packed numbers have a number that is too long")
    place = np.arange(len(whole)) - starts.repeat(lengths)
    bits = (whole & 127).astype(np.int64) << (7 * place)
    return np.diff(finished), np.add.reduceat(bits, starts)
