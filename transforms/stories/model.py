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

from transforms.stories.features import NAMES

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
    """Millionths."""


class Model(NamedTuple):
    """Trees, and the score from which an article joins."""

    trees: tuple[Tree, ...]
    join_from: int
    """Millionths: the best candidate is joined if its score is not below."""

    def score(self, row: Sequence[float]) -> int:
        """The sum of the leaves that a row falls into, in millionths of log odds."""
        total = 0
        for nodes, leaves in self.trees:
            at = 0
            while at >= 0:
                feature, threshold, left, right = nodes[at]
                at = left if row[feature] <= threshold else right
            total += leaves[~at]
        return total


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
