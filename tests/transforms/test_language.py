"""The language step. All texts are invented."""

import json
import random
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import langdetect.detector_factory
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langdetect.detector_factory import DetectorFactory

from transforms.article import Article, LanguageShare
from transforms.language import Tag, tag, tag_language
from transforms.language.build import load_profile, tables
from transforms.language.declared import canonical, written
from transforms.language.han import chinese
from transforms.language.profiles import BLOCK, DATA, LANGUAGES, profiles, table
from transforms.language.scripts import _BLOCKS, END, LANGUAGE_OF_SCRIPT, script_of
from transforms.language.tagger import EXCESSES, FITS, MARGINS, _guess, _look_at

PROJECT = Path(__file__).parents[2]
DEV = PROJECT.parent / "shared" / "data" / "language" / "dev.jsonl"

GOLDEN = tomllib.loads((Path(__file__).parent / "languages.toml").read_text("utf-8"))
TEXTS = {language: golden["text"] for language, golden in GOLDEN.items()}
ENGLISH, HANS = TEXTS["en"], TEXTS["zh-Hans"]
NAMELESS = "Qzxv wkrjq pfgnd xqtlw vbzkm hjwqp dzxcv grtwq nmplk xzqwj frtgb kdjwq"
MALTESE = "L-awtorità tal-port qalet it-Tnejn li ż-żewġ laneċ jerġgħu jsalpu hekk kif tgħaddi l-maltempata mill-kosta."

# Eight threads meet a cold process at one barrier; each line is one thread's answers.
COLD = """
import json, sys, threading
from transforms.language import tag
texts = json.load(sys.stdin)
barrier, answers = threading.Barrier(8), [None] * 8
def work(number):
    barrier.wait()
    order = texts[number:] + texts[:number]
    found = {text: tag(text) for text in order}
    answers[number] = [found[text] for text in texts]
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(answers))
"""


@pytest.mark.parametrize("language", GOLDEN)
def test_a_sentence_is_tagged(language):
    golden = GOLDEN[language]
    assert tag(golden["text"]) == Tag(language, golden["confidence"], golden["method"])
    assert golden["method"] == ("profile" if language in sum(LANGUAGES.values(), ()) else "script")


@pytest.mark.parametrize(
    ("text", "script", "total", "digits"),
    [
        ("", "", 0, 0),
        ("— 12.5 % —", "", 0, 3),
        ("abc где", "Cyrillic", 3, 0),  # a tie goes to the earlier in the alphabet
        ("абвг abc", "Cyrillic", 4, 0),
        ("漢字漢字", "Han", 12, 0),
        ("漢字かな", "Kana", 12, 0),
        ("漢字漢字漢字漢字漢字漢字の", "Han", 39, 0),  # one kana in thirteen may be a name
        ("ソウル", "Kana", 9, 0),
        ("서울 漢城", "Hangul", 12, 0),
        ("NATO 서울", "Hangul", 6, 0),
        ("Ａｂ", "Latin", 2, 0),
        ("𐌰𐌱𐌲", "other", 3, 0),
        ("٣ ०", "", 0, 2),
    ],
)
def test_the_main_script(text, script, total, digits):
    assert _look_at(text).letters[:3] == (script, total, digits)


def test_the_blocks_are_sorted_and_apart():
    for (first, last, _), (following, _, _) in pairwise(_BLOCKS):
        assert first <= last < following


def test_every_script_of_one_language_has_letters():
    found = {script_of(chr(code)) for first, last, _ in _BLOCKS for code in range(first, last + 1)}
    assert set(LANGUAGE_OF_SCRIPT) | set(LANGUAGES) | {"Han"} == found - {"", "digit"}


def test_every_language_has_a_text():
    languages = {*sum(LANGUAGES.values(), ()), *LANGUAGE_OF_SCRIPT.values(), "zh-Hans", "zh-Hant"}
    assert set(TEXTS) == languages


def test_what_comes_after_the_tables_is_no_letter():
    last = chr(END - 1)
    assert not any(c.isalpha() or c.isdecimal() or c.isupper() for c in [last, *map(chr, range(END, 0x110000))])


@pytest.fixture(scope="module")
def rebuilt():
    return tables()


def test_the_shipped_tables_are_langdetects_profiles(rebuilt):
    with np.load(DATA) as shipped:
        assert sorted(shipped.files) == sorted(rebuilt)
        for name, values in rebuilt.items():
            assert shipped[name].dtype == values.dtype
            assert np.array_equal(shipped[name], values), name


@pytest.mark.parametrize("script", LANGUAGES)
def test_every_n_gram_of_a_profile_has_a_weight_and_no_other(script):
    rows = table(f"{script}.rows")
    for index, name in enumerate(LANGUAGES[script]):
        known = set(load_profile(name).freq)
        assert {
            gram for gram, weight in zip(table(f"{script}.grams").tolist(), rows[:, index], strict=True) if weight
        } == {gram for gram in known if script == "Latin" or not re.search("[A-Za-z]", gram)}


def test_every_profile_of_langdetect_is_used():
    folder = Path(langdetect.__file__).parent / "profiles"
    told_by_script = set(LANGUAGE_OF_SCRIPT.values()) | {"zh-cn", "zh-tw"}
    competing = [language for languages in LANGUAGES.values() for language in languages]
    assert {path.name for path in folder.iterdir()} - told_by_script == set(competing)
    assert len(competing) == len(set(competing))


@pytest.mark.parametrize("script", LANGUAGES)
def test_profiles_compete_in_the_script_they_are_written_in(script):
    for language in LANGUAGES[script][:4]:
        used = Counter[str]()
        for gram, count in load_profile(language).freq.items():
            if len(gram) == 1:
                used[script_of(gram)] += count
        assert used.most_common(1)[0][0] == script


@cache
def factory(script):
    """langdetect's own, with the profiles of a script."""
    made = DetectorFactory()
    for index, name in enumerate(LANGUAGES[script]):
        made.add_profile(load_profile(name), index, len(LANGUAGES[script]))
    made.set_seed(0)
    return made


@cache
def weight_of(script):
    return dict(zip(table(f"{script}.grams").tolist(), table(f"{script}.rows").astype(np.int64), strict=True))


# Letters of all kinds that the rules of n-grams tell apart: capitals, marks, forms that langdetect takes for others.
LETTERS = (
    "aeoNATOtz ß ÀéšŠșțỄễạ Œœ ΔΩω Жжиѓ’'.-  Ǆǅ ёЁ𝐀𐐀 شیي ؤ ٣ कखा। 한 あ漢\u00a0\u3000\u0085\ufeff\u0301\u0323\ud800"
)


@pytest.mark.parametrize("script", LANGUAGES)
@given(st.text(max_size=80) | st.text(st.sampled_from(LETTERS), max_size=80) | st.sampled_from([*TEXTS.values()]))
@example("US-MARKETS: eBay's  O'Neill at 4 p.m. (ET) über-NATO Straße IBM")
@example("e\u0323u\u0301 Vie\u0302\u0323t")
def test_n_grams_and_their_counts_are_langdetects_own(script, text):
    if script != "Latin":
        text = re.sub("[A-Za-z]", " ", text)
    look = _look_at(text)
    reading, sums = look.read(script)
    detector = factory(script).create()
    detector.append(f"{look.lead} ")
    grams = detector._extract_ngrams()
    expected = sum((weight_of(script)[gram] for gram in grams), np.zeros(len(LANGUAGES[script]), np.int64))
    assert sums.sum(axis=0).tolist() == expected.tolist()
    assert sums.shape == (len(look.codes) // BLOCK, len(LANGUAGES[script]))
    trigrams = [gram for gram in grams if len(gram) == 3]
    competing = profiles(script)
    for index in range(len(LANGUAGES[script])):
        found = competing._trigrams[index].take(reading.states).sum()
        assert found == sum(weight_of(script)[gram][index] for gram in trigrams)


@pytest.mark.parametrize("language", [language for language in TEXTS if language in sum(LANGUAGES.values(), ())])
def test_the_guess_is_langdetects_at_many_trials(language):
    script = next(script for script, languages in LANGUAGES.items() if language in languages)
    detector = factory(script).create()
    detector.n_trial = 20
    detector.append(TEXTS[language])
    look = _look_at(TEXTS[language])
    assert _guess(look, look.leading, script).language == detector.detect() == language


@given(st.lists(st.sampled_from([*TEXTS.values(), "NATO", "12.5", "漢字"]), max_size=6), st.randoms())
def test_blocks_sum_up_to_the_text(parts, chance):
    look = _look_at(" ".join(parts))
    reading, sums = look.read("Latin")
    rows = profiles("Latin")._rows
    assert sums.sum(axis=0).tolist() == rows[reading.states].sum(axis=0).tolist()
    mask = np.array([chance.random() < 0.5 for _ in sums], bool)
    states = reading.states.reshape(-1, BLOCK)[mask]
    assert sums[mask].sum(axis=0).tolist() == rows[states.ravel()].sum(axis=0).tolist()


def test_tables_of_what_was_measured_fall():
    for measured in (FITS, EXCESSES, MARGINS):
        assert list(measured) == sorted(measured, reverse=True)
    assert EXCESSES[-1][0] == 0


def test_processes_cold_threads_and_hash_seeds_agree():
    texts = [*TEXTS.values(), NAMELESS]
    here = [list(tag(text)) for text in texts]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", COLD],
            cwd=PROJECT,
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        for seed in ("1", "4242")
    ]
    for run in runs:
        answers, _ = run.communicate(json.dumps(texts), timeout=60)
        assert json.loads(answers) == [here] * 8


def test_nothing_global_is_touched():
    before = random.getstate()
    tag(ENGLISH)
    assert random.getstate() == before
    assert langdetect.detector_factory._factory is None
    assert langdetect.DetectorFactory.seed is None


def test_what_came_before_does_not_matter():
    first = tag(TEXTS["pt"])
    tag(TEXTS["es"])
    assert tag(TEXTS["pt"]) == first


@pytest.mark.parametrize("text", ["", "   \n", "12,345.67 — 8 %", "Merger talks end", "罢工结束了", "!!! ☂ 🎉"])
def test_too_little_is_not_judged(text):
    assert tag(text) == Tag("und", 0.0, "none")


@pytest.mark.parametrize("text", ["罢工昨日已经结束", "파업이 어제 끝났다고", "ストライキがおわった"])
def test_eight_cjk_characters_are_enough(text):
    assert tag(text).method == "script"


def test_a_short_text_is_less_sure_than_a_long_one():
    assert tag("Ferries sail after the storm").confidence < tag(ENGLISH * 3).confidence <= 0.99


@pytest.mark.parametrize(
    ("text", "declared", "language", "method"),
    [
        ("Merger talks end", "en-US", "en", "declared"),
        ("", "zh-CN", "zh-Hans", "declared"),
        ("XQZ 12.5 +3.1%", "zh-HK", "zh-Hant", "declared"),
        ("파업 종료", "en", "und", "none"),  # Hangul isn't English, however short
        ("Merger talks end", "klingon", "und", "none"),
        (ENGLISH, "fr", "en", "profile"),
        (HANS, "zh-TW", "zh-Hans", "script"),
        (TEXTS["ja"], "en", "ja", "script"),
        (NAMELESS, "fr", "und", "none"),  # langdetect knows French, and this isn't
        (NAMELESS, "is-IS", "is", "declared"),  # it doesn't know Icelandic, so the wire may be right
        ("The closing prices of the day were 12345.67 and 23456.78 and 34567.89 in all", "pt-BR", "pt", "declared"),
        ("The closing prices of the day were 12345.67 and 23456.78 and 34567.89 in all", "", "und", "none"),
        ("沪深指数 12345.67 23456.78 34567.89 45678.90 收盘价", "", "zh-Hans", "script"),
        ("山水人口大小上下左右", "", "zh", "script"),
        ("山水人口大小上下左右", "zh-TW", "zh-Hant", "declared"),
    ],
)
def test_the_declaration_speaks_where_the_text_cannot(text, declared, language, method):
    found = tag(text, declared)
    assert (found.language, found.method) == (language, method)


def test_a_relative_that_langdetect_does_not_know_is_taken_at_its_word():
    croatian = "Lučka uprava priopćila je u ponedjeljak da će oba trajekta ponovno isploviti nakon što oluja prođe."
    assert tag(croatian).language == "hr"
    assert tag(croatian, "bs") == Tag("bs", 0.8, "declared")
    assert tag(croatian, "en").language == "hr"


def test_serbian_in_cyrillic_is_not_macedonian():
    serbian = "Лучка управа је у понедељак саопштила да ће оба трајекта поново испловити кад прође олуја у луци."
    assert tag(serbian).language == "und"
    assert tag(serbian, "sr-RS").language == "sr"


def test_a_language_without_a_profile_is_withheld():
    icelandic = (
        "Hafnarstjórnin sagði á mánudag að báðar ferjurnar myndu sigla aftur þegar storminn hefði lægt við ströndina."
    )
    assert tag(icelandic) == Tag("und", 0.0, "none")


def test_capitals_are_read():
    assert tag(ENGLISH.upper()).language == "en"


def test_links_and_addresses_do_not_count():
    link = "https://wire.example/" + "a" * 200
    assert tag(f"{HANS} {link} desk@wire.example").language == "zh-Hans"


@pytest.mark.parametrize(
    ("declared", "tagged", "text_language"),
    [
        ("", "", ""),
        ("en", "en", "en"),
        ("EN_us", "en-US", "en"),
        ("en_US.UTF-8", "en-US", "en"),
        (" English ", "en", "en"),
        ("eng", "en", "en"),
        ("zh-CN", "zh-CN", "zh-Hans"),
        ("zh_hk", "zh-HK", "zh-Hant"),
        ("zh-hans-sg", "zh-Hans-SG", "zh-Hans"),
        ("zh-Hant-CN", "zh-Hant-CN", "zh-Hant"),
        ("zh", "zh", "zh"),
        ("繁體中文", "zh-Hant", "zh-Hant"),
        ("iw", "he", "he"),
        ("nb-NO", "nb-NO", "no"),
        ("sr-latn-rs", "sr-Latn-RS", "sr-Latn"),
        ("sr-Cyrl", "sr-Cyrl", "sr"),
        ("de-1996", "de-1996", "de"),
        ("en-US-u-ca-gregory", "en-US", "en"),
        ("es-419", "es-419", "es"),
        ("en-US,en;q=0.9", "en-US", "en"),
        ("jp", "ja", "ja"),
        ("und", "", ""),
        ("xx", "", ""),
        ("news", "", ""),
        ("en-", "", ""),
        ("x" * 100_000, "", ""),
    ],
)
def test_declarations_are_mended(declared, tagged, text_language):
    assert canonical(declared) == tagged
    assert written(tagged) == text_language


def test_han_without_a_difference_stays_plain():
    for text, language in {"山水": "zh", "国": "zh-Hans", "國": "zh-Hant", "\U0010ffff": "zh"}.items():
        assert chinese(np.array([*map(ord, text)])) == language


def test_an_article_is_tagged_and_keeps_the_rest():
    article = Article(uri="a.txt", headline="Ferries to sail again", body=ENGLISH, language_declared="english")
    tagged = tag_language(article)
    assert tagged == article._replace(
        language_declared="en", language_detected="en", language_confidence=0.99, language_method="profile"
    )
    assert article.language_detected == "und"


def test_only_the_start_of_a_body_counts():
    article = Article(uri="a.txt", body=ENGLISH * 6 + HANS * 100)
    assert tag_language(article).language_detected == "en"


def shares(body, headline=""):
    tagged = tag_language(Article("a.txt", headline=headline, body=body))
    return {share.language: share.share for share in tagged.languages}


PARAGRAPH = {language: f"{text} {text}" for language, text in TEXTS.items()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("en", "fr"),
        ("es", "pt"),
        ("sv", "da"),
        ("ru", "uk"),
        ("en", "zh-Hant"),
        ("ar", "fa"),
        ("ja", "ru"),
        ("hi", "en"),
    ],
)
def test_an_article_in_two_languages_says_how_much_of_each(one, other):
    found = shares("\n\n".join([*[PARAGRAPH[one]] * 6, *[PARAGRAPH[other]] * 3]))
    letters = [_look_at(PARAGRAPH[language]).letters.total for language in (one, other)]
    assert {*found} == {one, other}
    assert 0.9 <= sum(found.values()) <= 1
    assert found[other] == pytest.approx(letters[1] / (2 * letters[0] + letters[1]), abs=0.08)


def test_paragraphs_may_take_turns():
    assert set(shares("\n\n".join([PARAGRAPH["en"], PARAGRAPH["fr"]] * 3))) == {"en", "fr"}


def test_the_greater_share_comes_first_and_the_start_decides_the_tag():
    body = "\n\n".join([*[PARAGRAPH["en"]] * 3, *[PARAGRAPH["de"]] * 7])
    tagged = tag_language(Article("a.txt", body=body))
    assert tagged.language_detected == "en"
    assert [type(share) for share in tagged.languages] == [LanguageShare] * 2
    assert [share.language for share in tagged.languages] == ["de", "en"]


@pytest.mark.parametrize("language", TEXTS)
def test_an_article_in_one_language_has_no_shares(language):
    assert shares(PARAGRAPH[language], TEXTS[language]) == {}
    assert shares("\n\n".join([PARAGRAPH[language]] * 12)) == {}


@pytest.mark.parametrize(
    "body",
    [
        f"{PARAGRAPH['en']} {PARAGRAPH['en']}\n\n« {TEXTS['fr']} »",  # a quotation is under a fifth
        f"{ENGLISH}\n\nOwner | Compañía Portuaria de Nordsiel S.A. de C.V.\n\n{ENGLISH}",
        HANS * 2 + "OpenHarbor 与 Nordsiel Freight Technologies Group 合作推出 HarborMind Pro Max 系统。" * 2 + HANS,
        "XQZ 12.5 +3.1% NORDSIEL FREIGHT 7.25 -0.4% KESTREL MARINE 19.05 +1.2% TALLIS ORE 3.30 -2.0%\n" * 8,
        ENGLISH * 3 + "\n" + "Nordsiel Freight Vorstand AG | 12,345.67 | 1,234.56 | 345.67 | 8.9 %\n" * 20,
        MALTESE * 8,
    ],
)
def test_quotations_names_and_tables_are_no_second_language(body):
    assert shares(body) == {}


@pytest.mark.parametrize("declared", ["", "en"])
def test_a_table_is_as_declared(declared):
    prices = "XQZ 12.5 +3.1% NORDSIEL FREIGHT 7.25 -0.4% KESTREL MARINE 19.05 +1.2%\n" * 8
    assert tag(prices, declared).language == (declared or "und")


def test_a_guess_that_is_not_sure_yields_to_a_declaration_of_its_script():
    danish = "Begge færger er klar igen"
    assert tag(danish).confidence < 0.95
    assert tag(danish, "nb") == Tag("no", 0.8, "declared")
    assert tag(danish, "ru") == tag(danish)


TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?")


@given(
    st.text(max_size=150) | st.sampled_from([*TEXTS.values()]), st.text(max_size=20) | st.sampled_from(["zh-CN", "sr"])
)
def test_any_text_has_a_tag(text, declared):
    found = tag(text, declared)
    assert TAG.fullmatch(found.language)
    assert 0 <= found.confidence <= 1
    assert found.confidence == round(found.confidence, 2)
    assert (found.language == "und") == (found.method == "none") == (found.confidence == 0)
    assert found == tag(text, declared)


@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4}", fullmatch=True))
def test_a_mended_declaration_needs_no_mending(declared):
    tagged = canonical(declared)
    assert canonical(tagged) == tagged
    assert re.fullmatch(r"|[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-[a-z0-9]{4,8})*", tagged)


@pytest.mark.skipif(not DEV.exists(), reason="the development data (../shared/data) isn't here")
def test_development_data():
    supported = {*sum(LANGUAGES.values(), ()), *LANGUAGE_OF_SCRIPT.values(), "zh"}
    right = wrong = withheld = denied = claimed = 0
    with DEV.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            text = row["text"][:500]
            language = row["lang"].removeprefix("sentences__").split("-")[0]
            if _look_at(text).letters.total <= 120:
                continue
            found = tag(text).language.split("-")[0]
            if language not in supported | {"nb", "nn"}:
                denied += found == "und"
                claimed += found != "und"
            elif found == "und":
                withheld += 1
            elif found == written(language):
                right += 1
            else:
                wrong += 1
    assert right + wrong + withheld > 100
    assert right / (right + wrong) >= 0.996
    assert withheld <= 0.005 * (right + wrong + withheld)
    assert denied / (denied + claimed) >= 0.78
