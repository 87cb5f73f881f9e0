"""Tagging: what comes in is a cleaned article, what goes out is the same with its language, how sure, and who says so.

Stories are kept a language at a time, so a wrong tag splits a story and a missing one only leaves an article alone:
where nothing is certain the tag is `und`. What the wire declared is kept beside it, and speaks where the text can't.
An article in two languages also says how much of it each of them takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from langdetect.detector import Detector
from langdetect.utils.ngram import NGram

from transforms.article import Article, LanguageShare
from transforms.language.declared import canonical, written
from transforms.language.han import chinese
from transforms.language.profiles import BLOCK, LANGUAGES, SCALE, Array, Guess, Reading, profiles, table
from transforms.language.scripts import CAPITAL, CJK, CLASSES, LANGUAGE_OF_SCRIPT, MARK, SCRIPTS, Letters, letters_of

LEADING = 500
"""Characters of the headline, and of the body, that decide the tag. 500 and 1,000 of the body tag the development
corpus alike; 300 tag two articles worse."""

STRETCHES = 4
STRETCH = 192
"""Of the rest of a body so many stretches of so many characters are looked at too, evenly apart, for a second
language."""

SECOND = 5
"""A second language counts that takes more than one letter in so many of what is looked at."""

LEAST_SHARE = 0.1
"""Of a third one: less is within what blocks are mistaken by."""

SECOND_LETTERS = 150
"""And as many as two or three sentences have: company names are shorter, in headlines and where they come again."""

FEW_LETTERS = 20
"""Under this a text isn't judged: stock langdetect is right on .86 of texts of this length and on .69 of half of it.
A CJK character counts as CJK_WEIGHT letters, so seven are enough."""

UNSURE_LETTERS = 50
"""Under this a guess that isn't certain yields to any declaration; from here on langdetect is right on .98."""

FITS = ((500, 460), (300, 420), (200, 410), (160, 360), (120, 340), (80, 340), (50, 310), (30, 250), (20, 250))
"""Letters from which on a text must fit the winner so well (see `Profiles.guess`): two right guesses in a thousand of
that length on the development data fit worse."""

MARGIN = 4 * SCALE
"""The least margin of the winner: of guesses with less, hardly more than half are right."""

EXCESSES = ((200, 995), (150, 992), (100, 986), (70, 972), (40, 935), (20, 833), (0, 818))
"""How far a text fits better than it must -> how often it is in a language that langdetect knows, in thousandths; one
text in fifty is taken to be in another one (see tests/bench/language.py, which worked out FITS, EXCESSES and MARGINS).
"""

MARGINS = ((40, 995), (24, 986), (16, 972), (12, 945), (8, 916), (6, 839), (4, 700))
"""Margin of the winner in nats -> how often it is right if langdetect knows the language, in thousandths."""

OTHER_MARGIN = 8 * SCALE
"""A block is in another language than the rest where that one leads by so much."""

NUMBERS = 3
"""A text with a digit for each so many letters is a table or a line of prices: its words are names, in any language. A
script tells a language all the same."""

SURE = 0.95
"""A guess with less yields to a declared language of the same script: a site's is right 97 times in a hundred."""

DECLARED_CONFIDENCE = 0.8
"""A site declares the language of its template, at times not the article's (8 of 258 sites)."""

SCRIPT_CONFIDENCE = 0.99
"""No text of the development data was told wrongly by its script; some language that shares it will be."""

# Blocks of a text: a range of them, or for each of them whether it is meant.
_Blocks = slice | Array

_WHOLE = 100

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
# Serbian in Cyrillic goes to Macedonian, Azerbaijani to Turkish, Belarusian and Kazakh to Russian. Of two hundred
# letters one may be of a name.
_NOT_WRITTEN = {"mk": "ђћ", "ru": "іўәғқңөұүһ", "tr": "ə"}
_OF_NAMES = 200


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
    """The language of `text`, of a long one of its start; `declared` is what the wire says, in any form. Never raises.

    Detection has the first word. The declaration has it where the text is short or mostly numbers, where detection is
    unsure and the two agree, and where a language is declared that langdetect doesn't know and so can't deny.
    """
    return _tag(_look_at(text[: 2 * LEADING]), canonical(declared))


def tag_language(article: Article) -> Article:
    """`article` with the language of its headline and the start of its body, and the declaration mended.

    `languages` has those of the headline and the body, where a second one takes over a fifth of what is looked at.
    """
    declared = canonical(article.language_declared)
    rest = article.body[LEADING:]
    text = _look_at(f"{article.headline[:LEADING]}\n{article.body[:LEADING]}", _stretches(rest), len(rest))
    found = _tag(text, declared)
    return article._replace(
        language_declared=declared,
        language_detected=found.language,
        language_confidence=found.confidence,
        language_method=found.method,
        languages=_languages(text),
    )


class _Text:
    """What is looked at of an article, in blocks of BLOCK characters, and what the profiles make of it.

    `rest` is how many characters `more` stands for.
    """

    def __init__(self, lead: str, more: str = "", rest: int = 0) -> None:
        self.lead, self.more, self.rest = lead, more, rest
        padded = _whole_blocks(lead)
        self.leading = slice(len(padded) // BLOCK)
        """The blocks that decide the tag."""
        self.codes = np.frombuffer((padded + _whole_blocks(more)).encode("utf-32-le", "surrogatepass"), np.uint32)
        self.classes = table("classes").take(self.codes, mode="clip")
        self._of_lead = np.bincount(self.classes[: len(padded)], minlength=CLASSES)
        counts = self._of_lead.tolist()
        self.letters = letters_of(counts)
        """Of the lead."""
        self.capitals = sum(counts[CAPITAL : CAPITAL + len(SCRIPTS)])
        self.marks = counts[MARK]
        self.weight = _WHOLE * rest // len(more) if more else _WHOLE
        """What a letter of `more` counts for, where one of the lead counts for _WHOLE."""
        self._readings: dict[str, tuple[Reading, Array]] = {}

    def whole(self) -> Letters:
        """Of all that is looked at, weighed."""
        of_more = np.bincount(self.classes[BLOCK * self.leading.stop :], minlength=CLASSES)
        return letters_of((_WHOLE * self._of_lead + self.weight * of_more).tolist())

    def weights(self) -> Array:
        """What a letter of each block counts for."""
        weights = np.full(len(self.codes) // BLOCK, self.weight)
        weights[self.leading] = _WHOLE
        return weights

    def by_block(self) -> Array:
        """How many characters of each class each block has."""
        blocks = len(self.codes) // BLOCK
        places = self.classes.reshape(blocks, BLOCK) + np.arange(0, blocks * CLASSES, CLASSES)[:, None]
        return np.bincount(places.ravel(), minlength=blocks * CLASSES).reshape(blocks, CLASSES)

    def read(self, script: str) -> tuple[Reading, Array]:
        """The text as a script's profiles see it, and the weights that each block gives their languages."""
        if script not in self._readings:
            competing = profiles(script)
            reading = competing.read(self.codes)
            self._readings[script] = reading, competing.sums(reading)
        return self._readings[script]


def _look_at(lead: str, more: str = "", rest: int = 0) -> _Text:
    """The text without links and addresses, in langdetect's spelling; in small letters where it has none."""
    text = _Text(_without_links(lead), _without_links(more), rest)
    if text.marks:
        text = _Text(NGram.normalize_vi(text.lead), NGram.normalize_vi(text.more), rest)
    # langdetect leaves words in capitals out, and old wires send nothing else
    if 2 * text.capitals > text.letters.total > 0:
        text = _Text(text.lead.lower(), text.more.lower(), rest)
    return text


def _without_links(text: str) -> str:
    if "://" in text:
        text = Detector.URL_RE.sub(" ", text)
    return Detector.MAIL_RE.sub(" ", text) if "@" in text else text


def _whole_blocks(text: str) -> str:
    """`text` and at least one space after it, where its last word ends."""
    return f"{text} ".ljust(-(-(len(text) + 1) // BLOCK) * BLOCK) if text else ""


def _part(values: Array, blocks: _Blocks) -> Array:
    """Of values for each character those of some blocks."""
    return values.reshape(-1, BLOCK)[blocks].ravel()


def _stretches(rest: str) -> str:
    """What is looked at of the rest of a body."""
    if len(rest) <= STRETCHES * STRETCH:
        return rest
    starts = [(len(rest) - STRETCH) * number // (STRETCHES - 1) for number in range(STRETCHES)]
    return " ".join(rest[start : start + STRETCH] for start in starts)


def _tag(text: _Text, declared: str) -> Tag:
    letters = text.letters
    stated = written(declared)
    homes = _homes(stated.split("-")[0])
    # Latin letters deny nothing: a short Chinese or Russian text may be all tickers
    possible = stated and (not homes or letters.script in ("", "Latin", *homes))
    as_declared = Tag(stated, DECLARED_CONFIDENCE, "declared") if possible else _UNSURE
    if letters.total < FEW_LETTERS or _mostly_numbers(letters):
        return as_declared
    found, sure = _detect(text, text.leading, letters)
    if sure:
        overruled = found.confidence < SURE and stated != found.language and letters.script in homes
        return as_declared if overruled or found.language in _TAKEN_FOR.get(stated, ()) else found
    if letters.total < UNSURE_LETTERS or not homes or stated == found.language:
        return as_declared
    return _UNSURE


def _mostly_numbers(letters: Letters) -> bool:
    return NUMBERS * letters.digits > letters.total and letters.script in LANGUAGES


def _detect(text: _Text, blocks: _Blocks, letters: Letters) -> tuple[Tag, bool]:
    """What some blocks of a text say themselves, and whether that is sure."""
    if letters.script == "Han":
        return Tag(chinese(_part(text.codes, blocks)), SCRIPT_CONFIDENCE, "script"), True
    if letters.script in LANGUAGE_OF_SCRIPT:
        return Tag(LANGUAGE_OF_SCRIPT[letters.script], SCRIPT_CONFIDENCE, "script"), True
    guess = _guess(text, blocks, letters.script) if letters.script in LANGUAGES else None
    if guess is None:
        return _UNSURE, False
    least = _step(FITS, letters.total)
    foreign = sum(map(text.lead.count, _NOT_WRITTEN.get(guess.language, "")))
    sure = guess.fit >= least and guess.margin >= MARGIN and _OF_NAMES * foreign <= letters.total
    return Tag(guess.language, _confidence(guess.fit - least, guess.margin), "profile"), sure


def _step(steps: Sequence[tuple[int, int]], value: int) -> int:
    """The second of the first pair that starts at `value` or below; the last one's where all start above."""
    for least, found in steps:
        if value >= least:
            return found
    return steps[-1][1]


def _guess(text: _Text, blocks: _Blocks, script: str) -> Guess | None:
    reading, sums = text.read(script)
    part = Reading(_part(reading.states, blocks), _part(reading.numbers, blocks))
    return profiles(script).guess(part, np.add.reduce(sums[blocks]).tolist())


def _confidence(excess: int, margin: int) -> float:
    known, right = _step(EXCESSES, excess), _step(MARGINS, margin // SCALE)
    return round(known * right / 1_000_000, 2)


def _languages(text: _Text) -> tuple[LanguageShare, ...]:
    """The languages of a text and the share of its letters that each takes, the greatest first; none for a text in one.

    Blocks are told by themselves, those of one language together once more: what isn't sure then is no language, though
    its letters count. So names, tickers and tables are none, and relatives only where whole blocks are theirs.
    """
    whole = text.whole()
    if SECOND * whole.total >= (SECOND - 1) * whole.all and not _others(text, whole):
        return ()
    counts, weights = text.by_block(), text.weights()
    scripts = np.array([_script_of(letters_of(block)) for block in counts.tolist()])
    if whole.script in CJK:
        scripts[np.isin(scripts, CJK)] = whole.script  # a block of Japanese or Korean may be all Han
    takes: dict[str, int] = {}
    for script in sorted({*scripts.tolist()} - {""}):
        for blocks in _by_language(text, script, scripts == script):
            letters = letters_of(np.add.reduce(counts[blocks]).tolist())._replace(script=script)
            found, sure = _detect(text, blocks, letters)
            if sure and letters.total >= SECOND_LETTERS:
                weighed = letters_of((weights[blocks] @ counts[blocks]).tolist())
                takes[found.language] = takes.get(found.language, 0) + weighed.total
    ranked = sorted(takes, key=lambda language: (-takes[language], language))
    if len(ranked) < 2 or SECOND * takes[ranked[1]] <= whole.all:
        return ()
    shares = [LanguageShare(language, round(takes[language] / whole.all, 2)) for language in ranked]
    return tuple(share for share in shares if share.share >= LEAST_SHARE)


def _script_of(letters: Letters) -> str:
    return "" if letters.total < FEW_LETTERS or _mostly_numbers(letters) else letters.script


def _others(text: _Text, whole: Letters) -> bool:
    """True where over a SECOND of the letters may be in one other language of the same script."""
    if whole.script not in LANGUAGES:
        return False
    _, sums = text.read(whole.script)
    main, best = np.add.reduce(sums).argmax(), sums.argmax(axis=1)
    others = best != main
    if not others.any():
        return False
    others &= sums.max(axis=1) - sums[:, main] >= OTHER_MARGIN
    takes = np.bincount(best[others], text.weights()[others], minlength=1)
    return bool(SECOND * BLOCK * takes.max() > whole.all)


def _by_language(text: _Text, script: str, blocks: Array) -> list[Array]:
    """The blocks of a script, those of one language together."""
    if script not in LANGUAGES:
        return [blocks]
    _, sums = text.read(script)
    main = np.add.reduce(sums[blocks]).argmax()
    best = np.where(sums.max(axis=1) - sums[:, main] >= OTHER_MARGIN, sums.argmax(axis=1), main)
    return [blocks & (best == language) for language in np.unique(best[blocks])]


@cache
def _homes(primary: str) -> tuple[str, ...]:
    """The scripts in which detection knows the language, none for one that it doesn't know."""
    homes = [script for script, only in LANGUAGE_OF_SCRIPT.items() if only == primary]
    homes += [script for script, languages in LANGUAGES.items() if primary in languages]
    return (*homes, "Han") if primary in ("zh", "ja") else tuple(homes)
