"""Simplified and traditional Chinese told apart: what comes in is a text's characters, what goes out is a BCP 47 tag.

langdetect has a profile for each (zh-cn, zh-tw); here only how often they use each character counts, so that half a
headline is enough and Korean stays out of it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from transforms.language.profiles import Array, table
from transforms.language.scripts import END


@cache
def _weights() -> Array:
    """Code point -> logarithm of traditional over simplified use, times SCALE; 0 where it doesn't tell."""
    weights = np.zeros(END, np.int32)
    weights[table("han.codes")] = table("han.weights")
    return weights


def chinese(codes: Array) -> str:
    """`zh-Hans` or `zh-Hant`, given a text's code points; `zh` where nothing tells them apart."""
    balance = _weights().take(codes, mode="clip").sum(dtype=np.int64)
    if not balance:
        return "zh"
    return "zh-Hant" if balance > 0 else "zh-Hans"
