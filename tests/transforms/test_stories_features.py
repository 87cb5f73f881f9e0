"""Comparing articles with stories, and the features made of it, against slow ones in plain mappings."""

import math
import statistics
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_vectors import TERMS, plain, turned, vector_of, vocabulary
from transforms.stories.features import MILLION, MONOTONE, NAMES, RARITY_ONE, LocalRarity, Matcher, feature_rows
from transforms.stories.live import ARTICLES, BEST_COSINES, LAST_TIME, LONGEST_BODY, MEAN_TIME, MOST_SUMMED, LiveStories
from transforms.stories.vectors import DAY, LENGTH


class OneStory(NamedTuple):
    """A live story in plain values."""

    weights: dict[int, int]
    articles: int = 1
    last_time: int = 0
    mean_time: int = 0
    best_cosines: int = 0
    longest_body: int = 0

    @property
    def square(self):
        return sum(weight * weight for weight in self.weights.values())


class Article(NamedTuple):
    """What is asked about, in plain values."""

    weights: dict[int, int]
    time: int = 0
    body_length: int = 0


class Arrays:
    """Stories as the desk has them. The id of the last one is the smallest."""

    def __init__(self, stories, order=None, turn=lambda vector: vector):
        self.words = vocabulary()
        self.live = LiveStories(self.words)
        self.matcher = Matcher(self.words, self.live)
        self.row_of = {}
        for at in range(len(stories)) if order is None else order:
            story = stories[at]
            facts = {
                ARTICLES: story.articles,
                LAST_TIME: story.last_time,
                MEAN_TIME: story.mean_time,
                BEST_COSINES: story.best_cosines,
                LONGEST_BODY: story.longest_body,
            }
            vector = turn(vector_of(self.words, story.weights))
            self.row_of[at] = self.live.open(f"{1000 - at:016x}", vector, facts)
        self.story_of = {row: at for at, row in self.row_of.items()}

    def vector(self, article):
        return vector_of(self.words, article.weights)

    def rows(self, chosen):
        return np.array([self.row_of[at] for at in chosen], np.intp)

    def features(self, article, number=8):
        """(story, row of features) for the best of all stories that share a term with the article, the best first."""
        vector = self.vector(article)
        like = [at for at, row in self.row_of.items() if plain(self.words, self.live.vector(row)).keys() & article[0]]
        if not like:
            return []
        found = self.matcher.best(self.matcher.compare(vector, self.rows(like)), number, 1, 0.0)
        if not len(found.rows):
            return []
        rarity = LocalRarity().at(self.live.having.data.take(vector.places), len(self.live))
        made = feature_rows(
            found.cosines.tolist(),
            found.dots.tolist(),
            self.matcher.shared(vector, found),
            self.live.facts.take(found.rows, axis=0).tolist(),
            rarity,
            len(self.live),
            article.time,
            article.body_length,
        )
        return [(self.story_of[row], features) for row, features in zip(found.rows.tolist(), made, strict=True)]


def cosine_of(article, story):
    """Millionths, rounded down."""
    dot = sum(weight * story.weights.get(term, 0) for term, weight in article.weights.items())
    return int(dot * (MILLION / LENGTH) / math.sqrt(story.square))


def rarities_of(article, stories):
    most = math.log(len(stories) + 2)
    having = {term: sum(term in story.weights for story in stories) for term in article.weights}
    return {term: RARITY_ONE - round(RARITY_ONE * math.log(1 + count) / most) for term, count in having.items()}


def best_of(article, stories, number=8):
    """The stories nearest to an article, by place: those of later places win ties."""
    near = [(cosine_of(article, story), at) for at, story in enumerate(stories)]
    return [at for cosine, at in sorted(near, reverse=True)[:number] if cosine > 0]


def others(values, at):
    """Largest, mean and deviation of all but one."""
    rest = [*values[:at], *values[at + 1 :]]
    return (max(rest), statistics.fmean(rest), statistics.pstdev(rest)) if rest else (0, 0.0, 0.0)


def plain_features(article, stories, chosen):
    """The features of the chosen stories by name, as slow and plain as they can be told."""
    rarity = rarities_of(article, stories)
    cosines = [cosine_of(article, stories[at]) for at in chosen]
    products = [
        {term: weight * stories[at].weights[term] for term, weight in article.weights.items() if term in stories[at][0]}
        for at in chosen
    ]
    rare_products = [{term: product * rarity[term] ** 2 for term, product in shared.items()} for shared in products]
    local = [
        cosine * sum(rare.values()) // (sum(shared.values()) * RARITY_ONE**2)
        for cosine, shared, rare in zip(cosines, products, rare_products, strict=True)
    ]
    made = []
    for at, story in enumerate(stories[place] for place in chosen):
        value, shared, rare = cosines[at], products[at], rare_products[at]
        dot, count = sum(shared.values()), story.articles
        top, mean, deviation = others(cosines, at)
        local_top, local_mean, _ = others(local, at)
        strongest = sorted(((product, rarity[term]) for term, product in shared.items()), reverse=True)[:5]
        cohesion = 0.0 if count == 1 else (story.square / LENGTH**2 - count) / (count * (count - 1))
        made.append(
            {
                "cosine": value / MILLION,
                "largest_share": max(shared.values()) / dot,
                "over_best": min(1.0, value / top) if top else 1.0,
                "over_joins": 1.0 if count == 1 else min(3.0, value * count / max(story.best_cosines, 1)),
                "cohesion": cohesion,
                "over_cohesion": 1.0 if count == 1 else min(3.0, dot / LENGTH**2 / count / max(cohesion, 0.001)),
                "singleton": count == 1,
                "shorter_length": min(article.body_length, story.longest_body),
                "own_length": article.body_length,
                "days": max(0.0, (article.time - story.last_time) / DAY),
                "days_to_mean": max(0.0, (article.time - story.mean_time) / DAY),
                "local_cosine": local[at] / MILLION,
                "local_shared": sum(rarity[term] for term in shared) / max(sum(rarity.values()), 1),
                "local_ratio": local[at] / value,
                "local_top5": statistics.fmean(rare for _, rare in strongest) / RARITY_ONE,
                "local_largest_share": max(rare.values()) / max(sum(rare.values()), 1),
                "local_over_best": min(1.0, local[at] / local_top) if local_top else 1.0,
                "local_gap": (local[at] - local_top) / MILLION,
                "local_others": local_mean / MILLION,
                "live": len(stories),
                "above_30": sum(other > 300_000 for other in cosines),
                "above_50": sum(other > 500_000 for other in cosines),
                "gap": (value - top) / MILLION,
                "others": mean / MILLION,
                "outstanding": min(10.0, (value - mean) / (deviation + 50_000)),
            }
        )
    return made


vectors = st.dictionaries(st.sampled_from(TERMS), st.integers(1, 1000), min_size=1, max_size=9)
even_vectors = st.dictionaries(st.sampled_from(TERMS), st.sampled_from([300, 600]), min_size=1, max_size=9)
times = st.integers(-9 * DAY, 9 * DAY)
lengths = st.integers(0, 100_000)
stories_drawn = st.lists(
    st.builds(
        OneStory,
        vectors | even_vectors,
        st.sampled_from([1, 1, 2, 3, MOST_SUMMED + 1]),
        times,
        times,
        st.integers(0, 3 * MILLION),
        lengths,
    ),
    min_size=1,
    max_size=10,
)
articles_drawn = st.builds(Article, vectors | even_vectors, times, lengths)


@given(articles_drawn, stories_drawn)
def test_features_are_what_they_are_said_to_be(article, stories):
    made = Arrays(stories).features(article)
    chosen = best_of(article, stories)
    assert [at for at, _ in made] == chosen
    for (_, found), expected in zip(made, plain_features(article, stories, chosen), strict=True):
        assert all(math.isfinite(value) for value in found)
        by_name = dict(zip(NAMES, found, strict=True))
        assert by_name == {name: pytest.approx(expected[name], rel=1e-9, abs=1e-12) for name in NAMES}


@given(articles_drawn, stories_drawn, st.permutations(range(10)))
def test_features_do_not_depend_on_the_order_of_terms_or_rows(article, stories, order):
    order = [at for at in order if at < len(stories)]
    assert Arrays(stories, order, turned).features(article) == Arrays(stories).features(article)


@given(articles_drawn, stories_drawn, st.integers(1, 4), st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_best_are_of_the_highest_cosines_and_of_ties_the_smaller_ids(article, stories, number, last, share):
    arrays = Arrays(stories)
    found = arrays.matcher.compare(arrays.vector(article), arrays.rows(range(len(stories))))
    cosines = [cosine_of(article, story) for story in stories]
    assert found.cosines.tolist() == cosines
    least = max(cosines[last % len(cosines)], 1)
    best = arrays.matcher.best(found, number, least, share)
    assert [arrays.story_of[row] for row in best.rows.tolist()] == [
        at for at in best_of(article, stories, number) if cosines[at] >= max(least, max(cosines) * share)
    ]
    assert best.cosines.tolist() == [cosines[arrays.story_of[row]] for row in best.rows.tolist()]


@given(articles_drawn, stories_drawn)
def test_the_weights_of_shared_terms_are_multiplied(article, stories):
    arrays = Arrays(stories, turn=turned)
    vector = arrays.vector(article)
    products = arrays.matcher.shared(vector, arrays.matcher.compare(vector, arrays.rows(range(len(stories)))))
    for at, story in enumerate(stories):
        assert products[at].tolist() == [
            article.weights[term] * story.weights.get(term, 0) for term in sorted(article.weights)
        ]


def test_comparing_leaves_nothing_behind():
    arrays = Arrays([OneStory({0: 600, 1: 800})])
    for weights, cosine in [({0: 1000}, 600_000), ({1: 1000}, 800_000), ({2: 1000}, 0), ({}, 0)]:
        found = arrays.matcher.compare(arrays.vector(Article(weights)), arrays.rows([0]))
        assert found.cosines.tolist() == [cosine]


def test_a_story_of_very_many_articles_is_compared_exactly():
    story = OneStory({0: 600 * MOST_SUMMED, 1: 800 * MOST_SUMMED}, MOST_SUMMED)
    assert Arrays([story]).features(Article({0: 600, 1: 800}))[0][1][0] == 1.0


@pytest.mark.parametrize("live", [1, 2, 3, 1000, 5000, 30_000])
def test_local_rarity_falls_from_all_to_almost_nothing(live):
    having = np.arange(live + 1)
    found = LocalRarity().at(having, live).tolist()
    assert found[0] == RARITY_ONE
    assert found == sorted(found, reverse=True)
    assert 0 <= found[-1] < RARITY_ONE / 2
    assert found[1] == RARITY_ONE - round(RARITY_ONE * math.log(2) / math.log(live + 2))


def test_local_rarity_does_not_depend_on_what_was_asked_before():
    grown = LocalRarity()
    for live in (5, 3000, 7):
        having = np.arange(6)
        assert grown.at(having, live).tolist() == LocalRarity().at(having, live).tolist()


def by_name(made):
    return [dict(zip(NAMES, features, strict=True)) for _, features in made]


def test_features_of_a_lone_singleton():
    story = OneStory({0: 1000}, longest_body=99)
    (found,) = by_name(Arrays([story]).features(Article({0: 600, 1: 800}, 3 * DAY, 399)))
    held = 256 - round(256 * math.log(2) / math.log(3))  # term 0 is in the one live story, term 1 in none: 256
    local = 600_000 * held * held // 256**2 / MILLION
    expected = {
        "cosine": 0.6,
        "largest_share": 1.0,
        "over_best": 1.0,
        "over_joins": 1.0,
        "cohesion": 0.0,
        "over_cohesion": 1.0,
        "singleton": True,
        "shorter_length": 99,
        "own_length": 399,
        "days": 3.0,
        "days_to_mean": 3.0,
        "local_cosine": local,
        "local_shared": held / (held + 256),
        "local_ratio": local / 0.6,
        "local_top5": held / 256,
        "local_largest_share": 1.0,
        "local_over_best": 1.0,
        "local_gap": local,
        "local_others": 0.0,
        "live": 1,
        "above_30": 1,
        "above_50": 1,
        "gap": 0.6,
        "others": 0.0,
        "outstanding": 10.0,
    }
    assert found == pytest.approx({name: expected[name] for name in NAMES})


def test_features_of_a_story_of_two_beside_another():
    # Two articles with cosine .5 between them: the sum's squared length is 3 (but for rounding).
    pair = OneStory({0: 1500, 1: 866}, 2, last_time=2 * DAY, mean_time=DAY, best_cosines=500_000)
    single = OneStory({0: 400, 2: 917}, last_time=9 * DAY, mean_time=9 * DAY)
    first, second = by_name(Arrays([pair, single]).features(Article({0: 1000}, 2 * DAY)))
    best = 1500 / 1000 / math.sqrt(3)
    assert first["cosine"] == pytest.approx(best, rel=1e-4)
    assert first["cohesion"] == pytest.approx(0.5, rel=1e-3)
    assert first["over_joins"] == 3.0
    assert first["over_cohesion"] == pytest.approx(1.5 / 2 / 0.5, rel=1e-3)
    assert (first["singleton"], first["days"], first["days_to_mean"]) == (False, 0.0, 1.0)
    assert first["gap"] == pytest.approx(best - 0.4, rel=1e-3)
    assert first["others"] == pytest.approx(0.4, rel=1e-3)
    assert first["outstanding"] == pytest.approx((best - 0.4) / 0.05, rel=1e-3)
    assert second["over_best"] == pytest.approx(0.4 / best, rel=1e-3)
    assert second["gap"] == pytest.approx(0.4 - best, rel=1e-3)
    assert second["days"] == 0.0  # a story's last article may be later than this one: never a negative gap
    assert (first["above_30"], first["above_50"]) == (2, 1)


def test_every_feature_has_a_direction():
    assert len(MONOTONE) == len(NAMES) == len(set(NAMES))
    assert MONOTONE[NAMES.index("cosine")] == 1
    assert MONOTONE[NAMES.index("days")] == -1
    assert MONOTONE[NAMES.index("live")] == 0
