"""Vectors as bytes for the ledger: what is packed comes back, and what is damaged is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories.packing import pack_all, unpack_all

vectors = st.lists(st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 2**48), max_size=8), max_size=8)


def pack(given_vectors):
    """The bytes of each term -> number."""
    ordered = [sorted(vector.items()) for vector in given_vectors]
    terms = [term for vector in ordered for term, _ in vector]
    numbers = [number for vector in ordered for _, number in vector]
    return pack_all(np.array(list(map(len, ordered)), np.intp), np.array(terms, np.int64), np.array(numbers, np.int64))


def unpack(packed):
    sizes, terms, numbers = unpack_all(packed)
    pairs = list(zip(terms.tolist(), numbers.tolist(), strict=True))
    assert sizes.sum() == len(pairs)
    ends = sizes.cumsum().tolist()
    return [dict(pairs[end - size : end]) for size, end in zip(sizes.tolist(), ends, strict=True)]


@given(vectors)
def test_what_is_packed_comes_back(drawn):
    packed = pack(drawn)
    assert len(packed) == len(drawn)
    assert unpack(packed) == drawn


@given(vectors, st.randoms(use_true_random=False))
def test_a_vector_has_the_same_bytes_whatever_is_packed_with_it(drawn, chance):
    alone = [pack([vector])[0] for vector in drawn]
    assert pack(drawn) == alone
    chance.shuffle(alone)
    assert pack(unpack(alone)) == alone


def test_packed_layout():
    assert pack([{5: 1, 133: 300}, {}, {0: 127}]) == [(b"\x05\x80\x01", b"\x01\xac\x02"), (b"", b""), (b"\0", b"\x7f")]


def test_nothing_at_all():
    assert pack([]) == []
    assert unpack([]) == []
    assert unpack([(b"", b"")] * 3) == [{}, {}, {}]


@given(vectors.filter(any), st.data())
def test_bytes_that_were_cut_off_are_refused(drawn, data):
    packed = pack(drawn)
    at = data.draw(st.sampled_from([at for at, vector in enumerate(drawn) if vector]))
    which = data.draw(st.sampled_from([0, 1]))
    parts = list(packed[at])
    parts[which] = parts[which][: data.draw(st.integers(0, len(parts[which]) - 1))]
    with pytest.raises(ValueError, match="packed"):
        unpack_all([*packed[:at], (parts[0], parts[1]), *packed[at + 1 :]])


def test_a_vector_does_not_lend_bytes_to_the_next():
    with pytest.raises(ValueError, match="end within a number"):
        unpack_all([(b"\x05\x80", b"\x01\x02"), (b"\x01", b"\x03")])


def test_terms_and_numbers_of_different_length_are_refused():
    with pytest.raises(ValueError, match="not of one length"):
        unpack_all([(b"\x05\x01", b"\x01"), (b"\x01", b"\x03\x04")])


@pytest.mark.parametrize("terms", [b"\x80\0", b"\xff" * 9 + b"\1", b"\5\0"])
def test_bytes_that_no_vector_has_are_refused(terms):
    with pytest.raises(ValueError, match="packed"):
        unpack_all([(terms, b"\1" * sum(byte < 128 for byte in terms))])
