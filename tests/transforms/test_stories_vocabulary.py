"""The vocabulary: places of term ids, and the columns that grow with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories.terms import HASHED
from transforms.stories.vocabulary import Vocabulary


def test_a_term_of_the_table_has_its_id_for_place():
    assert Vocabulary(3).places(np.array([0, 2])).tolist() == [0, 2]


def test_a_hashed_id_gets_a_place_of_its_own_and_keeps_it():
    vocabulary = Vocabulary(3)
    first = vocabulary.places(np.array([1, HASHED, HASHED + 9]))
    later = vocabulary.places(np.array([HASHED, HASHED + 5, HASHED + 9]))
    assert first[0] == 1
    assert later[[0, 2]].tolist() == first[1:].tolist()
    assert len({0, 1, 2, vocabulary.nowhere, *first[1:].tolist(), later[1]}) == 7


@given(st.lists(st.sets(st.integers(0, 4) | st.integers(HASHED, 2**32 - 1), max_size=9), max_size=9))
def test_every_id_has_one_place_from_which_it_comes_back(batches):
    vocabulary = Vocabulary(5)
    place_of = {}
    for batch in batches:
        terms = np.array(sorted(batch), np.uint32)
        places = vocabulary.places(terms)
        assert vocabulary.terms(places).tolist() == terms.tolist()
        for term, place in zip(terms.tolist(), places.tolist(), strict=True):
            assert place_of.setdefault(term, place) == place
    assert len({*place_of.values(), vocabulary.nowhere}) == len(place_of) + 1


@pytest.mark.parametrize("terms", [[3], [0, 1, 3], [HASHED - 1], [2, 3, HASHED]])
def test_an_id_that_no_table_has_is_refused(terms):
    with pytest.raises(ValueError, match="is not in the table of 3 terms"):
        Vocabulary(3).places(np.array(terms))


def test_growth_keeps_what_columns_hold():
    vocabulary = Vocabulary(2)
    column, small = vocabulary.column(), vocabulary.column(np.int16)
    capacity = len(column.data)
    start = vocabulary.places(np.array([1, HASHED]))
    column.data[start] = [7, 8]
    small.data[start] = 9
    many = vocabulary.places(np.arange(HASHED, HASHED + 3 * capacity))
    assert len(column.data) == len(small.data) > many.max() >= 3 * capacity
    assert small.data.dtype == np.int16
    assert column.data[start].tolist() == [7, 8]
    assert small.data[start].tolist() == [9, 9]
    assert (column.data.sum(), small.data.sum()) == (15, 18)  # all that is new is zero
    assert vocabulary.terms(many).tolist() == list(range(HASHED, HASHED + 3 * capacity))
    assert len(vocabulary.column().data) == len(column.data)


def test_a_column_that_was_let_go_grows_no_more_and_its_twin_does():
    vocabulary = Vocabulary(2)
    gone, twin = vocabulary.column(), vocabulary.column()
    capacity = len(gone.data)
    vocabulary.remove(gone)
    vocabulary.places(np.arange(HASHED, HASHED + capacity))
    assert len(gone.data) == capacity < len(twin.data)
