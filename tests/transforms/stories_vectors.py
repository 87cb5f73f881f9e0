"""Vectors of the desk's tests: plain mappings, and the arrays that the desk makes of them."""

import numpy as np

from transforms.stories.terms import HASHED
from transforms.stories.vectors import Vector
from transforms.stories.vocabulary import Vocabulary

TABLE_TERMS = 4
TERMS = (*range(TABLE_TERMS), *(HASHED + number for number in range(8)))


def vocabulary():
    """One that knows TERMS, and gave the hashed ones their places in falling order: places and ids sort otherwise."""
    made = Vocabulary(TABLE_TERMS)
    for term in reversed(TERMS):
        made.places(np.array([term]))
    return made


def vector_of(vocabulary, weights):
    """Term -> weight as an article has it: in rising order of term ids."""
    terms = np.array(sorted(weights), np.int64)
    return Vector(vocabulary.places(terms), np.array([weights[term] for term in terms.tolist()], np.int64))


def turned(vector):
    """The same vector with its terms in the opposite order, as a story may have them."""
    return Vector(vector.places[::-1], vector.weights[::-1])


def plain(vocabulary, vector):
    """The term -> weight of a vector."""
    return dict(zip(vocabulary.terms(vector.places).tolist(), vector.weights.tolist(), strict=True))
