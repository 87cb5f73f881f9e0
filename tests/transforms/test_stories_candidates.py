"""The index of live stories, against one in plain dictionaries that reads every story."""

import random
from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_vectors import TERMS, plain, turned, vector_of, vocabulary
from transforms.stories import candidates
from transforms.stories.candidates import INDEXED_TERMS, SHORTLIST, Index, heaviest
from transforms.stories.terms import HASHED
from transforms.stories.vocabulary import Vocabulary

ROWS = 12
# The id of a row's story settles ties: here those of later rows are the smaller ones.
TIE = np.arange(ROWS, 0, -1).astype(np.uint64) << np.uint64(40)


@contextmanager
def small():
    """Limits so low that a few stories reach them."""
    with patch.multiple(candidates, BUDGET=10, SHORTLIST=3, INDEXED_TERMS=4):
        yield


class PlainIndex(dict):
    """Row -> the story's heaviest terms."""

    def put(self, row, weights):
        self[row] = set(sorted(weights, key=lambda term: (-weights[term], term))[: candidates.INDEXED_TERMS])

    def shortlist(self, article, tie, hidden=-1):
        """The article's terms are read rarest first, ties by id, while the budget lasts; a story is as like it as the
        squares of the weights read."""
        stories = {row: terms for row, terms in self.items() if row != hidden}
        having = Counter(term for terms in stories.values() for term in terms)
        likeness, read = Counter(), 0
        for term in sorted(article, key=lambda term: (having[term], term)):
            read += having[term]
            if read > candidates.BUDGET:
                break
            for row, terms in stories.items():
                if term in terms:
                    likeness[row] += article[term] ** 2
        ranked = sorted(likeness, key=lambda row: (-likeness[row], tie[row]))
        return set(ranked[: candidates.SHORTLIST])


class Both:
    """The index and the plain one, side by side."""

    def __init__(self, words=None):
        self.words = vocabulary() if words is None else words
        self.index, self.plain = Index(self.words), PlainIndex()

    def put(self, row, weights):
        self.index.put(row, turned(vector_of(self.words, weights)))
        self.plain.put(row, weights)

    def put_all(self, stories, width=16):
        """`stories` by row, as rows of arrays."""
        places = np.full((len(stories), width), self.words.nowhere, np.int32)
        weights = np.zeros((len(stories), width), np.int32)
        for at, (row, story) in enumerate(stories.items()):
            vector = turned(vector_of(self.words, story))
            places[at, : len(story)], weights[at, : len(story)] = vector
            self.plain.put(row, story)
        self.index.put_all(np.array(list(stories), np.intp), places, weights)

    def drop(self, row):
        self.index.drop(row)
        del self.plain[row]

    def shortlist(self, article, tie=TIE, hidden=-1):
        rows = self.index.shortlist(vector_of(self.words, article), tie, hidden).tolist()
        assert len(rows) == len(set(rows))
        assert set(rows) == self.plain.shortlist(article, tie.tolist(), hidden)
        return set(rows)

    def look(self, article, tie=TIE):
        """Everything, and with each story hidden."""
        self.shortlist(article, tie)
        for row in self.plain:
            self.shortlist(article, tie, row)
        self.shortlist(article, tie)


vectors = st.dictionaries(st.sampled_from(TERMS), st.integers(1, 1000), max_size=8)
# Weights that tie, and squares that come to the same step.
even_vectors = st.dictionaries(st.sampled_from(TERMS[:8]), st.sampled_from([31, 32, 33, 500]), max_size=8)
rows = st.integers(0, ROWS - 1)
changes = st.lists(st.tuples(rows, st.none() | vectors | even_vectors), max_size=60)


@given(changes, st.lists(vectors | even_vectors, min_size=1, max_size=3), st.integers(1, 60))
def test_the_shortlist_is_that_of_the_plain_index(drawn, articles, every):
    """Stories come, change and go in any order."""
    with small():
        both = Both()
        for at, (row, story) in enumerate(drawn):
            if story is not None:
                both.put(row, story)
            elif row in both.plain:
                both.drop(row)
            if at % every == 0:
                both.look(articles[at % len(articles)])
        for article in articles:
            both.look(article)


@given(st.dictionaries(rows, vectors | even_vectors, max_size=ROWS), changes, vectors)
def test_many_stories_put_at_once_are_as_if_put_one_by_one(stories, drawn, article):
    with small():
        both = Both()
        both.put_all(stories)
        both.look(article)
        for row, story in drawn:
            if story is not None:
                both.put(row, story)
            elif row in both.plain:
                both.drop(row)
        both.look(article)


def test_lists_that_get_full_are_cleared_or_moved_and_nothing_is_lost():
    """Thousands of changes: every list is full, cleared, outgrown and moved into what others left again and again."""
    chance = random.Random(5)
    terms = [*range(30), *range(HASHED, HASHED + 30)]
    tie = np.array(chance.sample(range(1000), 100)).astype(np.uint64) << np.uint64(40)

    def story():
        # Some terms are in every other story, some in one of a hundred.
        chosen = {terms[int(60 * chance.random() ** 2)] for _ in range(8)}
        return {term: chance.randrange(1, 1000) for term in sorted(chosen)}

    with patch.multiple(candidates, BUDGET=60, SHORTLIST=5, INDEXED_TERMS=6):
        both = Both(Vocabulary(30))
        for step in range(4000):
            # Many stories at first, then few, then many again.
            row = chance.randrange(100 if step // 1000 % 2 == 0 else 10)
            if row in both.plain and chance.random() < 0.3:
                both.drop(row)
            else:
                both.put(row, story())
            if step % 25 == 0:
                both.shortlist(story(), tie)
                both.shortlist(story(), tie, chance.choice(sorted(both.plain)))


def test_lists_take_room_for_what_is_live_however_often_it_changes():
    both, words = Both(), dict.fromkeys(TERMS, 100)
    taken = set()
    for step in range(200):
        for row in range(ROWS):
            both.put(row, words)
        if step >= 50:
            taken.add(both.index._used)
    assert len(taken) == 1
    both.look(words)


def test_room_that_a_list_left_is_used_again():
    """The second list grows through what the first one left behind: but for its start and its end."""
    index = Index(words := vocabulary())
    taken = []
    for term in range(2):
        for row in range(100):
            index.put(100 * term + row, vector_of(words, {term: 1000}))
        taken.append(index._used)
    assert taken[1] - taken[0] < 0.6 * taken[0]


def test_the_shortlist_has_the_most_alike_and_of_ties_the_smaller_ids(monkeypatch):
    monkeypatch.setattr(candidates, "SHORTLIST", 2)
    both = Both()
    both.put(1, {0: 600, 1: 800})
    both.put(2, {0: 1000})
    both.put(3, {0: 1000})
    both.put(4, {2: 1000})
    article = {0: 900, 1: 200}
    assert both.shortlist(article) == {1, 3}
    both.put(1, {1: 1000})
    assert both.shortlist(article) == {2, 3}
    both.drop(3)
    assert both.shortlist(article) == {1, 2}
    assert both.shortlist(article, hidden=2) == {1}


def test_reading_begins_with_the_rarest_term_and_stops_at_the_budget(monkeypatch):
    monkeypatch.setattr(candidates, "BUDGET", 3)
    both = Both()
    for row in range(3):
        both.put(row, {0: 1000})
    assert both.shortlist({0: 900, 1: 100}) == {0, 1, 2}
    both.put(4, {1: 1000})
    assert both.shortlist({0: 900, 1: 100}) == {4}
    assert both.shortlist({0: 900, 1: 100}, hidden=4) == {0, 1, 2}


def test_the_index_holds_a_storys_heaviest_terms_only():
    words = Vocabulary(INDEXED_TERMS + 2)
    both = Both(words)
    both.put(7, {term: 1000 - term for term in range(INDEXED_TERMS + 1)})
    assert both.shortlist({INDEXED_TERMS - 1: 10}) == {7}
    assert both.shortlist({INDEXED_TERMS: 10}) == set()


def test_nothing_is_like_nothing():
    both = Both()
    assert both.shortlist({}) == set()
    both.put(1, {})
    both.put(2, {0: 1000})
    assert both.shortlist({}) == set()
    assert both.shortlist({1: 1000}) == set()
    assert both.shortlist({0: 1000}, hidden=1) == {2}
    both.drop(1)
    assert both.shortlist({0: 1000}) == {2}


def test_a_shortlist_is_short():
    both = Both(Vocabulary(1))
    tie = np.arange(3 * SHORTLIST).astype(np.uint64) << np.uint64(40)
    for row in range(3 * SHORTLIST):
        both.put(row, {0: 1000})
    assert both.shortlist({0: 1000}, tie) == set(range(SHORTLIST))


@pytest.mark.parametrize("turn", [turned, lambda vector: vector])
def test_the_heaviest_terms_of_ties_are_the_smaller_ids(turn):
    words = vocabulary()
    weights = {HASHED + 5: 1, HASHED + 3: 2, HASHED + 4: 1, 2: 1}
    vector = turn(vector_of(words, weights))
    assert plain(words, heaviest(vector, 2, words)) == {2: 1, HASHED + 3: 2}
    assert plain(words, heaviest(vector, 3, words)) == {2: 1, HASHED + 3: 2, HASHED + 4: 1}
    assert plain(words, heaviest(vector, 4, words)) == plain(words, heaviest(vector, 9, words)) == weights


@given(st.dictionaries(st.sampled_from(TERMS), st.integers(1, 5), max_size=12), st.integers(1, 12))
def test_the_heaviest_terms_are_those_of_a_sort(weights, count):
    words = vocabulary()
    kept = sorted(weights, key=lambda term: (-weights[term], term))[:count]
    found = heaviest(turned(vector_of(words, weights)), count, words)
    assert plain(words, found) == {term: weights[term] for term in kept}
