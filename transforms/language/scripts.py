"""The script of a text: what comes in is how many letters of each script it has, what goes out is its main one.

Half of the world's languages of news are told by their script alone, and langdetect gets several of those wrong: it
calls Georgian and Armenian Estonian and traditional Chinese Korean. So the script is looked at first, and langdetect
is asked only among the languages that are written in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Blocks of letters, by Unicode's Blocks.txt (15.0): first and last code point, script. Sorted, without overlap.
_BLOCKS = (
    (0x0041, 0x02FF, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0530, 0x058F, "Armenian"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x0780, 0x07BF, "Thaana"),
    (0x08A0, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B00, 0x0B7F, "Oriya"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x0F00, 0x0FFF, "Tibetan"),
    (0x1000, 0x109F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x139F, "Ethiopic"),
    (0x1780, 0x17FF, "Khmer"),
    (0x1C80, 0x1C8F, "Cyrillic"),
    (0x1C90, 0x1CBF, "Georgian"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x2C60, 0x2C7F, "Latin"),
    (0x2D00, 0x2D2F, "Georgian"),
    (0x2D80, 0x2DDF, "Ethiopic"),
    (0x2DE0, 0x2DFF, "Cyrillic"),
    (0x3005, 0x3007, "Han"),
    (0x3041, 0x30FF, "Kana"),
    (0x3100, 0x312F, "Han"),
    (0x3130, 0x318F, "Hangul"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xA640, 0xA69F, "Cyrillic"),
    (0xA720, 0xA7FF, "Latin"),
    (0xA8E0, 0xA8FF, "Devanagari"),
    (0xA960, 0xA97F, "Hangul"),
    (0xAB30, 0xAB6F, "Latin"),
    (0xAC00, 0xD7FF, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB00, 0xFB06, "Latin"),
    (0xFB13, 0xFB17, "Armenian"),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFF, "Arabic"),
    (0xFF21, 0xFF5A, "Latin"),
    (0xFF66, 0xFF9F, "Kana"),
    (0xFFA0, 0xFFDC, "Hangul"),
    (0x20000, 0x323AF, "Han"),
)
_FIRSTS = tuple(first for first, _, _ in _BLOCKS)

LANGUAGE_OF_SCRIPT: Mapping[str, str] = {
    "Armenian": "hy",
    "Bengali": "bn",
    "Ethiopic": "am",
    "Georgian": "ka",
    "Greek": "el",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Hangul": "ko",
    "Hebrew": "he",
    "Kana": "ja",
    "Kannada": "kn",
    "Khmer": "km",
    "Lao": "lo",
    "Malayalam": "ml",
    "Myanmar": "my",
    "Oriya": "or",
    "Sinhala": "si",
    "Tamil": "ta",
    "Telugu": "te",
    "Thaana": "dv",
    "Thai": "th",
    "Tibetan": "bo",
}
"""Scripts that one language of news is written in, or one far more than the others (Assamese, Yiddish and Tigrinya
are the ones this table gets wrong)."""

CJK = ("Hangul", "Kana", "Han")

CJK_WEIGHT = 3
"""A Han, kana or Hangul character says about as much as three letters of an alphabet: translations of one text have
some three times as many letters in English as characters in Chinese, Japanese or Korean."""


DIGIT = "digit"
OTHER = "other"

SCRIPTS = ("", DIGIT, OTHER, *sorted({script for _, _, script in _BLOCKS}))
"""What `script_of` may say; a character's class (see `build`) is its place here, plus CAPITAL or MARK."""

END = _BLOCKS[-1][1] + 2
"""Tables of code points end here: what comes later is no letter, as little as the last one that they have."""

CAPITAL = 32
"""Set in the class of a capital."""

MARK = 64
"""Set in the class of a combining mark that Vietnamese is written with."""


CLASSES = MARK + 1
"""How many classes there are: a mark is no letter."""

_OF_LETTERS = tuple(enumerate(SCRIPTS))[2:]


class Letters(NamedTuple):
    """What a text is written in."""

    script: str
    """The main script, "" for a text without letters, `other` for letters of a script that isn't in the table."""
    total: int
    """How many letters of it there are, CJK characters counted CJK_WEIGHT times."""
    digits: int
    """How many decimal digits the text has."""
    all: int
    """How many letters of any script, weighed likewise."""


def script_of(character: str) -> str:
    """The script of one character: a name from the table, `digit`, `other` for another letter, "" for no letter."""
    if not character.isalpha():
        return DIGIT if character.isdecimal() else ""
    block = bisect_right(_FIRSTS, ord(character)) - 1
    if block >= 0:
        _, last, script = _BLOCKS[block]
        if ord(character) <= last:
            return script
    return OTHER


def letters_of(counts: Sequence[int]) -> Letters:
    """The main script of a text, given how many characters it has of each class (see `build`).

    The script with the most letters wins, the earlier in the alphabet on a tie. Han, kana and Hangul stand together
    first: Japanese and Korean mix them with Han. Among them kana wins from a twelfth on (Japanese copy is over a third
    kana, a headline may have little, and a Chinese text quotes a name now and then), Hangul from a third on.
    """
    letters = {}
    for at, script in _OF_LETTERS:
        if count := counts[at] + counts[at + CAPITAL]:
            letters[script] = count
    hangul, kana, han = (letters.pop(script, 0) for script in CJK)
    if together := hangul + kana + han:
        if kana * 12 >= together and kana > hangul:
            cjk = "Kana"
        elif hangul * 3 >= together:
            cjk = "Hangul"
        else:
            cjk = "Han"
        letters[cjk] = CJK_WEIGHT * together
    if not letters:
        return Letters("", 0, counts[1], 0)
    most = max(letters.values())
    script = min(script for script, count in letters.items() if count == most)
    return Letters(script, most, counts[1], sum(letters.values()))
