"""Tagging: what comes in is a cleaned article, what goes out is the same with its language, how sure, and who says so.

Stories are kept a language at a time, so a wrong tag splits a story and a missing one only leaves an article alone:
where nothing is certain the tag is `und`. What the wire declared is kept beside it, and speaks where the text can't.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from langdetect.detector import Detector

from transforms.article import Article
from transforms.language.declared import canonical, written
from transforms.language.han import chinese
from transforms.language.profiles import LANGUAGES, detect
from transforms.language.scripts import LANGUAGE_OF_SCRIPT, Letters, letters_of

LEADING = 500
"""Characters of the headline, and of the body, that are looked at. 500 and 1,000 of the body tag the development
corpus alike; 300 tag two articles worse."""

FEW_LETTERS = 20
"""Under this a text isn't judged: stock langdetect is right on .86 of texts of this length and on .69 of half of it.
A CJK character counts as CJK_WEIGHT letters, so seven are enough."""

UNSURE_LETTERS = 50
"""Under this a guess that isn't certain yields to any declaration; from here on langdetect is right on .98."""

KNOWN = 0.65
"""The least share of a text's trigrams that the winning profile must know."""

AGREED = 0.9
"""The least probability that langdetect must give: its trials, each from another sample, named the same language."""

NUMBERS = 3
"""A text with a digit for each so many letters is a table or a line of prices: its words are names, in any language. A
script tells a language all the same."""

DECLARED_CONFIDENCE = 0.8
"""A site declares the language of its template, at times not the article's (8 of 258 sites)."""

SCRIPT_CONFIDENCE = 0.99
"""No text of the development data was told wrongly by its script; some language that shares it will be."""

_CONFIDENCE = ((120, 0.99), (80, 0.98), (50, 0.97), (30, 0.94), (20, 0.9))
"""Letters from which on langdetect is right this often: what was measured on the development data (1.00, .99, .98, .97
and .93 of the tags given to languages that it knows), less a little for those that it doesn't."""

# A declared language -> what detection calls it, having nothing of its own for it. Only the declaration tells these.
_TAKEN_FOR = {
    "as": ("bn",),
    "be": ("ru", "uk"),
    "bs": ("hr",),
    "cnr": ("hr", "mk"),
    "gl": ("pt",),
    "ms": ("id",),
    "sr": ("hr", "mk"),
    "sr-Latn": ("hr",),
    "ti": ("am",),
    "yi": ("he",),
    "zh-Hans": ("zh",),
    "zh-Hant": ("zh",),
}

# Letters that a language doesn't have, where its profile wins texts of a relative that langdetect doesn't know:
# Serbian in Cyrillic goes to Macedonian, Azerbaijani to Turkish.
_NOT_WRITTEN = {"mk": "ђћ", "tr": "ə"}


class Tag(NamedTuple):
    """The language of a text."""

    language: str
    """BCP 47: a language, for Chinese its script too (`zh-Hans`, `zh-Hant`; `zh` where no character tells them apart);
    `und` for unsure."""
    confidence: float
    """How often tags like this are right: 0 to 1, two decimals. 0 for `und`."""
    method: str
    """`script` told it, `profile` (langdetect's), `declared`, or `none`."""


_UNSURE = Tag("und", 0.0, "none")


def tag(text: str, declared: str = "") -> Tag:
    """The language of `text`; `declared` is what the wire says, in any form. Never raises.

    Detection has the first word. The declaration has it where the text is short or mostly numbers, where langdetect
    is unsure and the two agree, and where a language is declared that langdetect doesn't know and so can't deny.
    """
    text = Detector.MAIL_RE.sub(" ", Detector.URL_RE.sub(" ", text))
    characters = Counter(text)
    letters = letters_of(characters)
    stated = written(canonical(declared))
    homes = _homes(stated)
    # Latin letters deny nothing: a short Chinese or Russian text may be all tickers
    possible = stated and (not homes or letters.script in ("", "Latin", *homes))
    as_declared = Tag(stated, DECLARED_CONFIDENCE, "declared") if possible else _UNSURE
    mostly_numbers = NUMBERS * letters.digits > letters.total and letters.script in LANGUAGES
    if letters.total < FEW_LETTERS or mostly_numbers:
        return as_declared
    found, sure = _detect(text, characters, letters)
    if sure:
        return as_declared if found.language in _TAKEN_FOR.get(stated, ()) else found
    if letters.total < UNSURE_LETTERS or not homes or stated == found.language:
        return as_declared
    return _UNSURE


def tag_language(article: Article) -> Article:
    """`article` with its language detected from the headline and the start of the body, and the declaration mended."""
    found = tag(f"{article.headline[:LEADING]}\n{article.body[:LEADING]}", article.language_declared)
    return article._replace(
        language_declared=canonical(article.language_declared),
        language_detected=found.language,
        language_confidence=found.confidence,
        language_method=found.method,
    )


def _detect(text: str, characters: Mapping[str, int], letters: Letters) -> tuple[Tag, bool]:
    """What the text itself says, and whether that is sure."""
    confidence = next(right for least, right in _CONFIDENCE if letters.total >= least)
    if letters.script == "Han":
        return Tag(chinese(characters), confidence, "script"), True
    if letters.script in LANGUAGE_OF_SCRIPT:
        return Tag(LANGUAGE_OF_SCRIPT[letters.script], SCRIPT_CONFIDENCE, "script"), True
    if letters.script not in LANGUAGES:
        return _UNSURE, False
    capitals = sum(count for character, count in characters.items() if character.isupper())
    # langdetect leaves words in capitals out, and old wires send nothing else
    guess = detect(text.lower() if 2 * capitals > letters.total else text, letters.script)
    if guess is None:
        return _UNSURE, False
    written_so = not any(letter in characters for letter in _NOT_WRITTEN.get(guess.language, ""))
    sure = guess.known >= KNOWN and guess.probability >= AGREED and written_so
    return Tag(guess.language, round(confidence * guess.probability, 2), "profile"), sure


def _homes(language: str) -> tuple[str, ...]:
    """The scripts in which detection knows the language, none for one that it doesn't know."""
    primary = language.split("-")[0]
    homes = [script for script, only in LANGUAGE_OF_SCRIPT.items() if only == primary]
    homes += [script for script, languages in LANGUAGES.items() if primary in languages]
    return (*homes, "Han") if primary in ("zh", "ja") else tuple(homes)
