"""Vectors, candidates, features and trees, on cases small enough to compute by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories import candidates
from transforms.stories.candidates import Index, heaviest
from transforms.stories.features import (
    MONOTONE,
    NAMES,
    LocalRarity,
    StoryView,
    cosine,
    feature_rows,
    matches,
)
from transforms.stories.model import SHIPPED, SHIPPED_ESTIMATED, Model, Tree, from_json, load_model, to_json
from transforms.stories.tables import TermTable
from transforms.stories.vectors import DAY, HEAVIEST, Rarity, combine, vector

TABLE = TermTable(98, {"a": 0, "b": 1}, (49, 9), True)


def test_a_headline_counts_twice():
    assert combine({1: 2, 3: 1}, {1: 1, 2: 5}) == {1: 5, 3: 2, 2: 5}


def test_weights_of_a_cold_desk_come_from_the_table():
    weights = {term: weight for weight, term in Rarity(TABLE).weights({0: 1, 1: 3})}
    assert weights[0] == pytest.approx(-math.log(50 / 100))
    assert weights[1] == pytest.approx((1 + math.log(3)) * -math.log(10 / 100))


def test_what_is_common_now_weighs_less_and_is_forgotten_after_five_days():
    rarity = Rarity(TABLE)
    (cold, _), *_ = rarity.weights({1: 1})
    for _ in range(50):
        rarity.count({1: 1}, 3 * DAY)
    (busy, _), *_ = rarity.weights({1: 1})
    assert busy < cold
    share = 0.3 * 50 / 250
    assert busy == pytest.approx(-math.log((1 - share) * 10 / 100 + share * 51 / 52))
    rarity.advance(7 * DAY)
    assert rarity.weights({1: 1})[0][0] == busy
    rarity.advance(8 * DAY)
    assert rarity.weights({1: 1})[0][0] == cold


def test_on_top_of_an_estimate_the_desk_counts_its_own_articles():
    estimated, measured = Rarity(TABLE._replace(measured=False)), Rarity(TABLE)
    for rarity in (estimated, measured):
        for _ in range(100):
            rarity.count({1: 1}, 0)
        rarity.advance(30 * DAY)
    assert measured.weights({1: 1}) == Rarity(TABLE).weights({1: 1})
    assert estimated.weights({1: 1})[0][0] < measured.weights({1: 1})[0][0]


def test_a_vector_has_integers_of_length_1000_heaviest_first():
    assert vector([(3.0, 7), (4.0, 9)]) == {9: 800, 7: 600}
    assert list(vector([(3.0, 7), (4.0, 9), (3.0, 2)])) == [9, 2, 7]
    assert vector([]) == {}
    assert vector([(0.0, 1)]) == {}


@given(st.permutations([(1.0 + term % 7, term) for term in range(130)]))
def test_a_vector_keeps_the_heaviest_terms_whatever_their_order(weighted):
    found = vector(weighted)
    assert len(found) == HEAVIEST
    assert found == vector(sorted(weighted))
    assert list(found)[:3] == [6, 13, 20]  # ties: the smaller id


def test_the_heaviest_terms_of_ties_are_the_smaller_ids():
    assert heaviest({5: 1, 3: 2, 4: 1}, 2) == [3, 4]


def test_the_shortlist_ranks_by_likeness_then_by_id():
    index = Index()
    index.put("b", {1: 600, 2: 800}, 1_000_000)
    index.put("c", {1: 1000}, 1_000_000)
    index.put("a", {1: 1000}, 1_000_000)
    index.put("d", {9: 1000}, 1_000_000)
    assert index.shortlist({1: 1000}) == ["a", "c", "b"]
    index.put("b", {2: 1000}, 1_000_000)
    assert index.shortlist({1: 1000}) == ["a", "c"]
    index.drop("a")
    assert index.shortlist({1: 1000}) == ["c"]


def test_the_shortlist_reads_rare_terms_first_and_stops_at_the_budget(monkeypatch):
    monkeypatch.setattr(candidates, "BUDGET", 3)
    index = Index()
    for name in "abc":
        index.put(name, {1: 1000}, 1_000_000)
    index.put("d", {2: 1000}, 1_000_000)
    assert index.shortlist({1: 900, 2: 100}) == ["d"]


def test_the_index_holds_a_storys_heaviest_terms_only():
    index = Index()
    index.put("s", {term: 1000 - term for term in range(60)}, 1_000_000)
    assert index.shortlist({39: 10}) == ["s"]
    assert index.shortlist({40: 10}) == []


def test_matches_and_cosine():
    shared = matches({1: 600, 2: 800}, {2: 500, 3: 1})
    assert shared == [(400_000, 2)]
    assert cosine(400_000, 250_000) == 0.8
    assert cosine(0, 0) == 0.0


def row_of(rows, at=0):
    return dict(zip(NAMES, rows[at], strict=True))


def test_features_of_a_lone_singleton():
    article = {1: 600, 2: 800}
    story = StoryView({1: 1000}, 1_000_000, 1, last_time=0, mean_time=0, best_cosines=0, longest_body=99)
    rows = feature_rows(article, 3 * DAY, 399, [(story, matches(article, story.vector))], LocalRarity({1: 1}), 1)
    live = math.log(3)
    held = round(1024 * (live - math.log(2)) / live)  # term 1 is in the one live story, term 2 in none: 1024
    local = 600 * 1000 * held * held / math.sqrt(((600 * held) ** 2 + (800 * 1024) ** 2) * (1000 * held) ** 2)
    assert row_of(rows) == pytest.approx(
        {
            "cosine": 0.6,
            "largest_share": 1.0,
            "near_last": math.exp(-0.5),
            "near_mean": math.exp(-0.5),
            "over_best": 1.0,
            "over_joins": 1.0,
            "cohesion": 0.0,
            "over_cohesion": 1.0,
            "singleton": 1.0,
            "shorter_length": math.log(100),
            "own_length": math.log(400),
            "recency": math.exp(-3),
            "days": 3.0,
            "days_to_mean": 3.0,
            "local_cosine": local,
            "local_shared": held / (held + 1024),
            "local_ratio": local / 0.6,
            "local_top5": held / 1024,
            "local_largest_share": 1.0,
            "local_over_best": 1.0,
            "local_gap": local,
            "local_others": 0.0,
            "live": live,
            "above_30": math.log(2),
            "above_50": math.log(2),
            "gap": 0.6,
            "others": 0.0,
            "outstanding": 10.0,
        }
    )


def test_features_of_a_story_of_two_beside_another():
    article = {1: 1000}
    # Two articles with cosine .5 between them: the sum's squared length is 3.
    pair = StoryView(
        {1: 1500, 2: 866}, 3_000_000, 2, last_time=2 * DAY, mean_time=DAY, best_cosines=500_000, longest_body=0
    )
    single = StoryView(
        {1: 400, 3: 917}, 1_000_000, 1, last_time=9 * DAY, mean_time=9 * DAY, best_cosines=0, longest_body=0
    )
    both = [(story, matches(article, story.vector)) for story in (pair, single)]
    rows = feature_rows(article, 2 * DAY, 0, both, LocalRarity({1: 2, 2: 1, 3: 1}), 2)
    first, second = row_of(rows), row_of(rows, 1)
    best = 1500 / 1000 / math.sqrt(3)
    assert first["cosine"] == pytest.approx(best)
    assert first["cohesion"] == pytest.approx(0.5)
    assert first["over_joins"] == pytest.approx(min(3.0, best * 2 / 0.5))
    assert first["over_cohesion"] == pytest.approx(1.5 / 2 / 0.5)
    assert (first["singleton"], first["days"], first["days_to_mean"]) == (0.0, 0.0, 1.0)
    assert first["gap"] == pytest.approx(best - 0.4)
    assert first["others"] == pytest.approx(0.4)
    assert first["outstanding"] == pytest.approx((best - 0.4) / 0.05)
    assert second["over_best"] == pytest.approx(0.4 / best)
    assert second["gap"] == pytest.approx(0.4 - best)
    assert second["days"] == 0.0  # a story's last article may be later than this one: never a negative gap
    assert first["above_30"] == pytest.approx(math.log(3))
    assert first["above_50"] == pytest.approx(math.log(2))


def test_every_feature_has_a_direction():
    assert len(MONOTONE) == len(NAMES) == len(set(NAMES)) == 28
    assert MONOTONE[NAMES.index("cosine")] == 1
    assert MONOTONE[NAMES.index("days")] == -1
    assert MONOTONE[NAMES.index("live")] == 0


STUMP = Tree(((0, 0.5, ~0, 1), (1, 2.0, ~1, ~2)), (-10, 20, 400))


@pytest.mark.parametrize(("row", "score"), [((0.5, 9.0), -10), ((0.6, 2.0), 20), ((0.6, 2.1), 400)])
def test_a_tree_goes_left_up_to_the_threshold(row, score):
    assert Model((STUMP,), 0).score(row) == score
    assert Model((STUMP, STUMP), 0).score(row) == 2 * score


def test_a_model_survives_its_file():
    model = Model((STUMP, STUMP), -250_000)
    assert from_json(to_json(model, "made by hand")) == model


def test_a_model_for_other_features_is_refused():
    with pytest.raises(ValueError, match="learn it again"):
        from_json(to_json(Model((), 0), "").replace('"cosine"', '"sine"'))


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED_ESTIMATED])
def test_the_shipped_models_fit_this_version(path):
    model = load_model(path)
    assert len(model.trees) == 60
    assert max(node[0] for tree in model.trees for node in tree.nodes) < len(NAMES)
