"""The trees: scored all at once as one would walk them one by one, and kept in a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories.features import NAMES
from transforms.stories.model import (
    MOST_LEAVES,
    SHIPPED,
    SHIPPED_ESTIMATED,
    Model,
    Tree,
    from_json,
    load_model,
    to_json,
)

STUMP = Tree(((0, 0.5, ~0, 1), (1, 2.0, ~1, ~2)), (-10, 20, 400))

# Few features and values, so that rows often are at a threshold.
FEATURES = 4
values = st.sampled_from([-1.5, 0.0, 0.1, 0.25, 3.0])


@st.composite
def trees_drawn(draw):
    """Any tree, its nodes in any order behind the root."""
    number = draw(st.integers(2, MOST_LEAVES))
    leaves = tuple(draw(st.lists(st.integers(-(10**6), 10**6), min_size=number, max_size=number)))
    at = [0, *draw(st.permutations(range(1, number - 1)))]
    nodes = [(0, 0.0, 0, 0)] * (number - 1)

    def split(first, last):
        """A node over some leaves; a single one is itself."""
        if last - first == 1:
            return ~first
        node = at.pop(0)
        between = draw(st.integers(first + 1, last - 1))
        feature, threshold = draw(st.integers(0, FEATURES - 1)), draw(values)
        nodes[node] = feature, threshold, split(first, between), split(between, last)
        return node

    split(0, number)
    return Tree(tuple(nodes), leaves)


models = st.builds(Model, st.lists(trees_drawn(), min_size=1, max_size=4), st.integers(-(10**6), 10**6))
rows_drawn = st.lists(st.lists(values, min_size=FEATURES, max_size=FEATURES), min_size=1, max_size=8)


def walked(tree, row):
    """The leaf that a row falls into."""
    at = 0
    while at >= 0:
        feature, threshold, left, right = tree.nodes[at]
        at = left if row[feature] <= threshold else right
    return tree.leaves[~at]


@given(models, rows_drawn)
def test_a_score_is_the_sum_of_the_leaves_one_walks_to(model, rows):
    assert model.scores(rows) == [sum(walked(tree, row) for tree in model.trees) for row in rows]


@pytest.mark.parametrize(("row", "score"), [((0.5, 9.0), -10), ((0.6, 2.0), 20), ((0.6, 2.1), 400)])
def test_a_tree_goes_left_up_to_the_threshold(row, score):
    assert Model((STUMP,), 0).scores([row]) == [score]
    assert Model((STUMP, STUMP), 0).scores([row, (0.0, 0.0)]) == [2 * score, -20]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_tree_may_be_as_deep_as_it_has_leaves(turn):
    """A chain to either side: every test is met on the way to the last leaf."""
    last = MOST_LEAVES - 1
    chain = [(0, float(at), ~at, at + 1 if at + 1 < last else ~last) for at in range(last)]
    if turn < 0:
        chain = [(0, float(last - 1 - at), at + 1 if at + 1 < last else ~0, ~(last - at)) for at in range(last)]
    tree = Tree(tuple(chain), tuple(range(100, 100 + MOST_LEAVES)))
    rows = [(value - 0.5,) for value in range(MOST_LEAVES)]
    assert Model((tree,), 0).scores(rows) == list(tree.leaves)


def test_a_tree_with_nothing_to_tell_apart():
    assert Model((Tree(((0, 0.0, ~0, ~0),), (7,)), STUMP), 0).scores([(9.0, 9.0), (-9.0, 0.0)]) == [407, -3]


def test_without_trees_all_scores_are_zero():
    assert Model((), 5).scores([(1.0,), (2.0,)]) == [0, 0]


@given(models)
def test_a_model_survives_its_file(model):
    found = from_json(to_json(model, "made by hand"))
    assert (found.trees, found.join_from) == (model.trees, model.join_from)


def test_a_model_without_trees_survives_its_file():
    found = from_json(to_json(Model((), -250_000), ""))
    assert (found.trees, found.join_from) == ((), -250_000)


@pytest.mark.parametrize("other", ['"sine"', '"cosine",\n  "sine"'])
def test_a_model_for_other_features_is_refused(other):
    text = to_json(Model((), 0), "")
    assert '"cosine"' in text
    with pytest.raises(ValueError, match="learn it again"):
        from_json(text.replace('"cosine"', other))


def leaves_below(tree, at):
    """In the order in which they are met from left to right."""
    if at < 0:
        return [~at]
    _, _, left, right = tree.nodes[at]
    return leaves_below(tree, left) + leaves_below(tree, right)


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED_ESTIMATED])
def test_the_shipped_models_fit_this_version(path):
    model = load_model(path)
    assert model.trees
    for tree in model.trees:
        assert len(tree.leaves) <= MOST_LEAVES
        assert leaves_below(tree, 0) == list(range(len(tree.leaves)))
        assert all(0 <= node[0] < len(NAMES) for node in tree.nodes)
    low, high = [-1e9] * len(NAMES), [1e9] * len(NAMES)
    assert model.scores([low, high]) == [sum(walked(tree, row) for tree in model.trees) for row in (low, high)]
