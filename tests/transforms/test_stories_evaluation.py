"""The measures against cases computed by hand, their definitions article by article, properties, and scikit-learn."""

import math
import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories.evaluation import Fault, Part, bcubed, merges, pairwise, splits, v_measure

MEASURES = (bcubed, pairwise, v_measure)

# Keys {a b c} {d}, gold {a b} {c d}.
KEYS = {"a": "1", "b": "1", "c": "1", "d": "2"}
GOLD = {"a": "x", "b": "x", "c": "y", "d": "y"}

groups = st.sampled_from("pqrst")
graded = st.dictionaries(st.integers(0, 60).map(str), st.tuples(groups, groups), min_size=1)


def sides(articles):
    """Keys and gold of article -> (key, gold)."""
    return {name: key for name, (key, _) in articles.items()}, {name: story for name, (_, story) in articles.items()}


@pytest.mark.parametrize("measure", MEASURES)
def test_agreement_is_one(measure):
    assert measure({"a": "1", "b": "1", "c": "2"}, {"a": "x", "b": "x", "c": "y"}) == (1.0, 1.0, 1.0)


def test_one_wrong_join():
    # Precision: a, b 2/3, c 1/3, d 1. Recall: a, b 1, c, d 1/2.
    precision, recall = (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 3 / 4
    assert bcubed(KEYS, GOLD) == pytest.approx((precision, recall, 2 * precision * recall / (precision + recall)))


def test_pairs_of_one_wrong_join():
    # Joined: ab, ac, bc. Meant: ab, cd. Right: ab.
    assert pairwise(KEYS, GOLD) == pytest.approx((1 / 3, 1 / 2, 2 / 5))


def test_entropies_of_one_wrong_join():
    # In bits. Gold: two halves, 1; in key 1 (3 of 4 articles) still 2/3 against 1/3, in key 2 sure.
    gold_in_keys = 3 / 4 * (2 / 3 * math.log2(3 / 2) + 1 / 3 * math.log2(3))
    # Keys: 3/4 against 1/4; in x sure, in y (2 of 4 articles) two halves, 1.
    keys = 3 / 4 * math.log2(4 / 3) + 1 / 4 * 2
    homogeneity, completeness = 1 - gold_in_keys, 1 - 1 / 2 / keys
    v = 2 * homogeneity * completeness / (homogeneity + completeness)
    assert v_measure(KEYS, GOLD) == pytest.approx((homogeneity, completeness, v))


def test_the_split_and_the_merge_of_one_wrong_join():
    assert splits(KEYS, GOLD) == [Fault("y", (Part("1", ("c",)), Part("2", ("d",))), 1 / 4)]
    assert merges(KEYS, GOLD) == [Fault("1", (Part("x", ("a", "b")), Part("y", ("c",))), 1 / 3)]


def test_all_apart_and_all_together():
    apart, together = {name: name for name in GOLD}, dict.fromkeys(GOLD, "1")
    assert bcubed(apart, GOLD)[:2] == (1.0, 0.5)
    assert bcubed(together, GOLD)[:2] == (0.5, 1.0)
    # No pair was joined, so none wrongly.
    assert pairwise(apart, GOLD) == (1.0, 0.0, 0.0)
    assert pairwise(together, GOLD) == pytest.approx((1 / 3, 1.0, 1 / 2))
    assert v_measure(apart, GOLD) == pytest.approx((1.0, 1 / 2, 2 / 3))
    assert v_measure(together, GOLD) == (0.0, 1.0, 0.0)


def test_one_article_alone_is_right():
    for measure in MEASURES:
        assert measure({"a": "1"}, {"a": "x"}) == (1.0, 1.0, 1.0)


def test_the_costliest_comes_first():
    # m: 3 of 1 and 1 of 2; n: 2 and 2; o: 1, 1, 1 and 1; p is whole. Of 16 articles.
    keys = dict(zip("abcdefghijklABCD", "1112" "3344" "5678" "9999", strict=True))  # fmt: skip
    gold = dict(zip("abcdefghijklABCD", "mmmmnnnnoooopppp", strict=True))
    found = splits(keys, gold)
    assert [fault.group for fault in found] == ["o", "n", "m"]
    assert [fault.cost for fault in found] == [12 / 64, 8 / 64, 6 / 64]
    assert [part.group for part in found[-1].parts] == ["1", "2"]
    assert merges(keys, gold) == []


def test_of_equal_costs_the_lesser_name_comes_first():
    keys = dict(zip("abcd", "1234", strict=True))
    assert [fault.group for fault in splits(keys, dict(zip("abcd", "zzyy", strict=True)))] == ["y", "z"]


@pytest.mark.parametrize("measure", MEASURES)
def test_articles_without_a_gold_story_do_not_count(measure):
    assert measure({"a": "1", "b": "1", "noise": "1"}, {"a": "x", "b": "x"}) == (1.0, 1.0, 1.0)


def test_noise_is_in_no_merge():
    assert merges({"a": "1", "b": "1", "noise": "1"}, {"a": "x", "b": "x"}) == []


def test_nothing_to_score():
    for measure in MEASURES:
        assert measure({}, {}) == (0.0, 0.0, 0.0)
    assert splits({}, {}) == merges({}, {}) == []


@pytest.mark.parametrize("function", [*MEASURES, splits, merges])
def test_a_missing_key_is_an_error(function):
    with pytest.raises(KeyError):
        function({}, {"a": "x"})


@given(graded)
def test_keys_and_gold_exchanged_precision_is_recall(articles):
    keys, gold = sides(articles)
    for measure in MEASURES:
        precision, recall, mean = measure(keys, gold)
        assert measure(gold, keys) == (recall, precision, mean)
    assert merges(keys, gold) == splits(gold, keys)


@given(st.dictionaries(st.integers(0, 60).map(str), groups, min_size=1))
def test_keys_by_other_names_are_perfect(gold):
    keys = {article: f"key of {story}" for article, story in gold.items()}
    for measure in MEASURES:
        assert measure(keys, gold) == (1.0, 1.0, 1.0)
    assert splits(keys, gold) == merges(keys, gold) == []


@given(graded)
def test_shares_are_shares(articles):
    keys, gold = sides(articles)
    for measure in MEASURES:
        precision, recall, mean = measure(keys, gold)
        assert 0 <= min(precision, recall) <= max(precision, recall) <= 1
        assert min(precision, recall) - 1e-12 <= mean <= max(precision, recall) + 1e-12


@given(graded, st.randoms(use_true_random=False))
def test_the_order_of_articles_changes_no_digit(articles, order: random.Random):
    other = list(articles.items())
    order.shuffle(other)
    for function in (*MEASURES, splits, merges):
        assert function(*sides(articles)) == function(*sides(dict(other)))


@given(graded)
def test_bcubed_is_its_definition(articles):
    keys, gold = sides(articles)

    def share(one, other, article):
        near = [name for name in gold if one[name] == one[article]]
        return sum(other[name] == other[article] for name in near) / len(near)

    precision = sum(share(keys, gold, article) for article in gold) / len(gold)
    recall = sum(share(gold, keys, article) for article in gold) / len(gold)
    assert bcubed(keys, gold)[:2] == pytest.approx((precision, recall))


@given(graded)
def test_pairwise_is_its_definition(articles):
    keys, gold = sides(articles)
    pairs = list(combinations(gold, 2))
    joined = {pair for pair in pairs if keys[pair[0]] == keys[pair[1]]}
    meant = {pair for pair in pairs if gold[pair[0]] == gold[pair[1]]}
    right = len(joined & meant)
    assert pairwise(keys, gold)[:2] == (right / len(joined) if joined else 1, right / len(meant) if meant else 1)


@given(graded)
def test_splits_and_merges_are_what_bcubed_lacks(articles):
    keys, gold = sides(articles)
    precision, recall, _ = bcubed(keys, gold)
    for faults, lacking in ((splits(keys, gold), 1 - recall), (merges(keys, gold), 1 - precision)):
        assert math.fsum(fault.cost for fault in faults) == pytest.approx(lacking)
        for fault in faults:
            sizes = [len(part.articles) for part in fault.parts]
            assert len(sizes) > 1
            assert sizes == sorted(sizes, reverse=True)
    for story, parts, _ in splits(keys, gold):
        assert {name for part in parts for name in part.articles} == {name for name in gold if gold[name] == story}
        for part in parts:
            assert {keys[name] for name in part.articles} == {part.group}


@pytest.mark.learn
@given(graded)
def test_v_measure_is_that_of_scikit_learn(articles):
    metrics = pytest.importorskip("sklearn.metrics")
    keys, gold = sides(articles)
    theirs = metrics.homogeneity_completeness_v_measure(list(gold.values()), list(keys.values()))
    assert v_measure(keys, gold) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.learn
@given(graded)
def test_pairs_are_those_of_scikit_learn(articles):
    cluster = pytest.importorskip("sklearn.metrics.cluster")
    keys, gold = sides(articles)
    # [[apart in both, joined only], [meant only, both]], each pair twice.
    (_, wrong), (lacking, right) = cluster.pair_confusion_matrix(list(gold.values()), list(keys.values())).tolist()
    precision, recall, _ = pairwise(keys, gold)
    assert precision == (right / (right + wrong) if right + wrong else 1)
    assert recall == (right / (right + lacking) if right + lacking else 1)
