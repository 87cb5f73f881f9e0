"""Simplified and traditional Chinese told apart: what comes in is a text's characters, what goes out is a BCP 47 tag.

langdetect has a profile for each (zh-cn, zh-tw); here only how often they use each character counts, so that half a
headline is enough and Korean stays out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import log

from transforms.language.profiles import NORMAL, load_profile
from transforms.language.scripts import script_of

# langdetect's smoothing: half a ten-thousandth for a character that a profile doesn't have (detector.py, ALPHA_DEFAULT
# over BASE_FREQ).
_SMOOTHING = 0.5 / 10_000

# Weights are integers, so that sums are exact in any order; 2^14 keeps four digits of a logarithm.
_SCALE = 1 << 14

# A character counts if one of the two uses it e times as often. Between .2 and 1 the table hardly changes (604 and 596
# characters of 1,035); without a cut, characters of both scripts vote for whatever Wikipedia's editors wrote about.
_LEAST_RATIO = 1.0


@cache
def _weights() -> Mapping[str, int]:
    """Character in langdetect's normal form -> scaled logarithm of traditional over simplified use."""
    simplified, traditional = load_profile("zh-cn"), load_profile("zh-tw")
    weights = {}
    for character in sorted({*simplified.freq, *traditional.freq}):
        if len(character) == 1 and script_of(character) == "Han":
            in_simplified = simplified.freq.get(character, 0) / simplified.n_words[0]
            in_traditional = traditional.freq.get(character, 0) / traditional.n_words[0]
            ratio = log((_SMOOTHING + in_traditional) / (_SMOOTHING + in_simplified))
            if abs(ratio) >= _LEAST_RATIO:
                weights[character] = round(_SCALE * ratio)
    return weights


def chinese(characters: Mapping[str, int]) -> str:
    """`zh-Hans` or `zh-Hant`, given how often each character occurs; `zh` where nothing tells them apart."""
    weights = _weights()
    balance = sum(count * weights.get(NORMAL[ord(character)], 0) for character, count in characters.items())
    if not balance:
        return "zh"
    return "zh-Hant" if balance > 0 else "zh-Hans"
