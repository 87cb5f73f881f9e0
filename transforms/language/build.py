"""Builds what the language step ships: langdetect's profiles as tables of integers, from the installed langdetect.

    python -m transforms.language.build

writes `data/profiles.npz`. What only depends on langdetect and on Python's Unicode data is worked out here, once, so
that a run neither waits for it nor depends on the last digit of a machine's logarithm:

- `classes`: for each code point up to END its script, and whether it is a capital or a mark (see `scripts`), uint8;
- `han.codes`, `han.weights`: Chinese characters that the traditional profile uses more often than the simplified one,
  or the other way round, and by how much (see `han`);
- for each script in which several of langdetect's languages compete: `<script>.codes` and `<script>.normal`, the code
  points that its n-grams are made of and their normal form; `<script>.grams`, the n-grams, sorted; `<script>.rows`, for
  each n-gram and language the weight that it gives the language; `<script>.typical`, for each language the weight that
  a trigram of its own gives it on average (see `profiles`).
"""

from __future__ import annotations

import json
from math import fsum, log
from pathlib import Path
from string import ascii_letters
from typing import Any

import langdetect
import numpy as np
from langdetect.detector import Detector
from langdetect.utils import messages
from langdetect.utils.lang_profile import LangProfile
from langdetect.utils.ngram import NGram

from transforms.language.profiles import DATA, LANGUAGES, SCALE
from transforms.language.scripts import CAPITAL, END, MARK, SCRIPTS, script_of

PROFILES = Path(langdetect.__file__).parent / "profiles"

# Half a ten-thousandth for an n-gram that a profile doesn't have: langdetect's smoothing.
SMOOTHING = Detector.ALPHA_DEFAULT / Detector.BASE_FREQ

# A Chinese character counts if one of the two uses it e times as often. Between .2 and 1 the table hardly changes (604
# and 596 characters of 1,035); without a cut, characters of both vote for whatever Wikipedia's editors wrote about.
LEAST_RATIO = 1.0

_MARKS = messages.get_string("DMARK_CLASS")


def load_profile(name: str) -> Any:
    """One of langdetect's profiles by its file name (`en`, `zh-tw`): n-gram counts `freq`, totals `n_words`."""
    return LangProfile(**json.loads((PROFILES / name).read_text(encoding="utf-8")))


def tables() -> dict[str, np.ndarray[Any, Any]]:
    """All tables by name."""
    normal = [NGram.normalize(chr(code)) for code in range(END)]
    made = {"classes": np.array([_class(chr(code)) for code in range(END)], np.uint8), **_han(normal)}
    for script in LANGUAGES:
        made |= {f"{script}.{name}": table for name, table in _competition(script, normal).items()}
    return made


def _class(character: str) -> int:
    flags = CAPITAL * character.isupper() | MARK * (character in _MARKS)
    return SCRIPTS.index(script_of(character)) | flags


def _han(normal: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    simplified, traditional = (_shares(load_profile(name)) for name in ("zh-cn", "zh-tw"))
    weights = {}
    for character in {*simplified, *traditional}:
        if len(character) == 1 and script_of(character) == "Han":
            ratio = log((SMOOTHING + traditional.get(character, 0)) / (SMOOTHING + simplified.get(character, 0)))
            if abs(ratio) >= LEAST_RATIO:
                weights[character] = round(SCALE * ratio)
    codes = [code for code, character in enumerate(normal) if character in weights]
    return {
        "han.codes": np.array(codes, np.uint32),
        "han.weights": np.array([weights[normal[code]] for code in codes], np.int32),
    }


def _competition(script: str, normal: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    profiles = [_shares(load_profile(name)) for name in LANGUAGES[script]]
    grams = sorted({gram for profile in profiles for gram in profile})
    if script != "Latin":
        # names and tickers; some profiles learned Latin n-grams from them
        grams = [gram for gram in grams if not set(ascii_letters) & set(gram)]
        normal = [" " if character in ascii_letters else character for character in normal]
    used = {" ", *"".join(grams)}
    # also those that are capitals and have no capital for a normal form, or the other way round
    codes = [c for c, form in enumerate(normal) if form in used or form.isupper() != chr(c).isupper()]
    rows = [[_weight(profile.get(gram, 0)) for profile in profiles] for gram in grams]
    trigrams = [[share for gram, share in profile.items() if len(gram) == 3] for profile in profiles]
    return {
        "codes": np.array(codes, np.uint32),
        "normal": np.array([ord(normal[code]) for code in codes], np.uint32),
        "grams": np.array(grams, "U3"),
        "rows": np.array(rows, np.int32),
        "typical": np.array([round(fsum(share * _weight(share) for share in each)) for each in trigrams], np.int32),
    }


def _weight(share: float) -> int:
    return round(SCALE * log((SMOOTHING + share) / SMOOTHING))


def _shares(profile: Any) -> dict[str, float]:
    """N-gram -> its share of the profile's n-grams of that length."""
    return {gram: count / profile.n_words[len(gram) - 1] for gram, count in profile.freq.items()}


def main() -> None:
    """Writes the tables."""
    DATA.parent.mkdir(exist_ok=True)
    made: dict[str, Any] = tables()
    np.savez_compressed(DATA, **made)
    print(f"{DATA} is written: {DATA.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
