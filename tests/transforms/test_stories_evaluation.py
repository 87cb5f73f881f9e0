"""BCubed against cases computed by hand."""

import pytest

from transforms.stories.evaluation import bcubed


def test_agreement_is_one():
    assert bcubed({"a": "1", "b": "1", "c": "2"}, {"a": "x", "b": "x", "c": "y"}) == (1.0, 1.0, 1.0)


def test_one_wrong_join():
    # Keys {a b c} {d}, gold {a b} {c d}. Precision: a, b 2/3, c 1/3, d 1. Recall: a, b 1, c, d 1/2.
    found = bcubed({"a": "1", "b": "1", "c": "1", "d": "2"}, {"a": "x", "b": "x", "c": "y", "d": "y"})
    precision, recall = (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 3 / 4
    assert found == pytest.approx((precision, recall, 2 * precision * recall / (precision + recall)))


def test_all_apart_and_all_together():
    gold = {"a": "x", "b": "x", "c": "y", "d": "y"}
    assert bcubed({name: name for name in gold}, gold)[:2] == (1.0, 0.5)
    assert bcubed(dict.fromkeys(gold, "1"), gold)[:2] == (0.5, 1.0)


def test_articles_without_a_gold_story_do_not_count():
    assert bcubed({"a": "1", "b": "1", "noise": "1"}, {"a": "x", "b": "x"}) == (1.0, 1.0, 1.0)


def test_nothing_to_score():
    assert bcubed({}, {}) == (0.0, 0.0, 0.0)


def test_a_missing_key_is_an_error():
    with pytest.raises(KeyError):
        bcubed({}, {"a": "x"})
