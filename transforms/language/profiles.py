"""langdetect 1.0.9, made deterministic: what comes in is a text and its script, what goes out is a language it knows.

The profiles and the scoring are langdetect's own. What differs from `langdetect.detect`, and why:

- Only the languages written in the text's script compete, each script with its own factory. So Korean, whose profile
  is full of Han n-grams (upstream issue 51), never meets a Chinese text.
- A factory is built once a process, under a lock, from the profiles in a fixed order. Upstream's loads in the order of
  the folder and fails when cold threads start together (upstream issue 65).
- Each detector starts from a fixed seed, so that a text's answer doesn't depend on what came before.
- A winner must know the text: langdetect has no answer for "none of these", and says Estonian or Swahili with all
  certainty to languages it has never seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from sys import intern
from threading import Lock
from typing import Any, NamedTuple

import langdetect
from langdetect.detector_factory import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from langdetect.utils.lang_profile import LangProfile
from langdetect.utils.ngram import NGram

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "Arabic": ("ar", "fa", "ur"),
    "Cyrillic": ("bg", "mk", "ru", "uk"),
    "Devanagari": ("hi", "mr", "ne"),
    "Latin": (
        "af",
        "ca",
        "cs",
        "cy",
        "da",
        "de",
        "en",
        "es",
        "et",
        "fi",
        "fr",
        "hr",
        "hu",
        "id",
        "it",
        "lt",
        "lv",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "sk",
        "sl",
        "so",
        "sq",
        "sv",
        "sw",
        "tl",
        "tr",
        "vi",
    ),
}
"""langdetect's languages, by the script they compete in. The order is part of the result. langdetect's names are
BCP 47 tags here; the two that aren't (zh-cn, zh-tw) are told apart by `han`."""

SEED = 0

TRIALS = 3
"""langdetect's default is 7. One names the right language as often; from three on their disagreement tells a third of
the texts in languages that langdetect doesn't know."""

LONGEST_WORD = 32

_LATIN = re.compile("[A-Za-z]+")
_PROFILES = Path(langdetect.__file__).parent / "profiles"
_factories: dict[str, Any] = {}
_lock = Lock()


class Guess(NamedTuple):
    """What langdetect says about a text."""

    language: str
    probability: float
    """langdetect's own: the mean over its trials. Not a confidence: it is close to 1 even for a language it doesn't
    know."""
    known: float
    """The share of the text's trigrams that the language's profile knows, capitals left out."""


def load_profile(name: str) -> Any:
    """One of langdetect's profiles by its file name (`en`, `zh-tw`): n-gram counts `freq`, totals `n_words`."""
    return LangProfile(**json.loads((_PROFILES / name).read_text(encoding="utf-8")))


def _factory(script: str) -> Any:
    with _lock:
        if script not in _factories:
            factory = DetectorFactory()
            for index, name in enumerate(LANGUAGES[script]):
                factory.add_profile(load_profile(name), index, len(LANGUAGES[script]))
            factory.set_seed(SEED)
            _factories[script] = factory
        return _factories[script]


class _Normal(dict[int, str]):
    """langdetect's normal form of a character, as a table for `str.translate` that fills itself."""

    def __missing__(self, code: int) -> str:
        normal: str = NGram.normalize(chr(code))
        self[code] = normal
        return normal


NORMAL = _Normal()


def _take_apart(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A word's n-grams as langdetect takes them, in its order, and those of three characters without capitals.

    An n-gram never crosses the end of a word, so a text's are its words' in a row: the words of a language are few,
    and taking them apart is most of langdetect's time. Equal n-grams are one object, so that many words fit.
    """
    window = NGram()
    grams = []
    for character in f"{word} ":
        window.add_char(character)
        if not window.capitalword:
            sizes = range(1, min(NGram.N_GRAM, len(window.grams)) + 1)
            grams += [intern(window.grams[-size:]) for size in sizes]
    return (
        tuple(gram for gram in grams if gram != " "),
        tuple(gram for gram in grams if len(gram) == NGram.N_GRAM and not gram[:2].isupper()),
    )


_remembered = lru_cache(maxsize=1 << 15)(_take_apart)


def _grams(word: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    # what is longer is no word, and would fill the memory
    return _remembered(word) if len(word) <= LONGEST_WORD else _take_apart(word)


def detect(text: str, script: str) -> Guess | None:
    """The most likely of the languages that are written in `script`, None where the text has nothing they know.

    `script` is a key of LANGUAGES. The same text and script give the same guess in every process and thread.
    """
    factory = _factory(script)
    table = factory.word_lang_prob_map
    text = NGram.normalize_vi(text)
    if script != "Latin":
        text = _LATIN.sub("", text)  # names and tickers; some profiles learned Latin n-grams from them
    words = [_grams(word) for word in text.translate(NORMAL).split()]
    detector = factory.create()
    detector.n_trial = TRIALS
    detector._extract_ngrams = lambda: [gram for grams, _ in words for gram in grams if gram in table]
    try:
        detector._detect_block()
    except LangDetectException:  # no n-gram that a profile has
        return None
    chances = detector.langprob
    best = max(range(len(chances)), key=chances.__getitem__)
    trigrams = [gram for _, grams in words for gram in grams]
    known = sum(gram in table and table[gram][best] > 0 for gram in trigrams)
    return Guess(factory.langlist[best], chances[best], known / max(1, len(trigrams)))
