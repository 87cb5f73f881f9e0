"""Text -> term counts, as a slip carries them.

In: a cleaned headline and body and the article's language. Out: counts by term id, packed to bytes. A slip carries
counts and not weights, because what a term weighs depends on what the desk has seen by then.

A term is a stemmed lower-case word; in scripts that leave no spaces between words, a pair of neighbouring characters.
Its id is its place in the language's table, or, in a space of its own from `HASHED` on, a hash.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import Stemmer
from numpy.typing import NDArray

from transforms.stories.tables import TermTable, load_table

# The lead carries the story: the development data gain nothing from more text.
BODY_CHARACTERS = 3000
# A character of these scripts says about twice as much as a letter.
SPACELESS_CHARACTERS = 1500
SPACELESS_LANGUAGES = frozenset(["zh", "yue", "wuu", "ja", "th", "lo", "km", "my", "und"])

# A headline can't make an article of more terms than the desk has room for.
HEADLINE_CHARACTERS = 1000
HEADLINE_COUNTS = 2

Ints = NDArray[np.integer[Any]]

# Ids from here on are not places in a table but 31 bits of CRC-32.
HASHED = 1 << 31
# A desk of the busiest language meets some 300,000 words a month; 12 MB of them are kept, then the cache starts anew.
_CACHE_WORDS = 200_000
_MAX_COUNT = 255  # a count is one byte

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def _marks() -> str:
    """The combining marks of the BMP as the inside of a character class: `\\w` leaves out the vowel signs of Hindi."""
    points = [point for point in range(0x300, 0x10000) if unicodedata.category(chr(point))[0] == "M"]
    return "".join(map(chr, points))


# Han, kana, bopomofo, and Thai, Lao, Myanmar, Khmer; Han beyond the BMP too.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_WORD = re.compile(f"[\\w{_marks()}]+")
_RUN = re.compile(f"[{_SPACELESS}]+|[^\\W{_SPACELESS}]+")
_IN_RUN = re.compile(f"[{_SPACELESS}]")
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")


def primary(language: str) -> str:
    """The primary subtag of a BCP 47 tag, in lower case: `zh` for `zh-Hant-HK`; `und` for an empty tag."""
    return language.partition("-")[0].lower() or "und"


def tokens(text: str, language: str) -> list[str]:
    """The words (or character pairs) of `text` in order, lower-case, not stemmed; `language` is a primary subtag."""
    return _split(_plain(text, language).lower(), language)


def spelled_tokens(text: str, language: str) -> list[str]:
    """`tokens` as the text spells them, capitals included."""
    return _split(_plain(text, language), language)


def _plain(text: str, language: str) -> str:
    """The text without links, in one Unicode form."""
    if "://" in text or "www." in text:
        text = _LINK.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC" if language in SPACELESS_LANGUAGES else "NFC", text)
    return text.replace("_", " ")


def _split(text: str, language: str) -> list[str]:
    if language not in SPACELESS_LANGUAGES:
        words = _WORD.findall(text)
        if language == "vi":  # its words are written as several syllables
            words += [f"{left} {right}" for left, right in pairwise(words)]
        return words
    found: list[str] = []
    for run in _RUN.findall(text):
        if _IN_RUN.match(run) and len(run) > 1:
            found += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            found.append(run)
    return found


def stem_function(language: str) -> Callable[[str], str]:
    """Word -> stem for a primary subtag; the word itself where Snowball has no rules for the language."""
    name = _STEMMERS.get(language)
    if name is None:
        return str
    stemmer = Stemmer.Stemmer(name)
    stemmer.maxCacheSize = 0  # ids are cached here, stems need not be cached twice
    stem: Callable[[str], str] = stemmer.stemWord
    return stem


class TermIds(dict[str, int]):
    """Word -> term id of one language, filled as words turn up; every word has one, look up with `[]`.

    A cache: what it holds never shows in a result.
    """

    def __init__(self, language: str, table: TermTable) -> None:
        super().__init__()
        self.language = language
        self.table = table
        self._stem = stem_function(language)

    def __missing__(self, word: str) -> int:
        if len(self) >= _CACHE_WORDS:
            self.clear()
        stem = self._stem(word)
        term = self.table.places.get(stem)
        if term is None:
            term = HASHED | zlib.crc32(stem.encode("utf-8", "surrogatepass"))
        self[word] = term
        return term


@cache
def term_ids(language: str) -> TermIds:
    """The term ids of a primary subtag, by the table that ships for it."""
    return TermIds(language, load_table(language))


def _counts(words: Iterable[str], ids: Mapping[str, int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for word, count in Counter(words).items():
        term = ids[word]
        counts[term] = counts.get(term, 0) + count
    return counts


def counted_text(headline: str, body: str, language: str) -> tuple[str, str]:
    """What of a headline and a body is counted; `language` is a primary subtag."""
    limit = SPACELESS_CHARACTERS if language in SPACELESS_LANGUAGES else BODY_CHARACTERS
    return headline[:HEADLINE_CHARACTERS], body[:limit]


def count_terms(headline: str, body: str, language: str, ids: TermIds | None = None) -> dict[int, int]:
    """Term counts of a headline and the leading part of a body; what the headline says counts twice.

    `language` is a BCP 47 tag; only its primary subtag counts. Articles can be compared only if they were counted
    under the same one: the ids of two languages are not the same terms. `ids` are other than
    the language's own where one learns with another table than ships.
    """
    language = primary(language)
    ids = term_ids(language) if ids is None else ids
    headline, body = counted_text(headline, body, language)
    counts = _counts(tokens(body, language), ids)
    for term, count in _counts(tokens(headline, language), ids).items():
        counts[term] = counts.get(term, 0) + HEADLINE_COUNTS * count
    return counts


def pack(counts: Mapping[int, int]) -> bytes:
    """Counts as bytes: the ids in rising order (uint32, little-endian), then a byte for each count, at most 255."""
    terms = sorted(counts)
    numbers = [counts[term] for term in terms]
    if max(numbers, default=0) > _MAX_COUNT:
        numbers = [min(number, _MAX_COUNT) for number in numbers]
    return struct.pack(f"<{len(terms)}I", *terms) + bytes(numbers)


def unpack(packed: bytes) -> tuple[Ints, Ints]:
    """The ids and counts that `pack` packed. Raises ValueError on bytes that it can't have made."""
    size, rest = divmod(len(packed), 5)
    if rest:
        raise ValueError(f"packed terms have {len(packed)} bytes, which is no multiple of 5")
    return np.frombuffer(packed, "<u4", size), np.frombuffer(packed, np.uint8, size, 4 * size)
