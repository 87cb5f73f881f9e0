"""The language step. All texts are invented."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import langdetect.detector_factory
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article
from transforms.language import Tag, tag, tag_language
from transforms.language.declared import canonical, written
from transforms.language.han import chinese
from transforms.language.profiles import LANGUAGES, NORMAL, _factory, _grams, detect, load_profile
from transforms.language.scripts import _BLOCKS, LANGUAGE_OF_SCRIPT, letters_of, script_of

PROJECT = Path(__file__).parents[2]
DEV = PROJECT.parent / "shared" / "data" / "language" / "dev.jsonl"

ENGLISH = "The harbour authority said on Monday that both ferries would sail again once the storm had passed the coast."
HANS = "市政府周一宣布，连接两岸的新桥将于明年开工，预计需要四年时间完成。"
HANT = "市政府週一宣布，連接兩岸的新橋將於明年開工，預計需要四年時間完成。"
NAMELESS = "Qzxv wkrjq pfgnd xqtlw vbzkm hjwqp dzxcv grtwq nmplk xzqwj frtgb kdjwq"

TEXTS = {
    "en": ENGLISH,
    "de": "Die Hafenbehörde teilte am Montag mit, dass beide Fähren nach dem Sturm wieder auslaufen werden.",
    "fr": "La direction du port a annoncé lundi que les deux navires reprendraient la mer après la tempête.",
    "es": "La autoridad del puerto dijo el lunes que los dos barcos volverán a navegar después de la tormenta.",
    "pt": "A autoridade do porto disse na segunda-feira que as duas balsas não vão navegar até ao fim da tempestade.",
    "pl": "Zarząd portu poinformował w poniedziałek, że oba promy wypłyną ponownie, gdy tylko minie sztorm.",
    "tr": "Liman yönetimi pazartesi günü fırtına geçince iki geminin yeniden yola çıkacağını bildirdi.",
    "vi": "Chính quyền cảng cho biết hôm thứ hai rằng cả hai chuyến phà sẽ hoạt động trở lại sau khi bão tan.",
    "ru": "Управление порта сообщило в понедельник, что оба парома снова выйдут в море, как только утихнет шторм.",
    "uk": "Управління порту повідомило в понеділок, що обидва пороми знову вийдуть у море, щойно вщухне шторм.",
    "bg": "Пристанищната управа съобщи в понеделник, че двата ферибота ще тръгнат отново, след като бурята отмине.",
    "ar": "قالت سلطة الميناء يوم الاثنين إن العبارتين ستبحران مرة أخرى بعد مرور العاصفة على الساحل الشمالي للبلاد.",
    "fa": "سازمان بندر روز دوشنبه اعلام کرد که هر دو کشتی پس از پایان توفان دوباره به دریا خواهند رفت.",
    "hi": "बंदरगाह प्राधिकरण ने सोमवार को कहा कि तूफान के गुजरने के बाद दोनों नावें फिर से चलेंगी और यात्रियों को इंतजार करना होगा।",
    "ja": "港湾当局は月曜日、嵐が過ぎ去り次第、二隻のフェリーの運航を再開すると発表した。",
    "ko": "항만 당국은 월요일 폭풍이 지나가면 두 척의 여객선이 다시 운항할 것이라고 밝혔다.",
    "el": "Η αρχή του λιμανιού ανακοίνωσε τη Δευτέρα ότι τα δύο πλοία θα αποπλεύσουν ξανά μετά την καταιγίδα.",
    "he": "רשות הנמל הודיעה ביום שני ששתי המעבורות ישובו להפליג אחרי שהסערה תחלוף.",
    "ka": "პორტის ადმინისტრაციამ ორშაბათს განაცხადა, რომ ორივე ბორანი ქარიშხლის შემდეგ ისევ გავა ზღვაში.",
    "hy": "Նավահանգստի վարչությունը երկուշաբթի հայտնեց, որ երկու լաստանավերը կրկին ծով դուրս կգան։",
    "th": "การท่าเรือแถลงเมื่อวันจันทร์ว่าเรือทั้งสองลำจะออกเดินทางอีกครั้งหลังพายุสงบ",
    "ta": "புயல் கடந்த பிறகு இரண்டு படகுகளும் மீண்டும் இயங்கும் என்று துறைமுகம் அறிவித்தது.",
    "bn": "বন্দর কর্তৃপক্ষ সোমবার জানিয়েছে যে ঝড় থামলে দুটি ফেরি আবার চলবে।",
    "zh-Hans": HANS,
    "zh-Hant": HANT,
}

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


@pytest.mark.parametrize(("language", "text"), TEXTS.items(), ids=TEXTS)
def test_a_sentence_is_tagged(language, text):
    found = tag(text)
    assert found.language == language
    assert found.confidence >= 0.9
    assert found.method == ("profile" if language in sum(LANGUAGES.values(), ()) else "script")


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
    assert letters_of(Counter(text)) == (script, total, digits)


def test_the_blocks_are_sorted_and_apart():
    for (first, last, _), (following, _, _) in pairwise(_BLOCKS):
        assert first <= last < following


def test_every_script_of_one_language_has_letters():
    found = {script_of(chr(code)) for first, last, _ in _BLOCKS for code in range(first, last + 1)}
    assert set(LANGUAGE_OF_SCRIPT) | set(LANGUAGES) | {"Han"} == found - {"", "digit"}


def test_every_profile_of_langdetect_is_used():
    folder = Path(langdetect.__file__).parent / "profiles"
    told_by_script = set(LANGUAGE_OF_SCRIPT.values()) | {"zh-cn", "zh-tw"}
    competing = [language for languages in LANGUAGES.values() for language in languages]
    assert {path.name for path in folder.iterdir()} - told_by_script == set(competing)
    assert len(competing) == len(set(competing))


@pytest.mark.parametrize("script", LANGUAGES)
def test_profiles_compete_in_the_script_they_are_written_in(script):
    for language in LANGUAGES[script][:4]:
        freq = load_profile(language).freq
        assert letters_of({gram: count for gram, count in freq.items() if len(gram) == 1}).script == script


@pytest.mark.parametrize("text", [ENGLISH, TEXTS["vi"], "US-MARKETS: eBay's  O'Neill at 4 p.m. (ET) über-NATO Straße"])
def test_ngrams_are_langdetects_own(text):
    detector = _factory("Latin").create()
    detector.append(f"{text} ")
    ours = [gram for word in text.translate(NORMAL).split() for gram in _grams(word)[0]]
    assert [gram for gram in ours if gram in detector.word_lang_prob_map] == detector._extract_ngrams()


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
    first = detect(TEXTS["pt"], "Latin")
    detect(TEXTS["es"], "Latin")
    assert detect(TEXTS["pt"], "Latin") == first


@pytest.mark.parametrize("text", ["", "   \n", "12,345.67 — 8 %", "Merger talks end", "罢工结束了", "!!! ☂ 🎉"])
def test_too_little_is_not_judged(text):
    assert tag(text) == Tag("und", 0.0, "none")


@pytest.mark.parametrize("text", ["罢工昨日已经结束", "파업이 어제 끝났다고", "ストライキがおわった"])
def test_eight_cjk_characters_are_enough(text):
    assert tag(text).method == "script"


def test_a_short_text_is_less_sure_than_a_long_one():
    assert tag(ENGLISH[:40]).confidence < tag(ENGLISH * 3).confidence <= 0.99


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
    assert chinese(Counter("山水")) == "zh"
    assert chinese(Counter("国")) == "zh-Hans"
    assert chinese(Counter("國")) == "zh-Hant"


def test_an_article_is_tagged_and_keeps_the_rest():
    article = Article(uri="a.txt", headline="Ferries to sail again", body=ENGLISH, language_declared="english")
    tagged = tag_language(article)
    assert tagged == article._replace(
        language_declared="en", language_detected="en", language_confidence=0.98, language_method="profile"
    )
    assert article.language_detected == "und"


def test_only_the_start_of_a_body_counts():
    article = Article(uri="a.txt", body=ENGLISH * 6 + HANS * 100)
    assert tag_language(article).language_detected == "en"


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
        for row in map(json.loads, list(lines)[::3]):
            text = row["text"][:500]
            language = row["lang"].removeprefix("sentences__").split("-")[0]
            if letters_of(Counter(text)).total < 120:
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
    assert right / (right + wrong) >= 0.995
    assert withheld / (right + wrong + withheld) < 0.03
    assert denied > 2 * claimed
