"""The boosted trees that score how well an article fits a story.

In: rows of `features.NAMES`. Out: a score each, in integer millionths of log odds; sums of integers do not depend on
the order of the trees. Learned by LightGBM (`learn/forest.py`), which a run never needs: the trees are plain arrays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transforms.stories.features import NAMES

MOST_LEAVES = 16
_UNUSED = (0,) * MOST_LEAVES
# Of 16 bits the lowest that is not set.
_LOWEST_CLEAR = np.array([(~bits & (bits + 1)).bit_length() - 1 for bits in range(1 << MOST_LEAVES)], np.intp)

_DATA = Path(__file__).parent / "data"
SHIPPED = _DATA / "model.json"
SHIPPED_ESTIMATED = _DATA / "model.estimated.json"
"""For desks whose term table is an estimate: there a cosine says less, above all in a cold start."""


class Tree(NamedTuple):
    """One tree of at least two leaves."""

    nodes: tuple[tuple[int, float, int, int], ...]
    """(feature, threshold, left, right): a row goes left where its feature is not above the threshold. A left or right
    of 0 and more is a node, a negative one, inverted (`~`), a leaf. The root is node 0."""
    leaves: tuple[int, ...]
    """Millionths, from left to right."""


class Model:
    """Trees, and the score from which an article joins.

    All tests of all trees are made at once. A test that fails rules out the leaves to its left, as bits; of the leaves
    that remain, the lowest bit is the one that a row falls into (Lucchese et al., QuickScorer, SIGIR 2015).
    """

    def __init__(self, trees: Sequence[Tree], join_from: int) -> None:
        """Trees of at most MOST_LEAVES leaves; `join_from` in millionths of log odds."""
        self.trees = tuple(trees)
        self.join_from = join_from
        """The best candidate is joined if its score is not below."""
        tests = [(*node[:2], _ruled_out(tree, node)) for tree in trees for node in tree.nodes]
        self._features = np.array([test[0] for test in tests], np.intp)
        self._thresholds = np.array([test[1] for test in tests], np.float64)
        self._masks = np.array([test[2] for test in tests], np.uint16)
        self._starts = np.cumsum([0, *(len(tree.nodes) for tree in self.trees[:-1])])
        self._leaves = np.array([value for tree in trees for value in (*tree.leaves, *_UNUSED[len(tree.leaves) :])])
        self._first_leaf = np.arange(len(self.trees)) * MOST_LEAVES

    def scores(self, rows: Sequence[Sequence[float]]) -> list[int]:
        """For each row the sum of the leaves that it falls into, in millionths of log odds; 0 without trees."""
        if not len(self._leaves):
            return [0] * len(rows)
        failed = np.array(rows).take(self._features, axis=1) > self._thresholds
        ruled_out = np.bitwise_or.reduceat(failed * self._masks, self._starts, axis=1)
        leaves = _LOWEST_CLEAR.take(ruled_out) + self._first_leaf
        scores: list[int] = self._leaves.take(leaves).sum(axis=1).tolist()
        return scores


def _ruled_out(tree: Tree, node: tuple[int, float, int, int]) -> int:
    """The leaves, as bits, that are to the left of a node and not to its right."""
    return _below(tree, node[2]) & ~_below(tree, node[3])


def _below(tree: Tree, at: int) -> int:
    if at < 0:
        return 1 << ~at
    _, _, left, right = tree.nodes[at]
    return _below(tree, left) | _below(tree, right)


def to_json(model: Model, about: str) -> str:
    """The model as the text of its file; `about` says where it came from."""
    trees = [tree._asdict() for tree in model.trees]
    lines = ",\n".join(json.dumps(tree, separators=(",", ":")) for tree in trees)
    head = {"about": about, "features": NAMES, "join_from": model.join_from}
    return json.dumps(head, indent=1)[:-2] + ',\n "trees": [\n' + lines + "\n]}\n"


def from_json(text: str) -> Model:
    """The model in the text of a file. Raises ValueError where it was learned for other features."""
    data: dict[str, Any] = json.loads(text)
    if tuple(data["features"]) != NAMES:
        raise ValueError("the model was learned for other features than this version computes; learn it again")
    trees = tuple(Tree(tuple(map(tuple, tree["nodes"])), tuple(tree["leaves"])) for tree in data["trees"])
    return Model(trees, data["join_from"])


@cache
def load_model(path: Path) -> Model:
    """The model in a file, read once a process."""
    return from_json(path.read_text(encoding="utf-8"))
