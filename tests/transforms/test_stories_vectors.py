"""From term counts to integer vectors: what a term weighs, by the table and by what the desk has seen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_vectors import plain
from transforms.stories.tables import TermTable
from transforms.stories.terms import HASHED
from transforms.stories.vectors import DAY, HEAVIEST, LENGTH, RECENT_DAYS, RECENT_HALF, RECENT_SHARE, Rarity
from transforms.stories.vocabulary import Vocabulary


def table_of(documents, frequencies, measured=True):
    return TermTable(documents, {f"t{term}": term for term in range(len(frequencies))}, tuple(frequencies), measured)


# A term of half of all articles, and one of a tenth.
TABLE = table_of(98, [49, 9])
ESTIMATED = TABLE._replace(measured=False)


class Seen:
    """A vocabulary and a rarity, asked in plain mappings."""

    def __init__(self, table=TABLE):
        self.vocabulary = Vocabulary(len(table.frequencies))
        self.rarity = Rarity(table, self.vocabulary)

    def places(self, terms):
        return self.vocabulary.places(np.array(sorted(terms), np.int64))

    def vector(self, counts):
        numbers = np.array([counts[term] for term in sorted(counts)], np.uint8)
        return plain(self.vocabulary, self.rarity.vector(self.places(counts), numbers))

    def count(self, terms, time):
        self.rarity.count(self.places(terms), time)

    def counted(self):
        return {
            day: (articles, dict(zip(terms.tolist(), counts.tolist(), strict=True)))
            for day, articles, terms, counts in self.rarity.counted()
        }


class InFloats:
    """The same by the formula, in floats and mappings."""

    def __init__(self, table):
        self.table = table
        self.today = -math.inf
        self.seen = []

    def advance(self, time):
        self.today = max(self.today, time // DAY)

    def count(self, terms, time):
        self.advance(time)
        self.seen.append((self.today, terms))

    def vector(self, counts):
        recent = [terms for day, terms in self.seen if day > self.today - RECENT_DAYS]
        online = [] if self.table.measured else [terms for _, terms in self.seen]
        share = RECENT_SHARE * len(recent) / (len(recent) + RECENT_HALF)
        weights = {}
        for term, count in counts.items():
            known = self.table.frequencies[term] if term < HASHED else 0
            known += sum(term in terms for terms in online)
            common = (1 - share) * (known + 1) / (self.table.documents + len(online) + 2)
            common += share * (sum(term in terms for terms in recent) + 1) / (len(recent) + 2)
            weights[term] = (1 + math.log(count)) * -math.log(common)
        length = math.hypot(*weights.values())
        return {term: LENGTH * weight / length for term, weight in weights.items()}


def alike(found, exact):
    """Within 1%, and the rounding to an integer."""
    return all(abs(found.get(term, 0) - weight) <= 0.5 + 0.01 * weight for term, weight in exact.items())


def test_weights_of_a_cold_desk_come_from_the_table():
    half, tenth = -math.log(50 / 100), (1 + math.log(3)) * -math.log(10 / 100)
    unseen = -math.log(1 / 100)
    length = math.hypot(half, tenth, unseen)
    exact = {0: half, 1: tenth, HASHED + 7: unseen}
    found = Seen().vector({0: 1, 1: 3, HASHED + 7: 1})
    assert found == {term: pytest.approx(LENGTH * weight / length, rel=0.01) for term, weight in exact.items()}


def test_a_vector_has_length_1000():
    assert Seen().vector({1: 9}) == {1: 1000}
    assert Seen().vector({HASHED: 2, HASHED + 5: 2}) == {HASHED: 707, HASHED + 5: 707}


def test_an_article_without_terms_has_an_empty_vector():
    assert Seen().vector({}) == {}


def test_a_term_too_light_to_count_is_left_out():
    seen = Seen(table_of(100_000, [99_000, 100_000, 0]))
    assert seen.vector({0: 1, 1: 9, 2: 255}) == {2: 1000}
    assert 0 in seen.vector({0: 9, 2: 1})


def test_what_is_common_now_weighs_less_and_is_forgotten_after_five_days():
    seen, terms = Seen(), {0: 1, 1: 1}
    cold = seen.vector(terms)
    for _ in range(50):
        seen.count({1}, 3 * DAY)
    busy = seen.vector(terms)
    assert busy[1] < cold[1]
    share = 0.3 * 50 / 250
    half, tenth = ((1 - share) * known / 100 + share * now / 52 for known, now in ((50, 1), (10, 51)))
    assert busy[1] / busy[0] == pytest.approx(math.log(tenth) / math.log(half), rel=0.01)
    seen.rarity.advance(7 * DAY)
    assert seen.vector(terms) == busy
    seen.rarity.advance(8 * DAY)
    assert seen.vector(terms) == cold
    assert seen.counted() == {}


def test_on_top_of_an_estimate_the_desk_counts_its_own_articles():
    estimated, measured = Seen(ESTIMATED), Seen(TABLE)
    for seen in (estimated, measured):
        for _ in range(100):
            seen.count({1}, 0)
        seen.rarity.advance(30 * DAY)
    terms = {0: 1, 1: 1}
    assert measured.vector(terms) == Seen().vector(terms)
    assert alike(estimated.vector(terms), InFloats(table_of(198, [49, 109])).vector(terms))


def test_an_article_of_a_day_gone_by_counts_as_todays():
    seen = Seen()
    seen.count({0, HASHED}, 9 * DAY)
    seen.count({0}, 3 * DAY)
    assert seen.counted() == {9: (2, {0: 2, HASHED: 1})}


def test_a_vector_has_the_heaviest_terms_and_of_ties_the_smaller_ids():
    table = table_of(1000, [10] * 80)
    hashed = [HASHED + 10 * number for number in range(30)]
    found = Seen(table).vector(dict.fromkeys([*range(80), *hashed], 1))
    assert sorted(found) == [*range(HEAVIEST - 30), *hashed]  # those of no table are rarer
    # All alike; their places fall while their ids rise.
    hashed = [HASHED + number for number in range(130)]
    seen = Seen()
    for term in reversed(hashed):
        seen.places([term])
    assert list(seen.vector(dict.fromkeys(hashed, 1))) == hashed[:HEAVIEST]


# A term that is in nearly every article is left out: of a rarity near zero one step of integers is more than 1%.
tables = st.integers(50, 50_000).flatmap(
    lambda documents: st.builds(
        table_of,
        st.just(documents),
        st.lists(st.integers(0, documents * 3 // 4), min_size=6, max_size=6),
        st.booleans(),
    )
)
TERMS = (*range(6), HASHED, HASHED + 1, 2**32 - 1)
articles = st.lists(st.tuples(st.sets(st.sampled_from(TERMS)), st.integers(0, 9 * DAY)), max_size=20)
counts = st.dictionaries(st.sampled_from(TERMS), st.integers(1, 255), min_size=1)


@given(tables, articles, counts)
def test_integers_weigh_what_the_formula_says(table, stream, article):
    seen, formula = Seen(table), InFloats(table)
    for terms, time in stream:
        found = seen.vector(article)
        assert alike(found, formula.vector(article))
        assert math.hypot(*found.values()) == pytest.approx(LENGTH, abs=len(TERMS))
        for one in (seen, formula):
            one.count(terms, time)
    assert alike(seen.vector(article), formula.vector(article))


@given(
    st.dictionaries(st.integers(HASHED, HASHED + 300), st.integers(1, 4), max_size=250),
    st.lists(st.sets(st.integers(HASHED, HASHED + 300)), max_size=4),
    articles,
)
def test_a_vector_does_not_depend_on_what_the_vocabulary_met_before(article, before, stream):
    table = table_of(98, [49, 9, 3, 2, 1, 0])
    fresh, used = Seen(table), Seen(table)
    for terms in before:
        used.places(terms)
    for terms, time in stream:
        for seen in (fresh, used):
            seen.count(terms, time)
    found = fresh.vector(article)
    assert list(used.vector(article).items()) == list(found.items())
    assert list(found) == sorted(found)
    assert len(found) <= HEAVIEST
    assert all(weight > 0 for weight in found.values())


@pytest.mark.parametrize("table", [TABLE, ESTIMATED])
@given(stream=articles, article=counts, part=st.integers(1, 9))
def test_what_was_counted_is_taken_up_again_also_in_parts(table, stream, article, part):
    table = table._replace(frequencies=(49, 9, 3, 2, 1, 0))
    seen, again = Seen(table), Seen(table)
    for terms, time in stream:
        seen.count(terms, time)
    for day, number, terms, numbers in seen.rarity.counted():
        assert terms.tolist() == sorted(terms.tolist())
        for start in range(0, max(len(terms), 1), part):
            few = terms[start : start + part]
            again.rarity.resume(day, 0 if start else number, few, numbers[start : start + part])
    assert again.counted() == seen.counted()
    assert again.vector(article) == seen.vector(article)
    for one in (seen, again):
        one.count({0, HASHED}, 11 * DAY)
    assert again.counted() == seen.counted()
    assert again.vector(article) == seen.vector(article)


@pytest.mark.parametrize("table", [TABLE, ESTIMATED])
@given(stream=articles, article=counts, cuts=st.sets(st.integers(0, 20)))
def test_what_is_new_of_each_run_adds_up(table, stream, article, cuts):
    """One that goes on, run after run, and one that takes up what it has left each time."""
    table = table._replace(frequencies=(49, 9, 3, 2, 1, 0))
    seen, again = Seen(table), Seen(table)
    for at, (terms, time) in enumerate([*stream, (set(), 9 * DAY)]):
        if at in cuts:
            for left in seen.rarity.fresh():
                again.rarity.resume(*left)
            seen.rarity.begin_run()
        seen.count(terms, time)
    for left in seen.rarity.fresh():
        again.rarity.resume(*left)
    again.rarity.advance(9 * DAY)
    assert again.counted() == seen.counted()
    assert again.vector(article) == seen.vector(article)
    seen.rarity.begin_run()
    assert list(seen.rarity.fresh()) == []


def test_what_was_counted_are_articles_by_day_and_in_all():
    seen = Seen(ESTIMATED)
    seen.count({1, HASHED}, 2 * DAY)
    seen.count({1}, 8 * DAY)
    assert seen.counted() == {8: (1, {1: 1}), None: (2, {1: 2, HASHED: 1})}


def test_counts_of_all_days_have_no_place_beside_a_measured_table():
    nothing = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="without a term table"):
        Seen().rarity.resume(None, 3, nothing, nothing)
