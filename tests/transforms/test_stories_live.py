"""The live stories in arrays, against the same in plain mappings."""

from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_vectors import TERMS, plain, vector_of, vocabulary
from transforms.stories import live
from transforms.stories.live import (
    ARTICLES,
    BEST_COSINES,
    FACTS,
    LAST_TIME,
    LONGEST_BODY,
    MEAN_TIME,
    SIZE,
    SQUARE,
    TRIM_FROM,
    TRIM_TO,
    LiveStories,
)
from transforms.stories.terms import HASHED
from transforms.stories.vectors import Vector
from transforms.stories.vocabulary import Vocabulary


@contextmanager
def small():
    """Limits so low that a few articles reach them."""
    with patch.multiple(live, TRIM_FROM=6, TRIM_TO=3, MOST_SUMMED=7, _FIRST=2):
        yield


def id_of(number):
    return f"{number:016x}" + "f" * 16


def facts_of(articles=1):
    """What a story may have: only the number of articles means something here."""
    return {ARTICLES: articles, LAST_TIME: 2, MEAN_TIME: 1, BEST_COSINES: 0, LONGEST_BODY: 5}


class Both:
    """Live stories, and for each row its plain vector and number of articles."""

    def __init__(self, words=None):
        self.words = vocabulary() if words is None else words
        self.stories = LiveStories(self.words)
        self.vectors, self.articles, self.numbers = {}, {}, {}
        self.opened = 0

    def open(self, weights, articles=1):
        row = self.stories.open(id_of(self.opened), vector_of(self.words, weights), facts_of(articles))
        self._note(row, weights, articles)
        return row

    def open_all(self, many, articles=1):
        facts = np.zeros((len(many), FACTS), np.int64)
        for column, value in facts_of(articles).items():
            facts[:, column] = value
        vectors = [vector_of(self.words, weights) for weights in many]
        joined = Vector(*(np.concatenate([np.zeros(0, np.int64), *part]) for part in zip(*vectors, strict=True)))
        ids = [id_of(self.opened + at) for at in range(len(many))]
        sizes = np.array([len(weights) for weights in many])
        rows = self.stories.open_all(ids, facts, sizes, Vector(joined.places.astype(np.intp), joined.weights))
        for row, weights in zip(rows.tolist(), many, strict=True):
            self._note(row, weights, articles)

    def _note(self, row, weights, articles):
        assert row not in self.vectors
        self.vectors[row], self.articles[row], self.numbers[row] = dict(weights), articles, self.opened
        self.opened += 1

    def add(self, row, weights, articles=1):
        self.stories.add(row, vector_of(self.words, weights), articles)
        self.articles[row] += articles
        if self.articles[row] <= live.MOST_SUMMED:
            total = dict(Counter(self.vectors[row]) + Counter(weights))
            if len(total) > live.TRIM_FROM:
                kept = sorted(total, key=lambda term: (-total[term], term))[: live.TRIM_TO]
                total = {term: total[term] for term in kept}
            self.vectors[row] = total

    def close(self, rows):
        self.stories.close(rows)
        for row in rows:
            for kept in (self.vectors, self.articles, self.numbers):
                del kept[row]

    def having(self, terms=TERMS):
        return self.stories.having.data.take(self.words.places(np.array(terms))).tolist()

    def check(self):
        stories = self.stories
        assert len(stories) == len(self.vectors)
        for row, weights in self.vectors.items():
            assert plain(self.words, stories.vector(row)) == weights
            assert stories.facts[row, SQUARE] == sum(weight * weight for weight in weights.values())
            assert stories.facts[row, SIZE] == len(weights)
            assert stories.facts[row, ARTICLES] == self.articles[row]
            assert stories.tie[row] == self.numbers[row]
            # Whole rows are compared: beyond a story's terms nothing may match or weigh.
            assert (stories.places[row, len(weights) :] == self.words.nowhere).all()
            assert not stories.weights[row, len(weights) :].any()
        assert self.having() == [sum(term in weights for weights in self.vectors.values()) for term in TERMS]


vectors = st.dictionaries(st.sampled_from(TERMS), st.integers(1, 1000), max_size=5)
changes = st.one_of(
    st.tuples(st.just("open"), vectors, st.integers(1, 3)),
    st.tuples(st.just("open_all"), st.lists(vectors, min_size=1, max_size=4), st.integers(1, 3)),
    st.tuples(st.just("add"), vectors, st.integers(1, 3), st.integers(0, 99)),
    st.tuples(st.just("close"), st.lists(st.integers(0, 99), min_size=1, max_size=3)),
)


@given(st.lists(changes, max_size=40))
def test_stories_are_sums_of_vectors_whatever_comes_and_goes(drawn):
    with small():
        both = Both()
        for what, *how in drawn:
            rows = sorted(both.vectors)
            if what == "open":
                both.open(*how)
            elif what == "open_all":
                both.open_all(*how)
            elif rows and what == "add":
                weights, articles, at = how
                both.add(rows[at % len(rows)], weights, articles)
            elif rows:
                both.close(sorted({rows[at % len(rows)] for at in how[0]}))
            both.check()


@given(st.lists(vectors, min_size=2, max_size=6), st.permutations(range(6)))
def test_a_sum_does_not_depend_on_the_order_of_articles(articles, order):
    found = []
    for turn in (range(6), order):
        both = Both()
        first, *rest = [articles[at] for at in turn if at < len(articles)]
        row = both.open(first)
        for weights in rest:
            both.add(row, weights)
        both.check()
        found.append((both.vectors[row], both.stories.facts[row].tolist()))
    assert found[0] == found[1]


def test_a_story_of_too_many_terms_keeps_the_heaviest_and_of_ties_the_smaller_ids():
    terms = list(range(HASHED, HASHED + TRIM_FROM + 1))
    words = Vocabulary(0)
    for term in reversed(terms):
        words.places(np.array([term]))
    both = Both(words)
    row = both.open(dict.fromkeys(terms[1:], 5))
    assert len(both.stories.vector(row).places) == TRIM_FROM
    both.add(row, {terms[-1]: 1, terms[0]: 5})
    kept = {terms[-1], *terms[: TRIM_TO - 1]}
    assert plain(words, both.stories.vector(row)) == {term: 6 if term == terms[-1] else 5 for term in kept}
    assert both.having(terms) == [int(term in kept) for term in terms]


def test_a_story_of_very_many_articles_keeps_its_vector_and_counts_on():
    both = Both()
    row = both.open({0: 1000}, live.MOST_SUMMED - 1)
    both.add(row, {0: 600, 1: 800})
    both.add(row, {0: 600, 2: 800})
    assert plain(both.words, both.stories.vector(row)) == {0: 1600, 1: 800}
    assert both.stories.facts[row, ARTICLES] == live.MOST_SUMMED + 1
    both.check()


def test_one_story_can_be_added_to_another():
    both = Both()
    one, other = both.open({0: 600, 1: 800}), both.open({1: 1000, HASHED: 7})
    both.stories.add(one, both.stories.vector(other), 2)
    assert plain(both.words, both.stories.vector(one)) == {0: 600, 1: 1800, HASHED: 7}
    assert plain(both.words, both.stories.vector(other)) == {1: 1000, HASHED: 7}
    assert both.stories.facts[one, ARTICLES] == 3


def test_a_hidden_story_is_counted_out_and_in_again():
    both = Both()
    row = both.open({0: 600, HASHED: 800})
    both.open({0: 1000})
    both.stories.hide(row, True)
    assert both.having([0, HASHED]) == [1, 0]
    both.stories.hide(row, False)
    both.check()


def test_a_row_is_used_again_and_nothing_is_left_in_it():
    both = Both()
    row = both.open(dict.fromkeys(TERMS, 100))
    both.close([row])
    assert len(both.stories) == 0
    assert both.open({3: 1000}) == row
    both.check()


def test_there_is_room_for_any_number_of_stories():
    both = Both()
    for number in range(700):
        both.open({TERMS[number % len(TERMS)]: number + 1})
    both.open_all([{TERMS[number % len(TERMS)]: number + 1} for number in range(1500)])
    both.check()
    both.close(list(both.vectors))
    assert both.having() == [0] * len(TERMS)
